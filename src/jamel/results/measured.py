"""Values by suite, agent and training, from any number of evaluations; intervals over both.

A training is told by the agent's version, which for a model is a digest of its weights: the same
agent in another file with other weights is another training. Intervals resample apps and trainings
at once (the pigeonhole bootstrap: Owen, The pigeonhole bootstrap, Annals of Applied Statistics
2007), so that they hold for other apps and for the method rather than for one lucky seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jamel.errors import EvaluationError
from jamel.statistics import TIE, agents_of, bounds, crossed_means, per_app
from jamel.suites import is_embedded, suite_of, with_noise

Results = Mapping[str, Any]
PerApp = dict[str, float]
RESAMPLES = 4000


class Estimate(NamedTuple):
    """A mean with its 95 % interval, over so many apps and trainings."""

    mean: float
    low: float
    high: float
    apps: int
    trainings: int


class Difference(NamedTuple):
    """An agent minus another; who won how many apps, by the mean over trainings."""

    estimate: Estimate
    wins: int
    ties: int
    losses: int


class Measured:
    """Evaluations by suite.

    Args:
        evaluations: what `jamel.evaluate.evaluate` returned.

    Raises:
        EvaluationError: two evaluations of a suite are on other apps.
    """

    def __init__(self, evaluations: Sequence[Results]) -> None:
        self.suites: dict[str, list[Results]] = {}
        for results in evaluations:
            self.suites.setdefault(full_name(results["meta"]["suite"]), []).append(results)
        for name, files in self.suites.items():
            apps = [{row["app"] for row in results["rows"]} for results in files]
            if any(other != apps[0] for other in apps):
                raise EvaluationError(
                    f"expected evaluations of {name} on the same apps, found some on other ones. "
                    "Evaluate them on the whole suite."
                )

    def agents(self, suite: str) -> list[str]:
        """The agents measured on a suite, in order of first appearance."""
        found = [agent for results in self.files(suite) for agent in agents_of(results["rows"])]
        return list(dict.fromkeys(found))

    def files(self, suite: str) -> list[Results]:
        """The evaluations of a suite, by its full name such as `test@real`."""
        return self.suites.get(suite, [])

    def budgets(self, suite: str) -> list[int]:
        """The budgets that every evaluation of a suite has."""
        found = [{row["budget"] for row in results["rows"]} for results in self.files(suite)]
        return sorted(set.intersection(*found)) if found else []

    def mean(self, suite: str, agent: str, metric: str, budget: int) -> Estimate | None:
        """The mean of a metric, None where it was not measured."""
        tables = [found for _, found in self._tables(suite, agent, metric, budget)]
        return _estimate(_matrix(tables)) if tables else None

    def by_app(self, suite: str, agent: str, metric: str, budget: int) -> PerApp:
        """The mean of a metric over trainings and seeds by app, empty where it was not measured."""
        tables = [found for _, found in self._tables(suite, agent, metric, budget)]
        return _average(tables) if tables else {}

    def difference(
        self, suite: str, agent: str, against: str, metric: str, budget: int
    ) -> Difference | None:
        """The paired difference of two agents, None where one was not measured."""
        pairs = self._paired(suite, agent, against, metric, budget)
        if not pairs:
            return None
        gaps = _matrix([mine for mine, _ in pairs]) - _matrix([theirs for _, theirs in pairs])
        means = gaps.mean(axis=0)
        wins, losses = int((means > TIE).sum()), int((means < -TIE).sum())
        return Difference(_estimate(gaps), wins, len(means) - wins - losses, losses)

    def share(self, suite: str, agent: str, of: str, metric: str, budget: int) -> Estimate | None:
        """The ratio of the means in %, None where one was not measured."""
        pairs = self._paired(suite, agent, of, metric, budget)
        if not pairs:
            return None
        mine, theirs = (_matrix([pair[side] for pair in pairs]) for side in (0, 1))
        ratios = crossed_means(mine, RESAMPLES) / crossed_means(theirs, RESAMPLES)
        low, high = bounds(100 * ratios)
        trainings, apps = mine.shape
        return Estimate(float(100 * mine.mean() / theirs.mean()), low, high, apps, trainings)

    def _paired(
        self, suite: str, agent: str, against: str, metric: str, budget: int
    ) -> list[tuple[PerApp, PerApp]]:
        """Values of both on the same apps, once a pair of trainings.

        They are paired within a file; what a file lacks is the mean over the others.
        """
        others = dict(self._tables(suite, against, metric, budget))
        if not others:
            return []
        usual = _average(list(others.values()))
        pairs: dict[tuple[str, str], tuple[PerApp, PerApp]] = {}
        for results, mine in self._files_with(suite, agent, metric, budget):
            there = per_app(results["rows"], metric, against, budget)
            theirs = _version(results, against) if there else ""
            pairs[_version(results, agent), theirs] = mine, others[theirs] if there else usual
        return list(pairs.values())

    def _tables(self, suite: str, agent: str, metric: str, budget: int) -> list[tuple[str, PerApp]]:
        """(training, values by app); files that measured the same training count once."""
        found: dict[str, list[PerApp]] = {}
        for results, table in self._files_with(suite, agent, metric, budget):
            found.setdefault(_version(results, agent), []).append(table)
        return [(version, _average(tables)) for version, tables in found.items()]

    def _files_with(
        self, suite: str, agent: str, metric: str, budget: int
    ) -> Iterator[tuple[Results, PerApp]]:
        for results in self.files(suite):
            table = per_app(results["rows"], metric, agent, budget)
            if table:
                yield results, table


def full_name(suite: str) -> str:
    """A suite with its noise level, `test@real` for `test`; one of web apps has none."""
    return with_noise(suite, suite_of(suite)[1]) if is_embedded(f"{suite}/0") else suite


def _version(results: Results, agent: str) -> str:
    return str(results["meta"].get("versions", {}).get(agent, ""))


def _average(tables: Sequence[PerApp]) -> PerApp:
    return {app: sum(table[app] for table in tables) / len(tables) for app in tables[0]}


def _matrix(tables: Sequence[PerApp]) -> np.ndarray:
    """(trainings, apps), the apps in order of name."""
    apps = sorted(tables[0])
    return np.array([[table[app] for app in apps] for table in tables])


def _estimate(values: np.ndarray) -> Estimate:
    low, high = bounds(crossed_means(values, RESAMPLES))
    trainings, apps = values.shape
    return Estimate(float(values.mean()), low, high, apps, trainings)
