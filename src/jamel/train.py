"""Train memory and policy together on labelled sessions.

Knows shards, the model and accelerate; knows nothing of apps, devices or how labels were made.
Which sessions and steps an update sees is a function of the seed and the update's number alone,
so a training that was killed and resumed ends with the same weights. Processes that torchrun
started share each batch, and come to what one process comes to, within rounding.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jamel.config import Config
from jamel.disk import digest_of
from jamel.errors import ConfigError, DatasetError

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from jamel.model.modeling import JamelModel
    from jamel.model.sequences import LabelledSequence

OnMetrics = Callable[[int, dict[str, float]], None]
"""Called with (updates done, what was measured)."""

LOG_EVERY = 10


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A finished training: the model's folder, updates, their losses, time and sessions."""

    path: Path
    updates: int
    losses: list[float]
    seconds: float
    samples: int


def train(
    config: Config,
    session_paths: Sequence[Path],
    label_paths: Sequence[Path],
    out_dir: Path,
    arm: str = "jamel",
    init_from: Path | None = None,
    resume: bool = True,
    on_metrics: OnMetrics | None = None,
    notes: Mapping[str, str] | None = None,
    features: Path | None = None,
) -> TrainResult:
    """Train one arm and save it as `out_dir` (config.json, model.safetensors, training.json).

    Args:
        config: the profile; `model`, `train` and `label.kind` determine the training.
        session_paths: session shards; those without labels are left out.
        label_paths: label shards, named as their sessions.
        arm: one of `jamel.model.configuration.ARMS`.
        init_from: a model to start from, of the same architecture.
        resume: continue from a checkpoint of the same recipe, or return at once if finished.
        on_metrics: called every few updates, and at the last.
        notes: is written to training.json too, such as the dataset's md5.
        features: keeps what sessions come to as arrays, which later trainings need not find again.

    Raises:
        ConfigError: processes that torchrun started are more than a batch has sessions, or the
            training diverges.
        DatasetError: there is nothing to train on, or labels do not fit their session.
        ShardError: a shard is damaged.
    """
    began, out_dir = time.perf_counter(), Path(out_dir)
    pairs = matched_shards(session_paths, label_paths)
    updates = config.train.updates_of(new=init_from is None)
    config = config.model_copy(
        update={"train": config.train.model_copy(update={"updates": updates})}
    )
    recipe = _recipe(config, pairs, arm, init_from)
    done = _already(out_dir, recipe) if resume else None
    if done is not None:
        return done
    training = _Training(config, pairs, arm, init_from, features)
    losses = training.run(out_dir, recipe, resume, on_metrics, notes or {})
    seconds = time.perf_counter() - began
    return TrainResult(out_dir, len(losses), losses, seconds, len(pairs))


def matched_shards(
    session_paths: Sequence[Path], label_paths: Sequence[Path]
) -> list[tuple[Path, Path]]:
    """(session, labels) shards of equal folder and file name, in order of name."""
    labels = {_shard_name(path): Path(path) for path in label_paths}
    sessions = sorted({Path(path) for path in session_paths}, key=_shard_name)
    pairs = [(path, labels[_shard_name(path)]) for path in sessions if _shard_name(path) in labels]
    if not pairs:
        raise DatasetError(
            f"expected labelled sessions to train on, found {len(sessions)} sessions and "
            f"{len(labels)} label shards without a common name. Run `jamel label` first."
        )
    return pairs


def _shard_name(path: Path) -> str:
    return f"{Path(path).parent.name}/{Path(path).name}"


