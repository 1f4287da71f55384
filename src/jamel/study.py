"""The evidence: every arm through its own rounds from several seeds, then the test suites, once.

What is made lies in one folder and is kept: a study that was stopped goes on where it was. Knows
neither Prefect nor MLflow; `jamel.results` judges what is measured here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jamel import rounds as of_rounds
from jamel.agents import MODEL_AGENTS, arm_of, known_agents
from jamel.agents.base import weights_digest
from jamel.collect import collect
from jamel.config import Config
from jamel.devices import world_of
from jamel.disk import write_json
from jamel.errors import ConfigError
from jamel.evaluate import evaluate, read_json
from jamel.label import label
from jamel.layout import SHARED_ARM, Layout
from jamel.oracles import ORACLES
from jamel.parallel import Progress, run_parallel
from jamel.train import train


@dataclass(frozen=True, slots=True)
class Training:
    """One arm from one seed, in a folder that all arms of the seed share."""

    config: Config
    folder: Path
    arm: str
    seed: int
    round_index: int

    @property
    def name(self) -> str:
        """What a person reads."""
        return f"{self.arm} seed {self.seed} round {self.round_index}"

    @property
    def layout(self) -> Layout:
        """Where the seed's shards and models lie."""
        return Layout.of(self.config, self.folder / f"seed-{self.seed}")

    @property
    def model(self) -> Path:
        """The model after this round."""
        return self.layout.model(self.arm, self.round_index)

    def settings(self) -> Config:
        """The profile from this seed, on one core."""
        config = self.config
        explore = {"seed": 2 * self.seed, "workers": 1}
        return config.model_copy(
            update={
                "collect": config.collect.model_copy(update=explore),
                "train": config.train.model_copy(update={"seed": self.seed}),
                "evaluate": config.evaluate.model_copy(update={"workers": 1}),
            }
        )


def study(config: Config, folder: Path, progress: Progress | None = None) -> list[Path]:
    """Train what `config.study` names and measure it; returns the files of the evaluations.

    Args:
        config: the profile; rounds, updates and data are the same for every arm.
        folder: everything lies here; what is there already is not made again.
        progress: is told of every finished part.

    Raises:
        ConfigError: an arm, an agent or a suite is unknown.
        ProcessDied: a worker was killed; start again.
        StoreError: the disk is full.
    """
    _check(config)
    folder = Path(folder)
    parts = [*_first_rounds(config, folder), *_trainings(config, folder)]
    files = _evaluations(config, folder)
    total, done = len(parts) + len(files), 0
    for index in range(-1, config.rounds.on_policy + 1):
        now = [part for part in parts if part.round_index == index]
        for name in run_parallel(_work, now, config.collect.workers):
            done += 1
            if progress is not None:
                progress(done, total, name)
    for path, settings, agents in files:
        if not _is_measured(path, agents):
            found = evaluate(settings, agents) | _curve_of(config, folder, path)
            # The project's pinned dataset is not what these models were trained on.
            found["meta"]["dataset_md5"] = ""
            write_json(path, found)
        done += 1
        if progress is not None:
            progress(done, total, path.stem)
    return [path for path, _, _ in files]


def _check(config: Config) -> None:
    """Say before anything is trained what would fail hours later."""
    from jamel.model.configuration import ARMS

    for arm in config.study.arms:
        if arm not in ARMS:
            raise ConfigError(f"expected arms of {', '.join(ARMS)} in study.arms, found '{arm}'.")
    known = [*known_agents(), *ORACLES]
    for agent in config.evaluate.agents:
        if agent not in known:
            raise ConfigError(
                f"expected agents of {', '.join(known)} in evaluate.agents, found '{agent}'."
            )
    for suite in config.study.suites:
        world_of(config.device).check_suite(suite)


def _seeds(config: Config) -> list[int]:
    return sorted({seed for seeds in config.study.arms.values() for seed in seeds})


def _first_rounds(config: Config, folder: Path) -> Iterator[Training]:
    """The data of round 0, which the arms of a seed share; its round counts as -1."""
    for seed in _seeds(config):
        yield Training(config, folder, "", seed, -1)


def _trainings(config: Config, folder: Path) -> Iterator[Training]:
    for index in range(config.rounds.on_policy + 1):
        for arm, seeds in config.study.arms.items():
            for seed in seeds:
                yield Training(config, folder, arm, seed, index)


