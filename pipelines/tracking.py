"""The tasks around a flow's MLflow run: opened before the work, closed whatever happens.

Rounds nest below it and trainings below their round; the registered model belongs to it. These are
small writes, so they are made by the flow itself: a process of its own would take seconds each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from jamel.config import Config
from jamel.layout import Layout
from jamel.registry import (
    close_round,
    close_run,
    note_dataset,
    open_round,
    open_run,
    watched,
)
from pipelines.caching import say, step


@step("open run")
def open_tracking(config: Config, project: Layout) -> str:
    """The id of a new MLflow run; runs that a killed flow left open are marked as killed."""
    run_id, abandoned = open_run(project.root, config)
    if abandoned:
        say(f"{abandoned} MLflow runs of a killed flow are marked as killed")
    return run_id


@step("close run")
def close_tracking(project: Layout, run_id: str, failed: bool) -> None:
    """Mark the run as finished or failed."""
    close_run(project.root, run_id, failed)


@step("open round")
def open_round_run(config: Config, project: Layout, index: int, parent: str) -> str:
    """The id of a round's MLflow run, below the flow's."""
    return open_round(project.root, config, index, parent)


@step("note dataset")
def note_pinned(project: Layout, run_ids: Sequence[str], md5: str) -> None:
    """Say of runs that began before which dataset version they train on."""
    note_dataset(project.root, run_ids, md5)


@step("close round")
def close_round_run(
    project: Layout,
    run_id: str,
    parent: str,
    results: Mapping[str, Any] | None,
    rounds: Mapping[str, Any] | None,
) -> None:
    """Log what a round came to and close its run."""
    close_round(project.root, run_id, parent, results, rounds)


@contextmanager
def tracked(config: Config, project: Layout) -> Iterator[str]:
    """An open MLflow run around the body of a flow; the caller holds the project."""
    run_id = open_tracking(config, project)
    try:
        with watched(project.root, run_id, config.tracking.system_metrics_s):
            yield run_id
    except BaseException:
        close_tracking(project, run_id, failed=True)
        raise
    close_tracking(project, run_id, failed=False)
