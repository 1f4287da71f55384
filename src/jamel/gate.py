"""The promotion gate: may a freshly evaluated model become champion?

A pure function of numbers: knows no file, no store and no model. Two means are never compared;
every comparison of agents reads the interval of their paired difference per app.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from jamel.agents import SIMPLE_AGENTS, known_agents
from jamel.config import GateConfig
from jamel.errors import ConfigError, GateError
from jamel.provenance import DIRTY, UNKNOWN, is_a_commit
from jamel.statistics import Paired, Row, final_budget, paired_difference

CANDIDATE = "jamel"
CHAMPION = "champion"
SMALL_FAMILIES = "the others"
"""What families with few apps are called together."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One requirement: what was found and what was required, as sentences for people."""

    name: str
    passed: bool
    found: str
    required: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict with every condition, passed or not."""

    promoted: bool
    conditions: tuple[Condition, ...]

    def failed(self) -> tuple[Condition, ...]:
        """The conditions that stand in the way."""
        return tuple(item for item in self.conditions if not item.passed)

    def reasons(self) -> str:
        """A refusal as text, one failed condition a line; empty when nothing failed."""
        return "\n".join(
            f"{item.name}: required {item.required}, found {item.found}" for item in self.failed()
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a JSON file or an artifact."""
        return {"promoted": self.promoted, "conditions": [asdict(c) for c in self.conditions]}


def decide(
    results: Mapping[str, Any],
    validation: Mapping[str, Any],
    served: Mapping[str, Any],
    champion: Mapping[str, Any] | None,
    gate: GateConfig,
) -> Decision:
    """Weigh a candidate.

    Args:
        results: `{"meta", "rows", "paired"}` of an evaluation in which the candidate is the agent
            `jamel` and, when there is a champion, the champion is the agent `champion`. The
            families of its apps are in `meta["families"]`, by app.
        validation: `{"passed": bool, "evaluated": int, ...}` of the dataset it learned from.
        served: what the stored model answered to one question, `{"offered", "ranked", "problem"}`:
            how many actions there are, a `[score, worth]` for each that it ranked, and in words why
            there is no answer.
        champion: the current champion's record, or None for the first promotion. Its
            `tokens_per_decision` and `ms_per_decision` are used where `results` has no rows of it.
        gate: the metric that counts, the agents to beat and the ratios of cost that are tolerated.

    Raises:
        ConfigError: an agent of `gate.better_than` cannot be measured beside the candidate.
    """
    final = final_budget(results)
    rows, pairs = final["rows"], final["paired"]
    conditions = [
        _validated(validation),
        *([_committed(results.get("meta", {}))] if gate.committed else []),
        *(_better(pairs, name, gate.metric) for name in rivals(gate)),
        _not_worse_than_simple(rows, pairs, gate.metric),
        _answers(served),
    ]
    if champion is not None:
        conditions.append(_better(pairs, CHAMPION, gate.metric))
        if gate.family_apps:
            families = results.get("meta", {}).get("families", {})
            conditions.append(_no_family_worse(rows, families, gate))
        conditions.append(_cost(rows, champion, "tokens", gate.max_tokens_ratio))
        conditions.append(_cost(rows, champion, "ms", gate.max_latency_ratio))
    return Decision(all(item.passed for item in conditions), tuple(conditions))


def rivals(gate: GateConfig) -> tuple[str, ...]:
    """The agents of `gate.better_than`, each once.

    Raises:
        ConfigError: one of them is unknown, the candidate itself, or the champion, which every
            candidate has to beat anyway.
    """
    known = [name for name in known_agents() if name not in (CANDIDATE, CHAMPION)]
    for name in gate.better_than:
        if name not in known:
            raise ConfigError(
                f"expected agents of {', '.join(known)} in gate.better_than, found '{name}'. "
                "Name one of those, or leave it out."
            )
    return tuple(dict.fromkeys(gate.better_than))


def require(decision: Decision) -> None:
    """Raise GateError that lists the failed conditions, if there are any."""
    if not decision.promoted:
        raise GateError(
            "expected every promotion condition to hold, found these failed:\n"
            f"{decision.reasons()}\nThe champion is unchanged; improve the model or the data."
        )


def _validated(validation: Mapping[str, Any]) -> Condition:
    evaluated = int(validation.get("evaluated", 0))
    passed = bool(validation.get("passed")) and evaluated > 0
    verdict = "passed" if validation.get("passed") else "failed"
    return Condition(
        "the dataset is valid",
        passed,
        f"validation {verdict} with {evaluated} expectations evaluated",
        "validation passed with at least one expectation evaluated",
    )


def _committed(meta: Mapping[str, Any]) -> Condition:
    found = str(meta.get("commit") or UNKNOWN)
    changed = f"{found.removesuffix(DIRTY)} with changes" if found.endswith(DIRTY) else found
    return Condition(
        "the code is committed",
        is_a_commit(found),
        changed if found != UNKNOWN else "no commit",
        "a commit without changes to its files (git commit, or gate.committed: false)",
    )


def _better(pairs: Sequence[Row], against: str, metric: str) -> Condition:
    pair = _pair(pairs, against, metric)
    return Condition(
        f"better than {against}",
        pair is not None and pair["low"] > 0,
        _interval(pair, against, metric),
        f"the 95 % interval of the paired {metric} difference to lie above 0",
    )


