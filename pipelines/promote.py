"""The tasks around `jamel.registry`: log, register and compare a model, weigh it, move the alias.

The verdict with all its conditions is an artifact in the Prefect UI, promoted or not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jamel.comparison import verdict as verdict_on
from jamel.config import Config
from jamel.evaluate import read_json
from jamel.layout import Layout
from jamel.registry import champion, champion_dir, compare_tracked, register, start_dir, weigh
from jamel.report import write_report
from pipelines.artifacts import show_comparison, show_verdict
from pipelines.caching import digest, say, step
from pipelines.events import gate_decided, model_registered
from pipelines.isolation import in_own_process
from pipelines.summary import verdict

WEIGHTS = "model.safetensors"


@step("champion")
def champion_model(config: Config, project: Layout) -> dict[str, str] | None:
    """The champion's version and the folder of its model, None before any promotion."""
    found = reigning(project.root, config.gate.model)
    return dict(found) if found else None


def reigning(root: Path, model: str) -> dict[str, str]:
    """The version and folder of a registered model's champion, empty before any promotion."""
    now = champion(root, model=model)
    return {"version": now.version, "folder": str(champion_dir(root, model=model))} if now else {}


def start_model(config: Config, project: Layout) -> Path | None:
    """What `rounds.start` names, None where the rounds begin anew; raises ConfigError."""
    named = config.rounds.start
    folder = start_dir(project.root, named)
    if named:
        say(f"rounds start from {named}" if folder else "rounds begin anew: there is no champion")
    return folder


def is_champion(model: Path, now: Mapping[str, str]) -> bool:
    """Whether a trained model has the very weights of the champion."""
    return digest(model / WEIGHTS) == digest(Path(now["folder"]) / WEIGHTS)


@step("register")
def register_model(
    config: Config, project: Layout, model: Path, validation: Mapping[str, Any], run_id: str
) -> str:
    """Log the run, check that the stored model answers as the trained one, and register it."""
    results = read_json(project.results)
    made = in_own_process(
        register,
        project.root,
        model,
        config,
        results,
        validation,
        losses=training_losses(model),
        files=[project.report, Path(validation["docs"]).parent],
        run_id=run_id,
    )
    if made.is_new:
        say(f"registered as version {made.version} of {made.model}")
        model_registered(made.model, made.version)
    else:
        say(f"is version {made.version} of {made.model} already: nothing to register")
    return str(made.version)


def training_losses(model: Path) -> list[float]:
    """The loss of every update, as the training wrote it beside the weights."""
    path = model / "training.json"
    return json.loads(path.read_text(encoding="utf-8"))["losses"] if path.exists() else []


@step("compare")
def compare_with_champion(config: Config, project: Layout, version: str, rival: str) -> None:
    """Put a candidate beside the champion: an artifact here, a page and the data in MLflow."""
    found = in_own_process(compare_tracked, project.root, version, rival, model=config.gate.model)
    show_comparison(found, f"version {version} of {config.gate.model}", f"version {rival}")
    say(f"{verdict_on(found)} Page: {found['page']}")


@step("promote")
def promote_candidate(config: Config, project: Layout, version: str) -> dict[str, Any]:
    """Move the champion's alias to a version if the gate lets it; say why if not.

    Where `gate.approval` asks for a person, the version waits, and the loop does not.
    """
    decision = in_own_process(weigh, project.root, version, config.gate)
    tell_decision(decision)
    return decision


def tell_decision(decision: Mapping[str, Any]) -> None:
    """Show a verdict, log it, and send its event."""
    told = verdict(decision)
    show_verdict(decision, told)
    say(told)
    gate_decided(decision, told)


@step("report")
def write_final_report(project: Layout, decision: Mapping[str, Any], lineage: dict) -> str:
    """The report once more, now with the gate's verdict and where the model came from."""
    return str(write_report(read_json(project.results), project.report, decision, lineage))
