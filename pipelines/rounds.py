"""The rounds of the loop: collect, label, validate, version, train, measure, and again.

Only the order is decided here; `jamel.rounds` says when another round is worth it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jamel import rounds as of_rounds
from jamel.agents import MODEL_AGENTS, OTHER_MODELS, arm_of
from jamel.config import Config, config_digest
from jamel.evaluate import read_json
from jamel.layout import SHARED_ARM, Layout
from pipelines.artifacts import show_training
from pipelines.caching import remembered, say, step
from pipelines.collect import collect_round
from pipelines.evaluate import (
    measure_round,
    require_valid,
    set_unreadable_aside,
    validate_dataset,
    version_dataset,
)
from pipelines.label import label_round
from pipelines.tracking import close_round_run, close_tracking, note_pinned, open_round_run
from pipelines.train import train_arm

Models = Mapping[str, Path | None]


class Rounds(NamedTuple):
    """What the rounds came to: the last one's dataset and models, and the curve of all of them."""

    validation: dict[str, Any]
    dataset: str
    models: dict[str, Path]
    rounds: dict[str, Any] | None


def run_rounds(
    config: Config, project: Layout, grow: bool, run_id: str, start: Path | None = None
) -> Rounds:
    """Every round until the budget is spent or a round gains nothing.

    `start` is the model of another world or project that the first round explores with and trains
    on from.
    """
    label_leftovers(config, project)
    wanted = rounds_to_run(config, project, grow)
    models = explorers(config, project, wanted.start, start)
    for index in wanted:
        done = run_round(config, project, index, models, run_id)
        models = done.models
        last = done.rounds["curve"][-1] if done.rounds else {}
        if not of_rounds.goes_on(config, last.get("gain")):
            say(f"round {index} gained nothing that can be told from nothing: the rounds end")
            break
    return done


def label_leftovers(config: Config, project: Layout) -> None:
    """Label what a run that was interrupted had collected: the dataset is validated as a whole."""
    for folder in sorted(path for path in project.sessions.glob("*") if path.is_dir()):
        labels = project.labels / folder.name
        if any(not (labels / path.name).is_file() for path in folder.glob("*.parquet")):
            label_sessions(config, project, folder.name)


def run_round(config: Config, project: Layout, index: int, models: Models, parent: str) -> Rounds:
    """One round in an MLflow run of its own below the flow's, closed whatever happens."""
    began, run_id = time.monotonic(), open_round_run(config, project, index, parent)
    try:
        validation, dataset = gather(config, project, index, models)
        note_pinned(project, [run_id, parent], dataset)
        trained = train_arms(config, project, index, models, run_id)
        seconds = time.monotonic() - began
        curve = measured_curve(config, project, index, trained[SHARED_ARM], seconds)
    except BaseException:
        close_tracking(project, run_id, failed=True)
        raise
    results = read_json(project.round_results(index)) if curve else None
    close_round_run(project, run_id, parent, results, curve)
    return Rounds(validation, dataset, trained, curve)


def gather(
    config: Config, project: Layout, index: int, models: Models
) -> tuple[dict[str, Any], str]:
    """A round's sessions with labels, checked and pinned: the validation and the dataset's md5."""
    collect_of_arms(config, project, index, models)
    validation = validate_dataset(project)
    require_valid(validation)
    return validation, version_dataset(project, f"dataset/{config_digest(config)}/round-{index}")


def measured_curve(
    config: Config, project: Layout, index: int, model: Path, seconds: float
) -> dict[str, Any] | None:
    """Measure the round's model; returns the curve up to it, None where nothing is measured."""
    if not of_rounds.measures(config):
        return None
    remembered(
        measure_round,
        config=of_rounds.settings(config),
        model=model,
        project=project,
        round_index=index,
        seconds=seconds,
    )
    files = [project.round_results(number) for number in range(index + 1)]
    return of_rounds.curve([read_json(path) for path in files if path.is_file()])