def _not_worse_than_simple(rows: Sequence[Row], pairs: Sequence[Row], metric: str) -> Condition:
    """The best simple agent is the one with the highest mean among those that ran."""
    means = {name: _mean(rows, name, metric) for name in SIMPLE_AGENTS}
    known = {name: mean for name, mean in means.items() if mean is not None}
    best = max(known, key=lambda name: known[name]) if known else None
    pair = _pair(pairs, best, metric) if best else None
    return Condition(
        "not worse than the best simple agent",
        pair is not None and pair["high"] >= 0,
        _interval(pair, best or "any simple agent", metric),
        f"the 95 % interval of the paired {metric} difference not to lie below 0",
    )


def _answers(served: Mapping[str, Any]) -> Condition:
    """Whether the stored model, loaded as it is served, ranked every action with finite figures."""
    offered, ranked = int(served.get("offered", 0)), served.get("ranked", ())
    finite = [pair for pair in ranked if all(math.isfinite(figure) for figure in pair)]
    found = str(served.get("problem", "")) or (
        f"{len(ranked)} of {offered} actions ranked, {len(finite)} of them with finite figures"
    )
    return Condition(
        "the served model answers",
        not served.get("problem") and len(ranked) == len(finite) == offered > 0,
        found,
        "every action of a recorded screen ranked, with a finite score and worth",
    )


def _no_family_worse(
    rows: Sequence[Row], families: Mapping[str, str], gate: GateConfig
) -> Condition:
    mine, theirs = (_by_app(rows, agent, gate.metric) for agent in (CANDIDATE, CHAMPION))
    required = (
        f"the 95 % interval of the paired {gate.metric} difference from the champion not to lie "
        f"below 0 on any family of {gate.family_apps} apps or more"
    )
    name = "no family of apps worse"
    if not mine or mine.keys() != theirs.keys():
        return Condition(name, False, "no sessions of both on the same apps", required)
    pairs = {
        family: paired_difference({a: mine[a] for a in apps}, {a: theirs[a] for a in apps})
        for family, apps in _grouped(sorted(mine), families, gate.family_apps).items()
    }
    worse = {family: pair for family, pair in pairs.items() if pair.high < 0}
    told = ", ".join(_of_family(family, pair) for family, pair in (worse or pairs).items())
    return Condition(name, not worse, told or f"none of {gate.family_apps} apps", required)


def _grouped(apps: Sequence[str], families: Mapping[str, str], least: int) -> dict[str, list[str]]:
    """Family -> its apps, without what has fewer than `least` even together."""
    found: dict[str, list[str]] = {}
    for app in apps:
        found.setdefault(families.get(app, SMALL_FAMILIES), []).append(app)
    large = {family: apps for family, apps in found.items() if len(apps) >= least}
    rest = [app for family, apps in found.items() if family not in large for app in apps]
    rest += large.pop(SMALL_FAMILIES, [])
    if len(rest) >= least:
        large[SMALL_FAMILIES] = rest
    return dict(sorted(large.items()))


def _of_family(family: str, pair: Paired) -> str:
    apps = pair.wins + pair.ties + pair.losses
    return f"{family} {pair.difference:+.2f} [{pair.low:+.2f}, {pair.high:+.2f}] on {apps} apps"


def _cost(rows: Sequence[Row], champion: Mapping[str, Any], unit: str, ratio: float) -> Condition:
    """`unit` is `tokens` (memory and screen) or `ms`, each per decision."""
    mine = _mean_cost(rows, CANDIDATE, unit)
    theirs = _mean_cost(rows, CHAMPION, unit)
    if theirs is None:
        theirs = champion.get(f"{unit}_per_decision")
    known = mine is not None and theirs is not None
    return Condition(
        f"{unit} per decision",
        known and mine <= ratio * theirs,  # type: ignore[operator]
        f"{mine:.2f} against the champion's {theirs:.2f}" if known else "no figures of both",
        f"at most {ratio:g} times the champion's",
    )


def _mean_cost(rows: Sequence[Row], agent: str, unit: str) -> float | None:
    if unit == "ms":
        return _mean(rows, agent, "ms_per_decision")
    memory, screen = _mean(rows, agent, "tokens_memory"), _mean(rows, agent, "tokens_screen")
    return None if memory is None or screen is None else memory + screen


def _by_app(rows: Sequence[Row], agent: str, metric: str) -> dict[str, float]:
    """App -> mean over seeds of what an agent came to."""
    apps = dict.fromkeys(row["app"] for row in rows if row["agent"] == agent and metric in row)
    means = {app: _mean([row for row in rows if row["app"] == app], agent, metric) for app in apps}
    return {app: mean for app, mean in means.items() if mean is not None}


def _mean(rows: Sequence[Row], agent: str, metric: str) -> float | None:
    values = [float(row[metric]) for row in rows if row["agent"] == agent and metric in row]
    return sum(values) / len(values) if values else None


def _pair(pairs: Sequence[Row], against: str, metric: str) -> dict[str, Any] | None:
    """The candidate's comparison, turned round when it was stored the other way."""
    for pair in pairs:
        if pair["metric"] != metric:
            continue
        if (pair["agent"], pair["against"]) == (CANDIDATE, against):
            return dict(pair)
        if (pair["agent"], pair["against"]) == (against, CANDIDATE):
            turned = {"difference": -pair["difference"], "low": -pair["high"], "high": -pair["low"]}
            return {**pair, **turned, "agent": CANDIDATE, "against": against}
    return None


def _interval(pair: Mapping[str, Any] | None, against: str, metric: str) -> str:
    if pair is None:
        missing = f"no paired {metric} comparison of {CANDIDATE} with {against}"
        return f"{missing}: evaluate.agents has to name both"
    return f"{pair['difference']:+.2f} [{pair['low']:+.2f}, {pair['high']:+.2f}] against {against}"
