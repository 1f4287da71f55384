"""Rounds in MLflow: one run each below the flow's, and the curve of all of them on the flow's run.

Knows results and curves as plain data; trainings nest below their round's run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jamel.config import Config
from jamel.plots import rounds_png
from jamel.registry.evaluation import log_results
from jamel.registry.notes import of_round
from jamel.registry.tracking import Tracker


def open_round(root: Path | str, config: Config, round_index: int, parent: str) -> str:
    """Open the run of a round below the flow's run and return its id."""
    name = f"round {round_index}"
    note = of_round(config, round_index)
    return Tracker(root).start(name, config, parent, note, stage="round", round=str(round_index))


def note_dataset(root: Path | str, run_ids: Sequence[str], md5: str) -> None:
    """Say of runs that began before their data was pinned which dataset version they train on."""
    tracker = Tracker(root)
    for run_id in run_ids:
        tracker.log_dataset(run_id, md5, "training")


def close_round(
    root: Path | str,
    run_id: str,
    parent: str,
    results: Mapping[str, Any] | None,
    rounds: Mapping[str, Any] | None,
) -> None:
    """Log what the round came to, and the curve so far to the flow's run.

    Args:
        root: the project.
        run_id: the round's run.
        parent: the flow's run.
        results: the evaluation of the round's model, None where it was not measured.
        rounds: `jamel.rounds.curve` so far.
    """
    tracker = Tracker(root)
    if results is not None and rounds is not None:
        log_results(tracker, run_id, results)
        point = rounds["curve"][-1]
        figures = figures_of(point)
        tracker.log_metrics(run_id, figures)
        if rounds["correlation"]:
            figures["offline_online_correlation"] = rounds["correlation"]["spearman"]
        tracker.log_metrics(parent, figures, step=point["round"])
        picture = rounds_png(rounds["curve"], rounds["budget"], rounds["suite"])
        tracker.log_bytes(parent, picture, "plots/rounds.png")
    tracker.finish(run_id)


def figures_of(point: Mapping[str, Any]) -> dict[str, float]:
    """A point of the curve as metrics: `round_coverage`, its ends, the gain and its ends."""
    found = {"round_coverage": point["mean"]}
    found |= {f"round_coverage_{end}": point[end] for end in ("low", "high")}
    if point.get("rewarded") is not None:
        found["round_rewarded"] = point["rewarded"]
    if point["gain"]:
        found["round_gain"] = point["gain"]["difference"]
        found |= {f"round_gain_{end}": point["gain"][end] for end in ("low", "high")}
    return found