class _Training:
    """The model, its optimizer and its data while a training runs."""

    def __init__(
        self,
        config: Config,
        pairs: list[tuple[Path, Path]],
        arm: str,
        init_from: Path | None,
        features: Path | None = None,
    ) -> None:
        import torch
        from accelerate import Accelerator, DistributedDataParallelKwargs

        from jamel.features import Features
        from jamel.model.configuration import JamelConfig

        self.config, self.arm = config, arm
        self.accelerator: Accelerator = Accelerator(
            cpu=not torch.cuda.is_available(),
            # An arm leaves the parameters of what it lacks alone.
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
        )
        _require_world(self.accelerator.num_processes, config.train.batch_sessions)
        torch.manual_seed(config.train.seed)
        self.model = _model(JamelConfig.from_section(config.model, arm), init_from)
        self.features = Features(self.model.config, config.train.max_steps, features)
        for pair in pairs:
            self.features.add(*pair)
        groups = _parameter_groups(self.model, config.train.weight_decay)
        self.adam = torch.optim.AdamW(groups, lr=config.train.lr)

    def run(
        self,
        out_dir: Path,
        recipe: str,
        resume: bool,
        on_metrics: OnMetrics | None,
        notes: Mapping[str, str],
    ) -> list[float]:
        """Do all updates that are missing; returns the loss of every update."""
        from jamel.checkpoint import load_checkpoint, save_model

        folder = out_dir.with_name(f".{out_dir.name}.checkpoints")
        found = None
        if resume:
            found = load_checkpoint(folder, recipe, self.model, self.adam)
        losses = list(found.losses) if found else []
        self.prepare()
        began, total = time.perf_counter(), self.config.train.updates
        for update in range(len(losses), total):
            metrics = self.update(update)
            losses.append(metrics["loss"])
            metrics["sessions_per_s"] = (
                self.config.train.batch_sessions * (update + 1) / (time.perf_counter() - began)
            )
            self._report(update + 1, metrics, on_metrics)
            self._checkpoint(folder, recipe, losses)
        if self.accelerator.is_main_process:
            facts = {
                **notes,
                "recipe": recipe,
                "arm": self.arm,
                "updates": total,
                "losses": losses,
                "samples": len(self.features.sequences),
                "seconds": round(time.perf_counter() - began, 1),
            }
            save_model(self.accelerator.unwrap_model(self.wrapped), out_dir, facts)
            shutil.rmtree(folder, ignore_errors=True)
        if self.accelerator.num_processes > 1:
            self.accelerator.wait_for_everyone()
            self.accelerator.end_training()
        return losses

    def prepare(self) -> None:
        """Place the model and its optimizer, once their state is there."""
        self.wrapped, self.optimizer = self.accelerator.prepare(self.model, self.adam)
        self.wrapped.train()

    def update(self, number: int) -> dict[str, float]:
        """One step of the optimizer; returns the loss and its parts."""
        import torch

        from jamel.model.configuration import OBJECTIVES
        from jamel.model.losses import total_loss
        from jamel.model.sequences import step_batch

        settings = self.config.train
        chosen, picks, unread = self._draw(number)
        screens, steps, labels = (
            {name: value.to(self.accelerator.device) for name, value in part.items()}
            for part in step_batch(chosen, picks, self.features.rows, unread)
        )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(number, settings.lr, settings.warmup, settings.updates)
        reduced = settings.precision == "bfloat16"
        with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=reduced):
            output = self.wrapped(screens=screens, steps=steps).float()
        loss, metrics = total_loss(
            output,
            labels,
            output.logits > -1e3,
            kind=OBJECTIVES.get(self.arm, self.config.label.kind),
            beta=settings.beta,
            novelty_weight=settings.novelty_weight,
            over_all=self._over_all,
        )
        # Gradients are averaged over processes, and the parts of a loss add up.
        self.accelerator.backward(loss * self.accelerator.num_processes)
        norm = self.accelerator.clip_grad_norm_(self.wrapped.parameters(), 1.0)
        _require_finite(number, metrics["loss"], float(norm))
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {**metrics, "grad_norm": float(norm), "lr": self.optimizer.param_groups[0]["lr"]}

    def _over_all(self, value: torch.Tensor) -> torch.Tensor:
        return self.accelerator.reduce(value, "sum")

    def _draw(
        self, number: int
    ) -> tuple[list[LabelledSequence], list[np.ndarray], np.ndarray | None]:
        """This process's sessions of an update, which steps are decisions, and words left out.

        Every process draws for all of them: a batch is the same however many share it.
        """
        settings = self.config.train
        indices = batch_indices(
            len(self.features.sequences), settings.batch_sessions, number, settings.seed
        )
        generator = np.random.default_rng([settings.seed, number, 0])
        chosen = [self.features.sequences[index] for index in indices]
        picks = [_decisions(item, settings.decisions, generator) for item in chosen]
        words = generator.random(self.model.config.hash_buckets)
        mine = slice(self.accelerator.process_index, None, self.accelerator.num_processes)
        unread = words < settings.unread_words if settings.unread_words else None
        return chosen[mine], picks[mine], unread

    def _report(
        self, updates: int, metrics: dict[str, float], on_metrics: OnMetrics | None
    ) -> None:
        last = updates == self.config.train.updates
        if on_metrics and self.accelerator.is_main_process and (updates % LOG_EVERY == 0 or last):
            on_metrics(updates, metrics)

    def _checkpoint(self, folder: Path, recipe: str, losses: list[float]) -> None:
        from jamel.checkpoint import Progress, save_checkpoint

        updates, settings = len(losses), self.config.train
        if updates % settings.checkpoint_every or updates == settings.updates:
            return
        if self.accelerator.is_main_process:
            model = self.accelerator.unwrap_model(self.wrapped)
            progress = Progress(recipe, updates, losses)
            save_checkpoint(folder, model, self.adam, progress)


