"""Finished runs become rows, intervals, paired differences and curves.

Knows nothing of agents, environments or files. Coverage is a percentage of what is reachable on
an app: what the search oracle reached, or what the best run reached where that is more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jamel.statistics import bootstrap_curves, paired_rows, summarise

REPORTED_BUDGETS = (50, 120, 240)
"""50 is the paper's. A run reports those it reaches, and its own."""

LATENCY_STEPS = (10, 100, 1000)
WINDOW = 20
"""A latency is the median over this many decisions on either side of the step: screens differ."""

LATENCY_APPS = 4
"""On so many apps decisions are timed in long sessions."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one session came to, step by step. `start` is the coverage of launching the app."""

    suite: str
    app: str
    agent: str
    version: str
    seed: int
    start: int
    covered: tuple[int, ...]
    executed: tuple[bool, ...]
    ms: tuple[float, ...]
    tokens_memory: tuple[int, ...]
    tokens_screen: tuple[int, ...]
    reachable: int
    covered_new: tuple[int, ...] = ()
    """Of `covered`, those in features of kinds that no training app has; empty without such."""
    reachable_new: int = 0
    novelty: tuple[float, ...] = ()
    """Of a model: the figure "it reaches new code now" of each action that was taken; empty where
    one of them was given none."""
    worth: tuple[float, ...] = ()
    """Of a model: the new probes that each action taken was said to lead to, discounted."""
    features: tuple[tuple[float, ...], ...] = ()
    """Of a model: the survey's features after each step."""


def collate(runs: Sequence[Run], resamples: int, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Rows, intervals, paired differences and curves of finished runs."""
    reachable = reachable_by_app(runs)
    budget = int(meta["budget"])
    budgets = sorted({item for item in REPORTED_BUDGETS if item <= budget} | {budget})
    fresh = _reachable_new(runs)
    rows = [
        to_row(run, size, reachable[run.app], fresh[run.app]) for run in runs for size in budgets
    ]
    oracle = {run.app: run.reachable for run in runs}
    found = {
        "budgets": budgets,
        "apps": len(reachable),
        "versions": {run.agent: run.version for run in runs},
        "reachable": reachable,
        "reachable_raised": sorted(app for app in oracle if reachable[app] > oracle[app]),
        "bootstrap": resamples,
    }
    return {
        "meta": {**meta, **found},
        "rows": rows,
        "paired": paired_rows(rows, resamples),
        "summary": summarise(rows, resamples),
        "curves": curves(runs, budget, reachable, resamples),
    }


def reachable_by_app(runs: Iterable[Run]) -> dict[str, int]:
    """App -> probes in reach, raised by a run that found more."""
    reachable: dict[str, int] = {}
    for run in runs:
        best = max(run.reachable, *run.covered, run.start)
        reachable[run.app] = max(best, reachable.get(run.app, 1))
    return reachable


def _reachable_new(runs: Sequence[Run]) -> dict[str, int]:
    """App -> probes of unseen kinds in reach, raised by a run that found more."""
    found: dict[str, int] = {}
    for run in runs:
        best = max(run.reachable_new, *run.covered_new, 0)
        found[run.app] = max(best, found.get(run.app, 0))
    return found


def to_row(run: Run, budget: int, reachable: int, reachable_new: int = 0) -> dict[str, Any]:
    """One session at one budget. A session that ended early keeps its last coverage.

    `probes` are those found after the app was launched. `coverage_new` is None where the app has no
    probes of unseen kinds.
    """
    fresh = run.covered_new[:budget] if reachable_new else ()
    percent = _percent(run, budget, reachable)
    gains = np.diff((run.start, *run.covered[:budget]))
    return {
        "suite": run.suite,
        "app": run.app,
        "seed": run.seed,
        "agent": run.agent,
        "budget": budget,
        "reward": int((gains > 0).sum()),
        "coverage": round(float(percent[-1]), 4),
        "auc": round(float(percent.mean()), 4),
        "probes": (run.covered[:budget] or (run.start,))[-1] - run.start,
        "coverage_new": round(100 * fresh[-1] / reachable_new, 4) if fresh else None,
        "tokens_memory": round(_mean(run.tokens_memory[:budget]), 2),
        "tokens_screen": round(_mean(run.tokens_screen[:budget]), 2),
        "ms_per_decision": round(_mean(run.ms[:budget]), 4),
        "invalid": sum(not executed for executed in run.executed[:budget]),
    }


def curves(
    runs: Sequence[Run], budget: int, reachable: Mapping[str, int], resamples: int
) -> dict[str, dict[str, list[float]]]:
    """Agent -> mean, low and high of the coverage in % after each step, over apps."""
    found = {}
    for agent in dict.fromkeys(run.agent for run in runs):
        apps: dict[str, list[np.ndarray]] = {}
        for run in (item for item in runs if item.agent == agent):
            apps.setdefault(run.app, []).append(_percent(run, budget, reachable[run.app]))
        values = np.stack([np.mean(seeds, axis=0) for seeds in apps.values()])
        mean, low, high = bootstrap_curves(values, resamples).round(3).tolist()
        found[agent] = {"mean": mean, "low": low, "high": high}
    return found


def latencies(run: Run) -> list[dict[str, Any]]:
    """What a decision costs around steps 10, 100 and 1,000, as far as the session went."""
    return [
        {
            "agent": run.agent,
            "app": run.app,
            "step": step,
            "ms": round(_median_near(run.ms, step), 4),
            "tokens_memory": round(_median_near(run.tokens_memory, step), 1),
            "tokens_screen": round(_median_near(run.tokens_screen, step), 1),
        }
        for step in LATENCY_STEPS
        if step <= len(run.ms)
    ]


def _median_near(values: Sequence[float], step: int) -> float:
    near = sorted(values[max(0, step - WINDOW) : step + WINDOW])
    return float(near[len(near) // 2])


def _percent(run: Run, budget: int, reachable: int) -> np.ndarray:
    """(budget,) coverage in % after each step, the last value held when the session was shorter."""
    covered = list(run.covered[:budget]) or [run.start]
    covered += [covered[-1]] * (budget - len(covered))
    return 100 * np.asarray(covered) / reachable


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
