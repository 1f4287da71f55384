"""Training checkpoints and finished models on disk: safetensors and JSON, whole or not at all.

Knows nothing of losses or data. A checkpoint holds the weights, AdamW's moments, the number of
updates done and the losses so far; everything else of an update is a function of its number.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from jamel.disk import sync
from jamel.model.modeling import JamelModel

MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training got; `recipe` is a digest of everything that determines it."""

    recipe: str
    updates: int
    losses: list[float]


def save_checkpoint(
    folder: Path, model: JamelModel, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write `folder`/update-N, then remove older ones; a crash leaves one complete checkpoint.

    Args:
        folder: of this training's checkpoints.
        model: its weights are written.
        optimizer: AdamW; its moments are written.
        progress: how far the training got.
    """
    target = folder / f"update-{progress.updates}"
    temporary = folder / f".{target.name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(weights, temporary / "model.safetensors")
    save_file(_moments(model, optimizer), temporary / "optimizer.safetensors")
    state = {"recipe": progress.recipe, "updates": progress.updates, "losses": progress.losses}
    (temporary / "progress.json").write_text(json.dumps(state), encoding="utf-8")
    publish(temporary, target)
    for older in folder.glob("update-*"):
        if older != target:
            shutil.rmtree(older)


def load_checkpoint(
    folder: Path, recipe: str, model: JamelModel, optimizer: torch.optim.Optimizer
) -> Progress | None:
    """Restore the last complete checkpoint of the same recipe, None when there is none."""
    found = sorted(folder.glob("update-*"), key=lambda path: int(path.name.split("-")[1]))
    for path in reversed(found):
        try:
            state = json.loads((path / "progress.json").read_text(encoding="utf-8"))
            if state["recipe"] != recipe:
                continue
            weights = load_file(path / "model.safetensors")
            moments = load_file(path / "optimizer.safetensors")
        except (OSError, ValueError, KeyError, SafetensorError):
            continue
        model.load_state_dict(weights)
        _restore_moments(model, optimizer, moments)
        return Progress(recipe, int(state["updates"]), [float(x) for x in state["losses"]])
    return None


def save_model(model: JamelModel, out_dir: Path, facts: Mapping[str, Any]) -> None:
    """Write the finished model as `out_dir`, replacing one that is there, beside its facts."""
    temporary = out_dir.with_name(f".{out_dir.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    model.save_pretrained(temporary)
    (temporary / "training.json").write_text(json.dumps(dict(facts), indent=1), encoding="utf-8")
    publish(temporary, out_dir)


def finished(out_dir: Path, recipe: str) -> dict[str, Any] | None:
    """The facts of a finished training of the same recipe, None when there is none."""
    try:
        facts = json.loads((out_dir / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if facts.get("recipe") == recipe else None


def publish(temporary: Path, target: Path) -> None:
    """Flush a written folder to disk and give it its name."""
    for path in sorted(temporary.rglob("*")):
        if path.is_file():
            sync(path)
    if target.exists():
        retired = target.with_name(f".{target.name}.old")
        shutil.rmtree(retired, ignore_errors=True)
        target.rename(retired)
        temporary.rename(target)
        shutil.rmtree(retired)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.rename(target)


def _moments(model: JamelModel, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    moments: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        for part, value in optimizer.state.get(parameter, {}).items():
            moments[f"{name}/{part}"] = value.detach().clone().contiguous()
    return moments


def _restore_moments(
    model: JamelModel, optimizer: torch.optim.Optimizer, moments: dict[str, Tensor]
) -> None:
    for name, parameter in model.named_parameters():
        parts = {part: moments[f"{name}/{part}"] for part in MOMENTS if f"{name}/{part}" in moments}
        if parts:
            place = parameter.device
            optimizer.state[parameter] = {
                part: value if part == "step" else value.to(place) for part, value in parts.items()
            }
