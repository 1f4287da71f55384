"""How far a model's figures in finished runs can be believed: "it is new now", worth, "exhausted".

Knows runs and calibrations; nothing of agents or files. The expected calibration error is that of
Naeini et al. (AAAI 2015) over bins of equal size; the score is that of Brier (Monthly Weather
Review, 1950). Intervals are bootstrapped over apps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jamel.calibration import Calibration, Exhausted
from jamel.errors import EvaluationError
from jamel.scores import Run
from jamel.statistics import Independent, bounds, resampling_weights

BINS = 10
NOVELTY_MEANS = "new code now"
WORTH_MEANS = "new probes, discounted"
_PREDICTED, _CAME, _COUNT, _SQUARES = range(4)


@dataclass(frozen=True, slots=True)
class Said:
    """Figures (N,) or features (N, F), what came of each (N,), and the app of each."""

    figures: np.ndarray
    came: np.ndarray
    apps: list[str]


def novelty_said(runs: Sequence[Run]) -> Said:
    """The figure "this action reaches new code now" of each decision, and whether it did."""
    return _joined([(run.app, run.novelty, (_gains(run) > 0).astype(float)) for run in runs])


def worth_said(runs: Sequence[Run], gamma: float, lookahead: int) -> Said:
    """The worth of each action taken, and the new probes of it and, discounted, the next ones.

    Worth was learnt as the most that can follow in `lookahead` steps, so what an agent gets of it
    is less.
    """
    parts = []
    for run in runs:
        gains, last = _gains(run), len(run.covered) - lookahead + 1
        if last > 0:
            got = sum(gamma**k * gains[k : last + k] for k in range(lookahead))
            parts.append((run.app, run.worth[:last], np.asarray(got, dtype=float)))
    return _joined(parts)


def exhausted_said(runs: Sequence[Run], window: int, fewer: int) -> Said:
    """The features after each step, and whether fewer new probes came in the next `window`."""
    parts = []
    for run in runs:
        covered = np.array(run.covered)
        came = (covered[window:] - covered[:-window] < fewer).astype(float)
        parts.append((run.app, run.features[: len(came)], came))
    return _joined(parts)


def nothing_left(features: np.ndarray) -> np.ndarray:
    """(N,) the chance that an app is exhausted as the bare figures have it.

    That is the chance that the best candidate left reaches nothing new, from (N, F) features.
    """
    return 1 / (1 + np.exp(features[:, 0]))


def judged(
    runs: Sequence[Run],
    calibration: Calibration | None,
    gamma: float,
    lookahead: int,
    resamples: int = 1000,
) -> dict[str, Any]:
    """How far one agent's figures can be believed, as plain data.

    Args:
        runs: sessions of one agent that gives figures.
        calibration: of its model; without one nothing is mended and "exhausted" is left out.
        gamma: discount of the worth.
        lookahead: steps that the worth looks ahead.
        resamples: of the bootstrap.

    Returns:
        Name of a figure -> what `compared` returns.
    """
    said, worth = novelty_said(runs), worth_said(runs, gamma, lookahead)
    mended = _mended(None if calibration is None else calibration.novelty, said)
    found = {"novelty": compared(NOVELTY_MEANS, said, said.figures, mended, resamples)}
    if len(worth.figures):
        mended = _mended(None if calibration is None else calibration.worth, worth)
        found["worth"] = compared(WORTH_MEANS, worth, worth.figures, mended, resamples)
    if calibration is not None:
        found |= _exhausted(runs, calibration.exhausted, resamples)
    return found


def compared(
    means: str, said: Said, before: np.ndarray, after: np.ndarray | None, resamples: int = 1000
) -> dict[str, Any]:
    """`{"means", "before", "after"}`: the reliability of figures as they are and as mended.

    `after` is None without a calibration.
    """
    mended = None if after is None else reliability(after, said.came, said.apps, resamples)
    return {
        "means": means,
        "before": reliability(before, said.came, said.apps, resamples),
        "after": mended,
    }


def reliability(
    predicted: np.ndarray, came: np.ndarray, apps: Sequence[str], resamples: int = 1000
) -> dict[str, Any]:
    """How well predictions agree with what came, as plain data.

    Args:
        predicted: (N,) chances, or expected counts.
        came: (N,) what came of it: 0 or 1, or counts.
        apps: of each, for the intervals.
        resamples: of the bootstrap.

    Returns:
        `{"count", "rate", "ece", "brier", "bins"}`: the two are `{"mean", "low", "high"}`, the
        expected calibration error (mean distance of the bins' predictions from what came) and the
        mean squared error; a bin is `{"predicted", "came", "low", "high", "count"}`.

    Raises:
        EvaluationError: there is nothing to compare.
    """
    if not len(predicted):
        raise EvaluationError("expected decisions to judge, found none. Run more sessions.")
    sums = _sums_by_app(predicted, came, apps)
    weights = resampling_weights(len(sums), resamples)
    draws = (weights @ sums.reshape(len(sums), -1)).reshape(resamples, BINS, 4)
    whole = sums.sum(axis=0)
    return {
        "count": len(predicted),
        "rate": float(np.mean(came)),
        "ece": _interval(_ece(whole[None]), _ece(draws)),
        "brier": _interval(_brier(whole[None]), _brier(draws)),
        "bins": [
            _bin(whole[place], draws[:, place]) for place in range(BINS) if whole[place].any()
        ],
    }


def calibration_error(now: Said, then: Said, resamples: int = 1000) -> Independent:
    """The expected calibration errors of two samples of decisions, and their difference.

    Raises:
        EvaluationError: a sample has no decisions.
    """
    whole, draws = [], []
    for place, said in enumerate((now, then)):
        sums = _sums_by_app(said.figures, said.came, said.apps)
        weights = resampling_weights(len(sums), resamples, place)
        draws.append(_ece((weights @ sums.reshape(len(sums), -1)).reshape(resamples, BINS, 4)))
        whole.append(float(_ece(sums.sum(axis=0)[None])[0]))
    low, high = bounds(draws[0] - draws[1])
    return Independent(whole[1], whole[0], whole[0] - whole[1], low, high)


def _sums_by_app(predicted: np.ndarray, came: np.ndarray, apps: Sequence[str]) -> np.ndarray:
    """(apps, BINS, 4) sums of predictions, outcomes, decisions and squared errors."""
    names = {app: place for place, app in enumerate(sorted(set(apps)))}
    sums = np.zeros((len(names), BINS, 4))
    columns = [predicted, came, np.ones(len(came)), (predicted - came) ** 2]
    of_app = np.array([names[app] for app in apps])
    np.add.at(sums, (of_app, _bins(predicted)), np.stack(columns, axis=1))
    return sums


def _bins(predicted: np.ndarray) -> np.ndarray:
    """The bin of each prediction: bins of equal size, equal predictions in one."""
    edges = np.quantile(predicted, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, predicted, side="right")


def _bin(whole: np.ndarray, draws: np.ndarray) -> dict[str, Any]:
    """One bin; draws that none of its apps are in say nothing of it."""
    drawn = draws[draws[:, _COUNT] > 0]
    came = whole[_CAME] / whole[_COUNT]
    low, high = bounds(drawn[:, _CAME] / drawn[:, _COUNT]) if len(drawn) else (came, came)
    return {
        "predicted": float(whole[_PREDICTED] / whole[_COUNT]),
        "came": float(came),
        "low": float(low),
        "high": float(high),
        "count": int(whole[_COUNT]),
    }


def _ece(sums_RBX: np.ndarray) -> np.ndarray:
    distance = np.abs(sums_RBX[..., _PREDICTED] - sums_RBX[..., _CAME]).sum(axis=1)
    return distance / sums_RBX[..., _COUNT].sum(axis=1)


def _brier(sums_RBX: np.ndarray) -> np.ndarray:
    return sums_RBX[..., _SQUARES].sum(axis=1) / sums_RBX[..., _COUNT].sum(axis=1)


def _interval(whole: np.ndarray, draws: np.ndarray) -> dict[str, float]:
    low, high = bounds(draws)
    return {"mean": float(whole[0]), "low": low, "high": high}


def _mended(chance: Callable[[float], float] | None, said: Said) -> np.ndarray | None:
    return None if chance is None else np.array([chance(figure) for figure in said.figures])


def _exhausted(runs: Sequence[Run], chance: Exhausted, resamples: int) -> dict[str, Any]:
    said = exhausted_said(runs, chance.window, chance.fewer)
    if not len(said.figures):
        return {}
    chances = np.array([chance(row) for row in said.figures])
    bare = nothing_left(said.figures)
    return {"exhausted": compared(chance.means, said, bare, chances, resamples)}


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
