"""Intervals bootstrapped over apps, and paired differences with wins, ties and losses.

Works on plain numbers and rows; does not know how they were measured. The app is the unit of
resampling: the seeds of one app are averaged first, because runs on one app are not independent.
The percentile bootstrap is that of Efron and Tibshirani, An Introduction to the Bootstrap, ch. 13.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from jamel.errors import EvaluationError

Row = Mapping[str, Any]
Place = tuple[str, str, int, int]
"""Suite, app, seed and budget of a row."""

LEVEL = 0.95
TIE = 1e-9
METRICS = ("reward", "coverage", "auc", "coverage_new", "probes")
"""`coverage_new` is None in rows of apps without probes of kinds that no training app has."""
COSTS = ("tokens", "tokens_memory", "tokens_screen", "ms_per_decision", "invalid")
"""`tokens` is no key of a row: it is the sum of what was read of memory and of the screen."""


class Interval(NamedTuple):
    """A mean over apps with its 95 % interval. With one app, low = mean = high: unknown width."""

    mean: float
    low: float
    high: float
    apps: int


class Paired(NamedTuple):
    """Mean difference per app (mine - theirs) with its 95 % interval, and who won how many."""

    difference: float
    low: float
    high: float
    wins: int
    ties: int
    losses: int


class Independent(NamedTuple):
    """Means of two samples and their difference (now - then) with its 95 % interval."""

    then: float
    now: float
    difference: float
    low: float
    high: float


def resampling_weights(apps: int, resamples: int, seed: int = 0) -> np.ndarray:
    """(resamples, apps) weights that sum to one: how often each resample drew each app.

    Raises:
        EvaluationError: there is no app or no resample.
    """
    if apps < 1 or resamples < 1:
        raise EvaluationError(
            f"expected at least one app and one bootstrap resample, found {apps} apps and "
            f"{resamples} resamples. Evaluate on a suite with apps; set evaluate.bootstrap above 0."
        )
    return np.random.default_rng(seed).multinomial(apps, [1 / apps] * apps, size=resamples) / apps


def bootstrap_curves(values: np.ndarray, resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """Mean, low and high of each column of (apps, steps): returns (3, steps)."""
    means = resampling_weights(len(values), resamples, seed) @ values
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(means, [tail, 100 - tail], axis=0)
    return np.stack([values.mean(axis=0), low, high])


def bootstrap_mean(values: Sequence[float], resamples: int = 2000, seed: int = 0) -> Interval:
    """The mean of one number per app with its interval."""
    column = np.asarray(values, dtype=float).reshape(-1, 1)
    mean, low, high = (float(item[0]) for item in bootstrap_curves(column, resamples, seed))
    return Interval(mean, low, high, len(column))


def paired_difference(
    mine: Mapping[str, float], theirs: Mapping[str, float], resamples: int = 2000, seed: int = 0
) -> Paired:
    """Compare two agents app by app.

    Args:
        mine: app -> value of the agent.
        theirs: app -> value of the agent it is compared with.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        EvaluationError: the two were not measured on the same apps.
    """
    if set(mine) != set(theirs):
        odd = sorted(set(mine) ^ set(theirs))
        raise EvaluationError(
            f"expected both agents on the same apps, found {len(odd)} apps with only one of them "
            f"(first: {odd[0]}). Evaluate both on one suite in one run."
        )
    gaps = np.array([mine[app] - theirs[app] for app in sorted(mine)], dtype=float)
    interval = bootstrap_mean(gaps.tolist(), resamples, seed)
    wins, losses = int((gaps > TIE).sum()), int((gaps < -TIE).sum())
    ties = len(gaps) - wins - losses
    return Paired(interval.mean, interval.low, interval.high, wins, ties, losses)


def independent_difference(
    now: Sequence[float], then: Sequence[float], resamples: int = 2000, seed: int = 0
) -> Independent:
    """Compare the means of two samples that share no unit; each is resampled by itself.

    Raises:
        EvaluationError: a sample is empty.
    """
    values = [np.asarray(side, dtype=float) for side in (now, then)]
    draws = [
        resampling_weights(len(side), resamples, seed + place) @ side
        for place, side in enumerate(values)
    ]
    means = [float(side.mean()) for side in values]
    return Independent(means[1], means[0], means[0] - means[1], *bounds(draws[0] - draws[1]))


def rank_correlation(mine: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Spearman's rank correlation of two figures of the same things, ties sharing a rank.

    None of fewer than three things, or where one of the figures is the same for all.
    """
    if len(mine) < 3:
        return None
    ranks = np.array([_ranks(mine), _ranks(theirs)])
    if not ranks.std(axis=1).all():
        return None
    return float(np.corrcoef(ranks)[0, 1])


def _ranks(values: Sequence[float]) -> list[float]:
    found = np.asarray(values, dtype=float)
    return [float((found < value).sum() + (found <= value).sum()) / 2 for value in found]