def explorers(config: Config, project: Layout, index: int, start: Path | None) -> Models:
    """Each arm's model that explores in a round; `start`, if any, in the first."""
    first: Models = {SHARED_ARM: start}
    return {
        arm: project.last_model(arm) if index else first.get(arm) for arm in trained_arms(config)
    }


def rounds_to_run(config: Config, project: Layout, grow: bool) -> range:
    """Rounds from the first on, or as many on-policy ones as the profile has beyond the last.

    Rounds that were collected meanwhile are trained on with the last of them, which then is the
    first of those to run: there is nothing more to collect for it.
    """
    if grow and project.last_model("jamel") is not None:
        start = project.last_round("jamel") + (0 if project.rounds_waiting() else 1)
        return range(start, start + max(1, config.rounds.on_policy))
    return range(config.rounds.on_policy + 1)


def trained_arms(config: Config) -> list[str]:
    """The arms to train: jamel and those that the evaluation names."""
    wanted = [
        arm_of(name)
        for name in config.evaluate.agents
        if name in MODEL_AGENTS and name not in OTHER_MODELS
    ]
    return list(dict.fromkeys([SHARED_ARM, *wanted]))


def collect_of_arms(config: Config, project: Layout, index: int, models: Models) -> None:
    """Round 0 for all arms together; later ones by every arm's own model, side by side."""
    if index == 0:
        start = models[SHARED_ARM]
        collect_and_label(config, project, 0, SHARED_ARM if start else None, start)
        return
    arms = trained_arms(config)
    share = max(1, config.collect.workers // len(arms))
    alone = config.model_copy(
        update={"collect": config.collect.model_copy(update={"workers": share})}
    )
    running = [collect_for_arm.submit(alone, project, index, arm, models[arm]) for arm in arms]
    for future in running:
        future.result()


def train_arms(
    config: Config, project: Layout, index: int, models: Models, run_id: str
) -> dict[str, Path]:
    """Every arm on rounds 0 to `index`, side by side with a core each."""
    running = {
        arm: train_for_arm.submit(config, project, arm, index, models[arm], run_id)
        for arm in trained_arms(config)
    }
    return {arm: Path(future.result()) for arm, future in running.items()}


@step("collect for an arm", retries=0)
def collect_for_arm(
    config: Config, project: Layout, index: int, arm: str, model: Path | None
) -> None:
    """One arm's on-policy round."""
    collect_and_label(config, project, index, arm, model)


@step("train an arm", retries=0)
def train_for_arm(
    config: Config, project: Layout, arm: str, index: int, init_from: Path | None, run_id: str
) -> str:
    """Train an arm, starting from its model of the round before."""
    trained = remembered(
        train_arm,
        config=config,
        project=project,
        sessions=project.shards("sessions", arm, index),
        labels=project.shards("labels", arm, index),
        out_dir=project.model(arm, index),
        arm=arm,
        init_from=init_from,
        parent=run_id,
    )
    show_training(f"{arm} round-{index}", trained["losses"])
    return str(trained["model"])


def collect_and_label(
    config: Config,
    project: Layout,
    round_index: int,
    arm: str | None = None,
    model: Path | None = None,
) -> None:
    """One round of an arm, or the round that all arms share when there is no arm."""
    name = project.round_name(arm or "jamel", round_index)
    remembered(
        collect_round,
        config=config,
        out_dir=project.sessions / name,
        round_index=round_index,
        arm=arm,
        model_dir=model,
    )
    label_sessions(config, project, name)


def label_sessions(config: Config, project: Layout, name: str) -> None:
    """Label the sessions of one folder; those that cannot be read are set aside."""
    sessions = project.sessions / name
    set_unreadable_aside(project, sessions)
    shards = sorted(sessions.glob("*.parquet"))
    if shards:
        remembered(label_round, config=config, sessions=shards, out_dir=project.labels / name)