def _work(part: Training) -> str:
    """One round of one training: explore, label, train, and measure the subject on `valid`."""
    if part.round_index < 0:
        _explore(part, 0, None, None)
        return f"seed {part.seed} explored and labelled"
    settings, layout = part.settings(), part.layout
    before = layout.model(part.arm, part.round_index - 1) if part.round_index else None
    began = time.monotonic()
    if before is not None:
        _explore(part, part.round_index, part.arm, before)
    sessions, labels = (
        layout.shards(kind, part.arm, part.round_index) for kind in ("sessions", "labels")
    )
    train(
        settings, sessions, labels, part.model, part.arm, init_from=before, features=layout.features
    )
    if part.arm == SHARED_ARM and of_rounds.measures(settings):
        _measure_round(part, settings, time.monotonic() - began)
    return part.name


def _explore(part: Training, index: int, arm: str | None, model: Path | None) -> None:
    settings, layout = part.settings(), part.layout
    name = layout.round_name(arm or SHARED_ARM, index)
    sessions = collect(
        settings, layout.sessions / name, round_index=index, arm=arm, model_dir=model
    )
    label(settings, sessions, layout.labels / name)


def _measure_round(part: Training, settings: Config, seconds: float) -> None:
    path = part.layout.round_results(part.round_index)
    if _is_measured(path, {part.arm: part.model}):
        return
    found = evaluate(of_rounds.settings(settings), {part.arm: part.model})
    write_json(path, found | {"round": {"round": part.round_index, "seconds": round(seconds, 1)}})


def _curve_of(config: Config, folder: Path, path: Path) -> dict[str, Any]:
    """The rounds of the subject's training from the seed of this file, for the files of one suite.

    Every training has one curve, whatever number of suites it is measured on.
    """
    seed = path.stem.rpartition("seed-")[2]
    if not seed.isdigit() or path.parent.name != config.study.suites[0]:
        return {}
    layout = Training(config, folder, SHARED_ARM, int(seed), 0).layout
    numbers = range(config.rounds.on_policy + 1)
    found = [read_json(p) for number in numbers if (p := layout.round_results(number)).is_file()]
    return {"rounds": of_rounds.curve(found)} if found else {}


def _evaluations(config: Config, folder: Path) -> list[tuple[Path, Config, dict[str, Path | None]]]:
    """(file, profile, agents): on each suite those without a model, then every seed's models."""
    plans = []
    timed = config.study.suites[0], f"seed-{_seeds(config)[0]}"
    for suite in config.study.suites:
        simple = [name for name in config.evaluate.agents if name not in MODEL_AGENTS]
        shown: list[tuple[str, Mapping[str, Path | None]]] = [
            ("simple", dict.fromkeys(simple)),
            *((f"seed-{seed}", _models(config, folder, seed)) for seed in _seeds(config)),
        ]
        for name, agents in shown:
            # Late decisions cost the same wherever they are timed.
            late = config.evaluate.latency and (suite, name) == timed
            section = config.evaluate.model_copy(update={"suite": suite, "latency": late})
            settings = config.model_copy(update={"evaluate": section})
            path = folder / "evaluation" / suite / f"{name}.json"
            plans.append((path, settings, dict(agents)))
    return [plan for plan in plans if plan[2]]


def _models(config: Config, folder: Path, seed: int) -> dict[str, Path | None]:
    """The agents of a seed with their models after the last round."""
    trained = [arm for arm, seeds in config.study.arms.items() if seed in seeds]
    named = [name for name in config.evaluate.agents if name in MODEL_AGENTS]
    names = dict.fromkeys([*trained, *(name for name in named if arm_of(name) in trained)])
    last = config.rounds.on_policy
    return {name: Training(config, folder, arm_of(name), seed, last).model for name in names}


def _is_measured(path: Path, agents: Mapping[str, Path | None]) -> bool:
    """Whether these very models were measured already: test suites are run once."""
    if not path.is_file():
        return False
    versions: Mapping[str, str] = read_json(path)["meta"]["versions"]
    return set(versions) == set(agents) and all(
        versions[name].startswith(weights_digest(model)) for name, model in agents.items() if model
    )
