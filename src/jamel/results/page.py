"""The results as Markdown: goals, agents by suite, costs, and where every number comes from.

Knows `Measured` and writes text; the same evaluations give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from jamel.results.goals import NOT_MEASURED, SUBJECT, WEB, told, verdicts
from jamel.results.measured import Estimate, Measured, PerApp
from jamel.tables import shown

ORACLE = "oracle-2"
WEB_NOTE = (
    "Of web apps, coverage is % of all blocks in the scripts that a session met; probes are the "
    "blocks that were executed first after the launch. `transferred` is the model that the rounds "
    "started from, which saw no web app."
)


def results_page(measured: Measured) -> str:
    """The page of some evaluations."""
    parts = [
        "# Results",
        "Written by `jamel results` from evaluations, never by hand. Coverage is % of the probes "
        "that can be reached; intervals are 95 %, over apps and trainings at once. A training is "
        "one model, from its own seed through all its rounds.",
        *([WEB_NOTE] if WEB in measured.suites else []),
        *_goals(measured),
    ]
    for suite in measured.suites:
        parts += _suite(measured, suite)
    parts += _latency(measured)
    parts += _rounds(measured)
    parts += ["## Where the numbers come from", _table(_origins(measured))]
    return "\n\n".join(parts) + "\n"


def _goals(measured: Measured) -> list[str]:
    """What was wanted; nothing where evaluations are about something else altogether."""
    found = verdicts(measured)
    if all(verdict.verdict == NOT_MEASURED for verdict in found):
        return []
    return ["## Goals", _table([verdict._asdict() for verdict in found])]


def _suite(measured: Measured, suite: str) -> list[str]:
    budget = measured.budgets(suite)[-1]
    agents = measured.agents(suite)
    rows = [_agent_row(measured, suite, agent) for agent in agents]
    first = shown(measured.files(suite)[0])[0]
    order = {agent: measured.mean(suite, agent, first, budget) for agent in agents}
    rows.sort(key=lambda row: -(found.mean if (found := order[row["agent"]]) else 0.0))
    parts = [f"## Suite `{suite}`", _table(rows)]
    if SUBJECT in agents:
        pairs = [_pair_row(measured, suite, rival, budget) for rival in agents if rival != SUBJECT]
        parts += [f"`{SUBJECT}` minus each, coverage@{budget}:", _table(pairs)]
        parts += _more_probes(measured, suite)
    return parts + _apps(measured, suite)


def _more_probes(measured: Measured, suite: str) -> list[str]:
    """What the subject found after the launch beside each agent, in all and by apps won."""
    budgets = measured.budgets(suite)
    first, rows = budgets[0], []
    for rival in (name for name in measured.agents(suite) if name != SUBJECT):
        reward = measured.difference(suite, SUBJECT, rival, "reward", first)
        row = {
            "against": rival,
            f"reward@{first} minus its": told(reward.estimate) if reward else "–",
        }
        for size in budgets:
            share = measured.share(suite, SUBJECT, rival, "probes", size)
            row[f"probes@{size} of its, %"] = _plain(share)
        found = measured.difference(suite, SUBJECT, rival, "probes", budgets[-1])
        won = f"{found.wins}/{found.ties}/{found.losses}" if found else "–"
        rows.append(row | {"apps won/tied/lost": won})
    if not measured.by_app(suite, SUBJECT, "probes", budgets[-1]):
        return []
    return [f"`{SUBJECT}` beside each: rewarded steps, and probes after the launch:", _table(rows)]


def _apps(measured: Measured, suite: str) -> list[str]:
    """One row an app, where apps have names and not numbers."""
    budget, agents = measured.budgets(suite)[-1], measured.agents(suite)
    values = {agent: measured.by_app(suite, agent, "probes", budget) for agent in agents}
    apps = dict.fromkeys(app for found in values.values() for app in found)
    if not apps or all(app.rpartition("/")[2].isdigit() for app in apps):
        return []
    rows = [
        {"app": app.rpartition("/")[2]}
        | {agent: f"{found[app]:.0f}" if app in found else "–" for agent, found in values.items()}
        for app in apps
    ]
    means = {agent: fmean(found.values()) for agent, found in values.items() if found}
    leader = max(means, key=lambda agent: means[agent])
    best = _best_of_each(values)
    return [
        f"Probes after the launch in {budget} steps, by app:",
        _table(rows),
        f"With the best agent of each app, chosen afterwards: {best:.0f} on average, "
        f"{100 * best / means[leader]:.1f} % of what {leader} finds.",
    ]


def _best_of_each(values: Mapping[str, PerApp]) -> float:
    """The mean over apps of the most that any agent found: no choice among them gives more."""
    apps = {app for found in values.values() for app in found}
    return fmean(max(found.get(app, 0.0) for found in values.values()) for app in apps)


def _agent_row(measured: Measured, suite: str, agent: str) -> dict[str, str]:
    budgets = measured.budgets(suite)
    last = budgets[-1]
    row = {
        "agent": agent,
        f"reward@{budgets[0]}": _mean(measured, suite, agent, "reward", budgets[0]),
    }
    row |= {f"coverage@{size}": _mean(measured, suite, agent, "coverage", size) for size in budgets}
    row |= {f"probes@{size}": _mean(measured, suite, agent, "probes", size) for size in budgets}
    row[f"unseen kinds@{last}"] = _mean(measured, suite, agent, "coverage_new", last)
    share = measured.share(suite, agent, ORACLE, "coverage", last)
    row[f"% of {ORACLE}"] = _plain(share)
    tokens = [measured.mean(suite, agent, f"tokens_{part}", last) for part in ("memory", "screen")]
    row["tokens a decision"] = " + ".join(f"{found.mean:.0f}" for found in tokens if found)
    ms = measured.mean(suite, agent, "ms_per_decision", last)
    row["ms a decision"] = f"{ms.mean:.2f}" if ms else ""
    return row


def _pair_row(measured: Measured, suite: str, rival: str, budget: int) -> dict[str, str]:
    found = measured.difference(suite, SUBJECT, rival, "coverage", budget)
    if found is None:
        return {"against": rival, "difference": "–", "apps won/tied/lost": "–"}
    apps = f"{found.wins}/{found.ties}/{found.losses}"
    return {"against": rival, "difference": told(found.estimate), "apps won/tied/lost": apps}


def _mean(measured: Measured, suite: str, agent: str, metric: str, budget: int) -> str:
    return _plain(measured.mean(suite, agent, metric, budget))


def _plain(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    mean, low, high = (f"{value:.1f}" for value in estimate[:3])
    return f"{mean} [{low}, {high}]"


def _latency(measured: Measured) -> list[str]:
    rows = [
        {"suite": suite, **{key: str(value) for key, value in row.items()}}
        for suite, files in measured.suites.items()
        for results in files
        for row in results.get("latency", ())
    ]
    return ["## A decision early and late", _table(rows)] if rows else []


def _rounds(measured: Measured) -> list[str]:
    found: list[Mapping[str, Any]] = []
    for results in (results for files in measured.suites.values() for results in files):
        if results.get("rounds") and results["rounds"] not in found:
            found.append(results["rounds"])
    rows = [
        {
            "training": str(number),
            "round": str(point["round"]),
            "coverage": f"{point['mean']:.1f} [{point['low']:.1f}, {point['high']:.1f}]",
            "gain": _gain(point),
        }
        for number, rounds in enumerate(found, 1)
        for point in rounds["curve"]
    ]
    return ["## Coverage by round", _table(rows)] if rows else []


def _gain(point: Mapping[str, Any]) -> str:
    gain = point.get("gain")
    return f"{gain['difference']:+.1f} [{gain['low']:+.1f}, {gain['high']:+.1f}]" if gain else ""


def _origins(measured: Measured) -> list[dict[str, str]]:
    return [
        {
            "suite": suite,
            "commit": str(meta.get("commit", "")),
            "dataset": str(meta.get("dataset_md5", "")),
            "profile": f"{meta.get('profile', '')} {meta.get('config', '')}",
            "seeds": ", ".join(str(seed) for seed in meta.get("seeds", ())),
            "machine": _machine(meta.get("machine", {})),
            "started": str(meta.get("started", "")),
        }
        for suite, files in measured.suites.items()
        for meta in (results["meta"] for results in files)
    ]


def _machine(machine: Mapping[str, Any]) -> str:
    return f"{machine.get('processor', '')}, {machine.get('cores', '?')} cores"


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    """A Markdown table; columns without a value anywhere are left out."""
    if not rows:
        return "none"
    names = [name for name in rows[0] if any(row[name] not in ("", "–") for row in rows)]
    lines = [_line(names), _line("---" for _ in names)]
    return "\n".join([*lines, *(_line(row[name] for name in names) for row in rows)])


def _line(cells: Iterable[str]) -> str:
    safe = (" ".join(cell.replace("|", r"\|").replace("<", "&lt;").split()) for cell in cells)
    return f"| {' | '.join(safe)} |"
