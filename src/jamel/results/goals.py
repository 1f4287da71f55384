"""What the project wants to reach, and whether measured results reach it.

A goal that was not measured is said to be so: it is neither met nor missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from jamel.agents import SIMPLE_AGENTS
from jamel.results.measured import Difference, Estimate, Measured

SUBJECT = "jamel"
NOT_MEASURED = "not measured"
BUDGET = 120
TEST, NEW, WEB = "test@real", "test-new@real", "web-test"
MOST_TOKENS = 32
MOST_SLOWDOWN = 1.2
MOST_MINUTES = 30
MORE_PERCENT = 10


class Found(NamedTuple):
    """What was measured, in words, and whether that is enough; None where nothing was wanted."""

    words: str
    met: bool | None


class Verdict(NamedTuple):
    """One line of the table of goals."""

    goal: str
    wanted: str
    measured: str
    verdict: str


class Goal(NamedTuple):
    """What is wanted, and how it is judged; the judge returns None where it was not measured."""

    title: str
    wanted: str
    judge: Callable[[Measured], Found | None]


def verdicts(measured: Measured) -> list[Verdict]:
    """Every goal of the worlds that were measured, with what was found."""
    embedded = GOALS if set(measured.suites) - {WEB} else ()
    web = WEB_GOALS if WEB in measured.suites else ()
    return [_verdict(goal, goal.judge(measured)) for goal in (*embedded, *web)]


def _verdict(goal: Goal, found: Found | None) -> Verdict:
    if found is None:
        return Verdict(goal.title, goal.wanted, "–", NOT_MEASURED)
    word = {True: "met", False: "missed", None: "reported"}[found.met]
    return Verdict(goal.title, goal.wanted, found.words, word)


def told(estimate: Estimate, sign: str = "+", unit: str = "") -> str:
    """`+21.6 [+19.0, +24.1]` with how many apps and trainings."""
    mean, low, high = (f"{value:{sign}.1f}" for value in estimate[:3])
    return f"{mean} [{low}, {high}]{unit}, {estimate.apps} apps × {estimate.trainings} trainings"


def best_simple(measured: Measured, suite: str, metric: str) -> str | None:
    """The agent without learning with the highest mean on a suite."""
    means = {
        name: found.mean
        for name in SIMPLE_AGENTS
        if (found := measured.mean(suite, name, metric, BUDGET)) is not None
    }
    return max(means, key=lambda name: means[name]) if means else None


def ahead(
    title: str,
    suite: str,
    against: str,
    least: float,
    above: float | None = None,
    metric: str = "coverage",
) -> Goal:
    """The subject's difference is at least so much, its interval above so much."""
    wanted = f"{least:+g}" + ("" if above is None else f", interval above {above:+g}")

    def judge(measured: Measured) -> Found | None:
        rival = best_simple(measured, suite, "coverage") if against == "simple" else against
        found = measured.difference(suite, SUBJECT, rival, metric, BUDGET) if rival else None
        if found is None:
            return None
        enough = found.estimate.mean >= least and (above is None or found.estimate.low > above)
        named = f" against {rival}" if against == "simple" else ""
        return Found(told(found.estimate) + named, enough)

    return Goal(title, wanted, judge)


def not_below(title: str, suite: str, against: str) -> Goal:
    """The subject's interval does not lie below 0."""

    def judge(measured: Measured) -> Found | None:
        found = measured.difference(suite, SUBJECT, against, "coverage", BUDGET)
        return None if found is None else Found(told(found.estimate), found.estimate.high >= 0)

    return Goal(title, "not below", judge)


def _transferred(measured: Measured) -> Found | None:
    rival = best_simple(measured, WEB, "probes")
    found = rival and measured.difference(WEB, "transferred", rival, "probes", BUDGET)
    if not found:
        return None
    return Found(f"{told(found.estimate)} against {rival}", found.estimate.high >= 0)


def _more_on_web(measured: Measured) -> Found | None:
    rival = best_simple(measured, WEB, "probes")
    found = rival and measured.share(WEB, SUBJECT, rival, "probes", BUDGET)
    if not found:
        return None
    words = f"{told(found, '', ' %')} of {rival}'s"
    return Found(words, found.mean >= 100 + MORE_PERCENT and found.low > 100)


