"""One self-contained HTML page of an evaluation: tables with intervals, curves, the gate's verdict.

Knows the results of `evaluate` as plain data and nothing of how they came about. App, agent and
file names may be hostile: the template escapes every one of them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jamel.agents import SIMPLE_AGENTS
from jamel.disk import write_text
from jamel.plots import coverage_png, reliability_png, rounds_png
from jamel.statistics import agents_of, budgets_of, paired_rows, summarise
from jamel.tables import (
    correlation_sentence,
    coverage_of,
    reliability_table,
    rounds_table,
    shown,
)

UNITS = {
    "coverage": "% of {}",
    "probes": "new after the launch",
    "reward": "rewarded steps",
    "auc": "mean coverage, %",
}
COSTS = ("tokens", "ms_per_decision")
TEMPLATES = Path(__file__).parent

Results = Mapping[str, Any]


def write_report(
    results: Results,
    path: Path,
    gate: Mapping[str, Any] | None = None,
    lineage: Mapping[str, Any] | None = None,
) -> Path:
    """Write the page and return its path; `render` has the arguments. Raises StoreError."""
    return write_text(path, render(results, gate, lineage))


def render(
    results: Results,
    gate: Mapping[str, Any] | None = None,
    lineage: Mapping[str, Any] | None = None,
) -> str:
    """The page as text.

    Args:
        results: what `evaluate` returns.
        gate: `gate.Decision.as_dict()`: `{"promoted", "conditions": [{"name", "passed", "found",
            "required"}]}`.
        lineage: name -> value, such as the registered version, run id and dataset tag.
    """
    from jinja2 import Environment, FileSystemLoader

    rows, meta = results["rows"], results["meta"]
    resamples = int(meta.get("bootstrap", 2000))
    summary = results.get("summary") or summarise(rows, resamples)
    pairs = results.get("paired") or paired_rows(rows, resamples)
    budgets, agents, metrics = budgets_of(rows), agents_of(rows), shown(results)
    curves, rounds = results.get("curves"), results.get("rounds")
    pages = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = pages.get_template("report.html.j2")
    page.globals.update(interval=_interval, signed=_signed)
    return page.render(
        meta=meta,
        facts=_facts(meta),
        headings=_headings(metrics, budgets, coverage_of(results)),
        table=_agent_table(summary, agents, metrics, budgets),
        subject=(subject := _subject(agents)),
        pairs=_pairs_of(pairs, subject, metrics, budgets),
        verdict=_verdict(pairs, agents, metrics[0], budgets[-1]),
        rounds=rounds,
        rounds_table=rounds_table(rounds) if rounds else [],
        correlation=correlation_sentence(rounds) if rounds else "",
        rounds_plot=_rounds_plot(rounds) if rounds else "",
        curves=_embedded(coverage_png(curves, coverage_of(results))) if curves else "",
        apps=_app_table(rows, agents, metrics[0], budgets[-1]),
        metric=metrics[0],
        reliability=reliability_table(results.get("reliability", {})),
        reliability_plots={
            agent: _embedded(reliability_png(found))
            for agent, found in results.get("reliability", {}).items()
        },
        agents=agents,
        budget=budgets[-1],
        gate=gate,
        lineage=lineage or {},
    )


def _measures(metrics: Sequence[str], budgets: Sequence[int]) -> list[tuple[str, int]]:
    """(metric, budget) of the tables' columns; the area only over the whole budget."""
    sizes = {"auc": budgets[-1:]}
    return [(name, size) for name in metrics for size in sizes.get(name, budgets)]


def _headings(
    metrics: Sequence[str], budgets: Sequence[int], share_of: str
) -> list[tuple[str, str]]:
    """(title, unit) of the agent table's columns; coverage is a `share_of` something."""
    units = {name: unit.format(share_of) for name, unit in UNITS.items()}
    measured = [(f"{name}@{size}", units[name]) for name, size in _measures(metrics, budgets)]
    return [*measured, ("tokens", "a decision"), ("ms", "a decision")]


def _agent_table(
    summary: Sequence[Mapping[str, Any]],
    agents: Sequence[str],
    metrics: Sequence[str],
    budgets: Sequence[int],
) -> list[tuple[str, list[Mapping[str, Any]], list[float]]]:
    """Agent, its cells and its tokens of memory and screen; the best first."""
    cells = {(item["agent"], item["budget"], item["metric"]): item for item in summary}
    last = budgets[-1]
    best = sorted(agents, key=lambda agent: -cells[agent, last, metrics[0]]["mean"])
    table = []
    for agent in best:
        measured = [cells[agent, size, name] for name, size in _measures(metrics, budgets)]
        costs = [cells[agent, last, name] for name in COSTS]
        shares = [cells[agent, last, f"tokens_{part}"]["mean"] for part in ("memory", "screen")]
        table.append((agent, [*measured, *costs], shares))
    return table