def is_first_process() -> bool:
    """Whether this process writes and reports: of those that torchrun started, one does."""
    return os.environ.get("RANK", "0") == "0"


def _require_finite(number: int, loss: float, norm: float) -> None:
    """Before a step that no later one makes good; the last checkpoint is from before it."""
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise ConfigError(
            f"expected a finite loss and gradient in update {number + 1}, found {loss:g} and "
            f"{norm:g}. Lower train.lr, or set train.precision: float32."
        )


def _require_world(processes: int, batch_sessions: int) -> None:
    """Raise ConfigError unless every process that torchrun started takes part and has sessions."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if processes != started:
        raise ConfigError(
            f"expected {started} processes to train together, found {processes}. Start them with "
            "`python -m torch.distributed.run`."
        )
    if batch_sessions < processes:
        raise ConfigError(
            f"expected a batch of at least as many sessions as the {processes} processes, found "
            f"{batch_sessions}. Raise train.batch_sessions, or start fewer processes."
        )


def batch_indices(count: int, size: int, number: int, seed: int) -> list[int]:
    """Which sessions the update sees: epochs of seeded permutations, cut into batches."""
    wanted = range(number * size, (number + 1) * size)
    epochs = {place // count for place in wanted}
    orders = {epoch: np.random.default_rng([seed, epoch]).permutation(count) for epoch in epochs}
    return [int(orders[place // count][place % count]) for place in wanted]


def learning_rate(update: int, peak: float, warmup: int, updates: int) -> float:
    """Linear warmup, then a cosine down to a fiftieth of the peak."""
    if update < warmup:
        return peak * (update + 1) / warmup
    share = (update - warmup) / max(updates - warmup, 1)
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))


def _decisions(
    item: LabelledSequence, count: int, generator: np.random.Generator
) -> np.ndarray[Any, np.dtype[np.int64]]:
    if len(item) <= count:
        return np.arange(len(item))
    return np.sort(generator.choice(len(item), count, replace=False))


def _model(model_config: Any, init_from: Path | None) -> JamelModel:
    from transformers.utils.logging import disable_progress_bar

    from jamel.model.modeling import JamelModel

    if init_from is None:
        return JamelModel(model_config)
    disable_progress_bar()
    return JamelModel.from_pretrained(init_from, config=model_config)


def _parameter_groups(model: torch.nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices only: biases, norms and word vectors are left alone."""
    decayed: list[torch.nn.Parameter] = []
    free: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        matrix = parameter.ndim > 1 and "words" not in name
        (decayed if matrix else free).append(parameter)
    return [{"params": decayed, "weight_decay": decay}, {"params": free, "weight_decay": 0.0}]


def _recipe(
    config: Config, pairs: list[tuple[Path, Path]], arm: str, init_from: Path | None
) -> str:
    """A digest of everything that determines the weights, up to the machine's arithmetic."""
    settings = config.train.model_dump(exclude={"checkpoint_every", "further_updates"})
    inputs = [arm, config.label.kind, settings, config.model.model_dump()]
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode())
    weights = [Path(init_from) / "model.safetensors"] if init_from else []
    for path in [path for pair in pairs for path in pair] + weights:
        digest.update(_shard_name(path).encode())
        digest.update(bytes.fromhex(digest_of(path)))
    return digest.hexdigest()[:16]


def _already(out_dir: Path, recipe: str) -> TrainResult | None:
    from jamel.checkpoint import finished

    facts = finished(out_dir, recipe)
    if facts is None:
        return None
    return TrainResult(
        out_dir, facts["updates"], facts["losses"], facts["seconds"], facts["samples"]
    )