def share_of_oracle(suite: str, least: float) -> Goal:
    """The subject's coverage is so much of the coverage of the oracle that looks two ahead."""

    def judge(measured: Measured) -> Found | None:
        found = measured.share(suite, SUBJECT, "oracle-2", "coverage", BUDGET)
        return None if found is None else Found(told(found, "", " %"), found.mean >= least)

    return Goal(f"share of oracle-2's coverage on `{_short(suite)}`", f"{least:g} %", judge)


def ablated(agent: str) -> Goal:
    """An agent whose memory is tampered with is at no-memory's level or below."""

    def judge(measured: Measured) -> Found | None:
        found: Difference | None = measured.difference(TEST, agent, "no-memory", "coverage", BUDGET)
        return None if found is None else Found(told(found.estimate), found.estimate.low <= 0)

    return Goal(f"`{agent}` against `no-memory`", "at its level or below", judge)


def _tokens(measured: Measured) -> Found | None:
    read = {step: max(values) for step, values in _late(measured, "tokens_memory").items()}
    if not {100, 1000} <= read.keys():
        return None
    words = f"{read[100]:.0f} at step 100, {read[1000]:.0f} at step 1,000"
    return Found(words, max(read[100], read[1000]) <= MOST_TOKENS)


def _latency(measured: Measured) -> Found | None:
    ms = {step: median(values) for step, values in _late(measured, "ms").items()}
    if not {10, 1000} <= ms.keys():
        return None
    ratio = ms[1000] / ms[10]
    words = f"{ratio:.2f}× ({ms[10]:.2f} ms at step 10, {ms[1000]:.2f} ms at step 1,000)"
    return Found(words, ratio <= MOST_SLOWDOWN)


def _late(measured: Measured, column: str) -> dict[int, list[float]]:
    """Step -> the values of the subject's decisions there, one an app."""
    found: dict[int, list[float]] = {}
    for files in measured.suites.values():
        for row in (row for results in files for row in results.get("latency", ())):
            if row["agent"] == SUBJECT:
                found.setdefault(row["step"], []).append(float(row[column]))
    return found


def _beside(measured: Measured) -> Found | None:
    found = measured.difference(TEST, SUBJECT, "jamel-paper", "coverage", BUDGET)
    return None if found is None else Found(told(found.estimate), None)


def _minutes(measured: Measured) -> Found | None:
    files = [results for files in measured.suites.values() for results in files]
    seconds = [
        rounds["seconds"] for results in files if (rounds := results.get("rounds")) is not None
    ]
    if not seconds:
        return None
    minutes = max(seconds) / 60
    return Found(f"{minutes:.1f} minutes", minutes <= MOST_MINUTES)


def _short(suite: str) -> str:
    return suite.removesuffix("@real")


GOALS: Sequence[Goal] = (
    ahead(
        "coverage@120 on `test`, against the best agent without learning", TEST, "simple", 24, 20
    ),
    ahead("the same on `test-new`", NEW, "simple", 15, 10),
    ahead("on the probes of unseen kinds alone", NEW, "planner", 10, metric="coverage_new"),
    ahead("against `no-memory`", TEST, "no-memory", 20, 15),
    not_below("against `graph-no-memory`, identity noise none", "test@none", "graph-no-memory"),
    ahead("against `graph-no-memory`, identity noise real", TEST, "graph-no-memory", 5, 0),
    ahead(
        "against `graph-no-memory`, identity noise heavy", "test@heavy", "graph-no-memory", 10, 0
    ),
    share_of_oracle(TEST, 95),
    share_of_oracle(NEW, 88),
    ablated("zeroed-memory"),
    ablated("shuffled-memory"),
    Goal("memory tokens read a decision", f"{MOST_TOKENS} or fewer", _tokens),
    not_below("coverage against `raw-history`", TEST, "raw-history"),
    Goal("latency at step 1,000 against 10", f"at most {MOST_SLOWDOWN:g}×", _latency),
    Goal("against `jamel-paper`", "reported beside", _beside),
    Goal("all rounds of the default model", f"{MOST_MINUTES} minutes on 2 cores", _minutes),
)

WEB_GOALS: Sequence[Goal] = (
    Goal(
        "probes@120 on `web-test` of the model that saw no web app",
        "not below the best agent without learning",
        _transferred,
    ),
    Goal(
        "probes@120 on `web-test` after rounds on web apps",
        f"{100 + MORE_PERCENT} % of the best agent's without learning, interval above 100 %",
        _more_on_web,
    ),
)
