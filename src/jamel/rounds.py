"""What rounds come to: a small evaluation after each, the gain over the round before, when to stop.

Knows results as plain data; nothing of how a round is collected or trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from jamel.agents.base import weights_digest
from jamel.config import Config
from jamel.devices import tunable
from jamel.episodes import session_header
from jamel.layout import SHARED_ARM
from jamel.shards import LABEL_KIND, read_table
from jamel.statistics import Paired, paired_difference, per_app, rank_correlation, summarise

METRIC = "coverage"
Results = Mapping[str, Any]


def measures(config: Config) -> bool:
    """Whether the model of each round is measured at all."""
    return config.rounds.apps > 0


def settings(config: Config) -> Config:
    """The profile for the evaluation of a round; raises ConfigError for a suite of tests."""
    rounds = config.rounds
    measured = {"apps": rounds.apps, "seeds": rounds.seeds, "agents": (SHARED_ARM,)}
    return tunable(config, rounds.suite, latency=False, **measured)


def rewarded(sessions: Sequence[Path], labels: Sequence[Path], model: Path | None) -> float | None:
    """% of steps that reached new code in the sessions that a model explored in a round.

    Args:
        sessions: shards of the round.
        labels: theirs, in the same order.
        model: that of the round before. Beside its coverage on the suite the figure says whether
            what is measured there is what comes of it in use. None is whichever explored.

    Returns:
        None where it did not explore: the first round, or one that another champion collected.
    """
    weights = "" if model is None else weights_digest(model)
    found: list[int] = []
    for path, label in zip(sessions, labels, strict=True):
        header = session_header(path)
        by = str(header.get("agent_version", ""))
        if header.get("agent") == SHARED_ARM and by.startswith(weights):
            found += read_table(label, LABEL_KIND, columns=["reward"])["reward"].to_pylist()
    return round(100 * sum(found) / len(found), 2) if found else None


def gain(before: Results, now: Results) -> Paired:
    """The paired difference of a round's model and the model before; raises EvaluationError."""
    return paired_difference(_coverage(now), _coverage(before), int(now["meta"]["bootstrap"]))


def goes_on(config: Config, gained: Mapping[str, float] | None) -> bool:
    """Whether another round is worth it, given the last point's gain, None for the first."""
    return config.rounds.stop == "budget" or gained is None or gained["low"] > 0


def curve(rounds: Sequence[Results]) -> dict[str, Any]:
    """Coverage on the suite by round, as plain data; rounds measured otherwise are left out.

    Args:
        rounds: evaluations, the last round's last.

    Returns:
        `{"suite", "budget", "seconds", "curve", "correlation"}`; a point is `{"round", "seconds",
        "rewarded", "mean", "low", "high", "gain"}`, its gain `{"difference", "low", "high"}` or
        None for the first; the correlation is that of `offline_online`.
    """
    rounds = [results for results in rounds if _measured(results) == _measured(rounds[-1])]
    points = []
    for before, now in zip([None, *rounds], rounds, strict=False):
        found = None if before is None else gain(before, now)
        points.append(_point(now, found))
    meta = rounds[-1]["meta"]
    return {
        "suite": meta["suite"],
        "budget": meta["budget"],
        "seconds": round(sum(point["seconds"] for point in points), 1),
        "curve": points,
        "correlation": offline_online(points),
    }


def offline_online(points: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Whether models that cover more of the suite also came to more in use.

    Args:
        points: of the curve. A model's coverage is in its own round's point, and what it came to
            when it explored in the next round's.

    Returns:
        `{"spearman", "models"}`, the rank correlation of the two over the models that have both;
        None of fewer than three models, or where they all have the same.
    """
    both = [
        (before["mean"], now["rewarded"])
        for before, now in pairwise(points)
        if now["round"] == before["round"] + 1 and now.get("rewarded") is not None
    ]
    found = rank_correlation([mean for mean, _ in both], [online for _, online in both])
    return None if found is None else {"spearman": round(found, 3), "models": len(both)}


def _point(results: Results, found: Paired | None) -> dict[str, Any]:
    budget = results["meta"]["budget"]
    (mean,) = [
        item
        for item in summarise(results["rows"], int(results["meta"]["bootstrap"]))
        if (item["metric"], item["budget"]) == (METRIC, budget)
    ]
    gained = None
    if found is not None:
        gained = {"difference": found.difference, "low": found.low, "high": found.high}
    return {
        **results["round"],
        **{name: mean[name] for name in ("mean", "low", "high")},
        "gain": gained,
    }


def _measured(results: Results) -> tuple[Any, ...]:
    """What has to be equal for two rounds to be compared."""
    meta = results["meta"]
    return meta["suite"], meta["budget"], tuple(meta["seeds"]), frozenset(_coverage(results))


def _coverage(results: Results) -> dict[str, float]:
    return per_app(results["rows"], METRIC, SHARED_ARM, results["meta"]["budget"])
