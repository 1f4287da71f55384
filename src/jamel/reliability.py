"""How far a model's figures in finished runs can be believed: "it is new now", worth, "exhausted".

Knows runs and calibrations; nothing of agents or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jamel.calibration import Calibration, Exhausted, reliability
from jamel.scores import Run


@dataclass(frozen=True, slots=True)
class Said:
    """Figures (N,) or features (N, F), what came of each (N,), and the app of each."""

    figures: np.ndarray
    came: np.ndarray
    apps: list[str]


def novelty_said(runs: Sequence[Run]) -> Said:
    """The figure "this action reaches new code now" of each decision, and whether it did."""
    return _joined([(run.app, run.novelty, (_gains(run) > 0).astype(float)) for run in runs])


def worth_said(runs: Sequence[Run], gamma: float) -> Said:
    """The worth of each action taken, and the new probes of it and, discounted, the next one.

    Worth was learnt as the most that can follow, so what an agent gets of it is less.
    """
    parts = []
    for run in runs:
        gains = _gains(run)
        got = gains[:-1] + gamma * gains[1:]
        parts.append((run.app, run.worth[:-1], got))
    return _joined(parts)


def exhausted_said(runs: Sequence[Run], window: int, fewer: int) -> Said:
    """The features after each step, and whether fewer new probes came in the next `window`."""
    parts = []
    for run in runs:
        covered = np.array(run.covered)
        came = (covered[window:] - covered[:-window] < fewer).astype(float)
        parts.append((run.app, run.features[: len(came)], came))
    return _joined(parts)


def judged(runs: Sequence[Run], calibration: Calibration | None, gamma: float) -> dict[str, Any]:
    """Reliabilities of one agent's runs, by name, as plain data.

    Args:
        runs: sessions of one agent that gives figures.
        calibration: of its model, fitted on other apps; what is mended is told beside.
        gamma: discount of the worth.
    """
    said = novelty_said(runs)
    found = {"novelty": reliability(said.figures, said.came, said.apps)}
    if calibration is not None:
        mended = np.array([calibration.novelty(figure) for figure in said.figures])
        found["novelty, calibrated"] = reliability(mended, said.came, said.apps)
        if calibration.exhausted is not None:
            found |= _exhausted(runs, calibration.exhausted)
    worth = worth_said(runs, gamma)
    if len(worth.figures):
        found["worth"] = reliability(worth.figures, worth.came, worth.apps)
    return found


def _exhausted(runs: Sequence[Run], chance: Exhausted) -> dict[str, Any]:
    said = exhausted_said(runs, chance.window, chance.fewer)
    if not len(said.figures):
        return {}
    chances = np.array([chance(row) for row in said.figures])
    name = f"fewer than {chance.fewer} new probes in {chance.window} steps"
    return {name: reliability(chances, said.came, said.apps)}


def _gains(run: Run) -> np.ndarray:
    return np.diff((run.start, *run.covered))


def _joined(parts: Sequence[tuple[str, Sequence[Any], np.ndarray]]) -> Said:
    """The parts of all sessions; of a session that gave no figures nothing."""
    kept = [part for part in parts if len(part[1])]
    return Said(
        figures=np.concatenate([np.array(figures) for _, figures, _ in kept] or [np.zeros(0)]),
        came=np.concatenate([came for _, _, came in kept] or [np.zeros(0)]),
        apps=[app for app, figures, _ in kept for _ in range(len(figures))],
    )
