"""Results as rows for a terminal, and how rows are printed.

Knows the results of an evaluation as plain data and nothing of how they came about.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jamel.statistics import final_budget


def show(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Print rows as a table whose columns are the first row's keys."""
    from rich.console import Console
    from rich.table import Table

    names = list(rows[0]) if rows else []
    table = Table()
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        # Escaped: "[60.1, 66.7]" would be markup.
        table.add_row(*(_cell(row.get(name)).replace("[", r"\[") for name in names))
    console = Console(width=None if os.isatty(1) else 120)
    # Not the table's own title: that is wrapped at the table's width.
    console.print(title, style="italic", markup=False, highlight=False, soft_wrap=True)
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    return "" if value is None else str(value)


SHOWN = ("coverage", "reward", "auc")
"""The metrics that are shown of results which name none."""


def shown(results: Mapping[str, Any]) -> tuple[str, ...]:
    """The metrics to show of an evaluation; agents are ordered and compared by the first."""
    return tuple(results["meta"].get("metrics", SHOWN))


def coverage_of(results: Mapping[str, Any]) -> str:
    """What an evaluation's coverage is the share of."""
    return str(results["meta"].get("coverage_of", "reachable probes"))


def agents_table(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row an agent, the best first: means with their 95 % intervals over apps.

    The columns are reward at the first budget, the metric that agents are ordered by for every
    budget, tokens a decision, ms a decision.
    """
    first = shown(results)[0]
    found = {(item["agent"], item["metric"], item["budget"]): item for item in results["summary"]}
    budgets = results["meta"]["budgets"]
    columns = [("reward", budgets[0]), *((first, size) for size in budgets)]
    costs = {"tokens/decision": ("tokens", 0), "ms/decision": ("ms_per_decision", 2)}
    agents = list(dict.fromkeys(item["agent"] for item in results["summary"]))
    agents.sort(key=lambda agent: -found[agent, first, budgets[-1]]["mean"])
    return [
        {"agent": agent}
        | {f"{name}@{size}": _interval(found[agent, name, size]) for name, size in columns}
        | {
            title: f"{found[agent, name, budgets[-1]]['mean']:.{digits}f}"
            for title, (name, digits) in costs.items()
        }
        for agent in agents
    ]


def pairs_table(results: Mapping[str, Any], agent: str) -> list[dict[str, Any]]:
    """One row a rival: the paired difference at the full budget, over apps."""
    metric = shown(results)[0]
    return [
        {
            "against": pair["against"],
            f"difference in {metric}": _interval(pair, "difference", "+"),
            "apps won/tied/lost": f"{pair['wins']}/{pair['ties']}/{pair['losses']}",
        }
        for pair in final_budget(results)["paired"]
        if pair["agent"] == agent and pair["metric"] == metric
    ]


def rounds_table(rounds: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a round: its model's coverage and the gain over the one before, what it took.

    "explored" is what the model before came to when it explored in this round.
    """
    return [
        {
            "round": point["round"],
            f"coverage@{rounds['budget']}": _interval(point),
            "gain": _interval(point["gain"], "difference", "+") if point["gain"] else "",
            "explored": _share(point.get("rewarded")),
            "seconds": f"{point['seconds']:.0f}",
        }
        for point in rounds["curve"]
    ]


def correlation_sentence(rounds: Mapping[str, Any]) -> str:
    """How a model's coverage on the suite goes with what it explored; "" where that is unknown."""
    found = rounds.get("correlation")
    if not found:
        return ""
    return (
        f"rank correlation of coverage on {rounds['suite']} and explored, over {found['models']} "
        f"models: {found['spearman']:+.2f}"
    )


def _share(rewarded: float | None) -> str:
    return "" if rewarded is None else f"{rewarded:.1f} % of steps new"


def _interval(item: Mapping[str, Any], middle: str = "mean", sign: str = "") -> str:
    mean, low, high = (f"{item[name]:{sign}.1f}" for name in (middle, "low", "high"))
    return f"{mean} [{low}, {high}]"


def mean_rows(rows: Iterable[Mapping[str, Any]], measured: bool = True) -> list[dict[str, Any]]:
    """Per suite and agent the means over apps and seeds, best coverage first.

    Args:
        rows: one a session.
        measured: with the time of a decision, which no two runs share.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["suite"], row["agent"]), []).append(row)
    metrics = ["coverage", "reward", "auc", "tokens_memory", "tokens_screen"]
    if measured:
        metrics.append("ms_per_decision")
    table = [
        {"suite": suite, "agent": agent, "sessions": len(group)}
        | {name: sum(float(row.get(name, 0.0)) for row in group) / len(group) for name in metrics}
        for (suite, agent), group in groups.items()
    ]
    return sorted(table, key=lambda row: (row["suite"], -row["coverage"]))


def reliability_table(
    found: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> list[dict[str, Any]]:
    """One row an agent and figure: how far it can be believed, before and after calibration."""
    return [
        {
            "agent": agent,
            "figure": f"{name}: {item['means']}",
            "decisions": item["before"]["count"],
            "came": f"{item['before']['rate']:.3f}",
        }
        | {
            f"{title} {when}": _reliability_cell(item[when], key)
            for title, key in (("error", "ece"), ("Brier", "brier"))
            for when in ("before", "after")
        }
        for agent, figures in found.items()
        for name, item in figures.items()
    ]


def _reliability_cell(part: Mapping[str, Any] | None, key: str) -> str:
    if part is None:
        return ""
    return "{mean:.3f} [{low:.3f}, {high:.3f}]".format(**part[key])