def per_app(rows: Iterable[Row], metric: str, agent: str, budget: int) -> dict[str, float]:
    """App -> mean over seeds of a metric, for one agent at one budget; apps without it left out."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["agent"] == agent and row["budget"] == budget:
            _add_value(found, row, metric)
    return {app: sum(values) / len(values) for app, values in found.items()}


def _add_value(found: dict[str, list[float]], row: Row, metric: str) -> None:
    value = row["tokens_memory"] + row["tokens_screen"] if metric == "tokens" else row.get(metric)
    if value is not None:
        found.setdefault(row["app"], []).append(float(value))


def final_budget(results: Mapping[str, Any]) -> dict[str, Any]:
    """Results with the rows and pairs of the full budget only; an evaluation reports smaller ones.

    Returns:
        The results with `rows` and `paired`, empty where they are missing. A row that names no
        budget is of the full one.
    """
    full = results.get("meta", {}).get("budget")
    kept = {
        part: [row for row in results.get(part, ()) if row.get("budget", full) == full]
        for part in ("rows", "paired")
    }
    return {**results, **kept}


def agents_of(rows: Iterable[Row]) -> list[str]:
    """The agents of the rows in order of first appearance."""
    return list(dict.fromkeys(row["agent"] for row in rows))


def budgets_of(rows: Iterable[Row]) -> list[int]:
    """The budgets of the rows in ascending order."""
    return sorted({row["budget"] for row in rows})


def summarise(rows: Sequence[Row], resamples: int = 2000, seed: int = 0) -> list[dict[str, Any]]:
    """One entry per agent, budget and metric: `{agent, budget, metric, mean, low, high, apps}`."""
    return [
        {"agent": agent, "budget": budget, "metric": metric}
        | bootstrap_mean(list(values.values()), resamples, seed)._asdict()
        for agent in agents_of(rows)
        for budget in budgets_of(rows)
        for metric in (*METRICS, *COSTS)
        if (values := per_app(rows, metric, agent, budget))
    ]


def paired_rows(rows: Sequence[Row], resamples: int = 2000, seed: int = 0) -> list[dict[str, Any]]:
    """One entry per ordered pair of agents, budget and metric, the longest budget first.

    Each is `{agent, against, metric, budget, difference, low, high, wins, ties, losses}`; a win
    means that `agent` has the higher value on an app.
    """
    agents, found = agents_of(rows), []
    for budget in reversed(budgets_of(rows)):
        for metric in METRICS:
            values = {agent: per_app(rows, metric, agent, budget) for agent in agents}
            if not all(values.values()):
                continue
            for agent, against in permutations(agents, 2):
                pair = paired_difference(values[agent], values[against], resamples, seed)
                named = {"agent": agent, "against": against, "metric": metric, "budget": budget}
                found.append(named | pair._asdict())
    return found


def paired_runs(
    mine: Sequence[Row], theirs: Sequence[Row], resamples: int = 2000, seed: int = 0
) -> list[dict[str, Any]]:
    """One agent's rows in two evaluations, app by app: what both measured and nothing else.

    Rows are paired by suite, app, seed and budget. Each entry is `{suite, budget, metric, mine,
    theirs, difference, low, high, wins, ties, losses, apps}`, the longest budget first; it is
    empty where the two have no row in common.
    """
    places = [_by_place(rows) for rows in (mine, theirs)]
    both = places[0].keys() & places[1].keys()
    sides = [{key: rows[key] for key in both} for rows in places]
    found = []
    for suite, budget in sorted({(key[0], key[3]) for key in both}, key=lambda it: (it[0], -it[1])):
        for metric in (*METRICS, "tokens", "ms_per_decision"):
            first, second = (_app_means(side, suite, budget, metric) for side in sides)
            if not (first and second):
                continue
            pair = paired_difference(first, second, resamples, seed)
            means = [sum(values.values()) / len(values) for values in (first, second)]
            named = {"suite": suite, "budget": budget, "metric": metric}
            sizes = {"mine": means[0], "theirs": means[1]}
            found.append(named | sizes | pair._asdict() | {"apps": len(first)})
    return found


def app_by_app(mine: Sequence[Row], theirs: Sequence[Row], metric: str) -> list[dict[str, Any]]:
    """What `paired_runs` averages, at the longest budget in common: one entry an app.

    Each is `{suite, app, budget, mine, theirs, difference}`, the largest gain first.
    """
    places = [_by_place(rows) for rows in (mine, theirs)]
    both = places[0].keys() & places[1].keys()
    sides = [{key: rows[key] for key in both} for rows in places]
    found = []
    for suite in sorted({place[0] for place in both}):
        budget = max(place[3] for place in both if place[0] == suite)
        first, second = (_app_means(side, suite, budget, metric) for side in sides)
        for app in first.keys() & second.keys():
            sizes = {"mine": first[app], "theirs": second[app]}
            gap = {"difference": first[app] - second[app]}
            found.append({"suite": suite, "app": app, "budget": budget} | sizes | gap)
    return sorted(found, key=lambda row: (row["suite"], -row["difference"], row["app"]))


def _by_place(rows: Iterable[Row]) -> dict[Place, Row]:
    return {(row["suite"], row["app"], row["seed"], row["budget"]): row for row in rows}


def _app_means(rows: Mapping[Place, Row], suite: str, budget: int, metric: str) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for place, row in rows.items():
        if (place[0], place[3]) == (suite, budget):
            _add_value(found, row, metric)
    return {app: sum(values) / len(values) for app, values in found.items()}


def crossed_means(values: np.ndarray, resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """(resamples,) means of (trainings, apps), both resampled; equal seeds draw the same."""
    trainings, apps = values.shape
    by_training = resampling_weights(trainings, resamples, seed + 1)
    return ((by_training @ values) * resampling_weights(apps, resamples, seed)).sum(axis=1)


def bounds(means: np.ndarray) -> tuple[float, float]:
    """The ends of the 95 % interval of resampled means."""
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)