def _subject(agents: Sequence[str]) -> str:
    """Who the page is about: the model where there is one, else the last agent named."""
    return "jamel" if "jamel" in agents else agents[-1]


def _pairs_of(
    pairs: Sequence[Mapping[str, Any]],
    subject: str,
    metrics: Sequence[str],
    budgets: Sequence[int],
) -> list[tuple[str, list[Mapping[str, Any] | None]]]:
    """Rival -> its paired differences in the order of `_measures`."""
    found: dict[str, dict[tuple[str, int], Mapping[str, Any]]] = {}
    for pair in pairs:
        if pair["agent"] == subject:
            key = (pair["metric"], pair.get("budget", budgets[-1]))
            found.setdefault(pair["against"], {})[key] = pair
    return [
        (rival, [mine.get((name, size)) for name, size in _measures(metrics, budgets)])
        for rival, mine in found.items()
    ]


def _verdict(
    pairs: Sequence[Mapping[str, Any]], agents: Sequence[str], metric: str, budget: int
) -> str:
    """What the intervals allow to be said about memory and the strongest simple agent."""
    subject, sentences = _subject(agents), []
    for rival in (
        "champion",
        "transferred",
        "no-memory",
        "zeroed-memory",
        *reversed(SIMPLE_AGENTS),
    ):
        pair = _find(pairs, subject, rival, metric, budget)
        if pair is not None:
            sentences.append(_sentence(subject, rival, pair, budget))
    return " ".join(sentences)


def _find(
    pairs: Sequence[Mapping[str, Any]], agent: str, against: str, metric: str, budget: int
) -> Mapping[str, Any] | None:
    for pair in pairs:
        named = (pair["agent"], pair["against"], pair["metric"], pair.get("budget", budget))
        if named == (agent, against, metric, budget):
            return pair
    return None


def _sentence(subject: str, rival: str, pair: Mapping[str, Any], budget: int) -> str:
    low, high = pair["low"], pair["high"]
    unit = "probes" if pair["metric"] == "probes" else "points"
    word = "more" if low > 0 else "less" if high < 0 else "neither clearly more nor less"
    return (
        f"{subject} covers {word} than {rival} in {budget} steps: "
        f"{pair['difference']:+.1f} {unit} [{low:+.1f}, {high:+.1f}]."
    )


def _app_table(
    rows: Sequence[Mapping[str, Any]], agents: Sequence[str], metric: str, budget: int
) -> list[tuple[str, list[float | None]]]:
    """App -> mean of a metric over seeds of each agent at the longest budget."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in (item for item in rows if item["budget"] == budget):
        found.setdefault(row["app"], {}).setdefault(row["agent"], []).append(row[metric])
    return [
        (app, [_mean(values[agent]) if agent in values else None for agent in agents])
        for app, values in found.items()
    ]


def _facts(meta: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a number needs to be believed: where, when and from what it was measured."""
    machine = meta.get("machine", {})
    facts = {
        "suite": meta.get("suite"),
        "apps": meta.get("apps"),
        "seeds": ", ".join(str(seed) for seed in meta.get("seeds", ())),
        "budget": meta.get("budget"),
        "settings": "; ".join(
            f"{name}: {_settings(found)}" for name, found in (meta.get("settings") or {}).items()
        ),
        "transport": meta.get("transport"),
        "commit": meta.get("commit"),
        "dataset md5": meta.get("dataset_md5"),
        "configuration": meta.get("config"),
        "machine": ", ".join(str(machine[key]) for key in sorted(machine)),
        "started": meta.get("started"),
        "duration, s": meta.get("duration_s"),
    }
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]


def _settings(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())


def _interval(cell: Mapping[str, Any]) -> str:
    """`61.2 [58.0, 64.1]`; costs and a single app have no interval."""
    mean, low, high = (f"{cell[name]:.{_digits(cell)}f}" for name in ("mean", "low", "high"))
    return (
        f"{mean} [{low}, {high}]"
        if cell.get("apps", 2) > 1 and cell["metric"] not in COSTS
        else mean
    )


def _digits(cell: Mapping[str, Any]) -> int:
    return 2 if abs(cell["mean"]) < 10 else 1


def _signed(value: float) -> str:
    return f"{value:+.1f}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _rounds_plot(rounds: Mapping[str, Any]) -> str:
    return _embedded(rounds_png(rounds["curve"], rounds["budget"], rounds["suite"]))


def _embedded(picture: bytes) -> str:
    return base64.b64encode(picture).decode("ascii")
