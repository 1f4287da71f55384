"""The flow of the hourly deployment: one more round of sessions, labelled, checked and pinned.

Only the order is decided here. What it pins is a new dataset version, which the next retraining
learns from.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from jamel.builds import new_builds
from jamel.config import Config, load_config, with_key
from jamel.dataset import open_for_changes
from jamel.layout import SHARED_ARM, Layout
from jamel.stores import open_stores
from pipelines.caching import say
from pipelines.events import build_changed
from pipelines.promote import champion_model, start_model
from pipelines.rounds import explorers, gather, label_leftovers
from pipelines.turns import alone


@flow(name="collect", task_runner=ThreadPoolTaskRunner(max_workers=2))  # type: ignore[arg-type]
def collect(config: str = "configs/laptop.yaml", ahead: int = 4) -> dict[str, Any]:
    """Collect the next round with the last models of every arm, in the current directory.

    Args:
        config: the profile.
        ahead: how many rounds may wait for a retraining; with so many, nothing is collected.

    Returns:
        `{"round", "dataset", "validation", "builds"}`, empty when nothing was collected.

    Raises:
        ConfigError: the profile is wrong.
        StoreError: the stores are missing.
        ValidationError: the dataset as a whole did not pass; nothing was pinned.
        Busy: another run holds the project; a run of a deployment waits for it first.
    """
    settings = with_key(load_config(config), os.environ)
    project = Layout.of(settings)
    open_stores(project.root, settings.stores)
    with alone(project), open_for_changes(project.root):
        waiting = project.rounds_waiting()
        if waiting >= ahead:
            say(f"{waiting} rounds wait for a retraining: nothing is collected")
            return {}
        return one_round(settings, project)


def one_round(config: Config, project: Layout) -> dict[str, Any]:
    """The round after the last one, or the first before there is any model; tells of new builds."""
    label_leftovers(config, project)
    trained = project.last_model(SHARED_ARM) is not None
    index = project.last_round(SHARED_ARM) + 1 if trained else 0
    models = explorers(config, project, index, start_model(config, project))
    if now := champion_model(config, project):
        # After a refusal the last model is another one, and the champion is what is watched.
        models = {**models, SHARED_ARM: Path(now["folder"])}
    validation, dataset = gather(config, project, index, models)
    changed = builds_of_round(project, index)
    for app, build in changed:
        say(f"{app} was met in a new build, {build}")
        build_changed(app, build)
    return {
        "round": index,
        "dataset": dataset,
        "validation": validation,
        "builds": [list(pair) for pair in changed],
    }


def builds_of_round(project: Layout, index: int) -> list[tuple[str, str]]:
    """(app, build) of the apps that the round met in a build that no earlier round did."""
    before = set(project.shards("sessions", SHARED_ARM, index - 1))
    now = set(project.shards("sessions", SHARED_ARM, index))
    return new_builds(before, now - before)
