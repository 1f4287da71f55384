"""What a finished loop tells its user: the table, the decision with its reasons, where to look.

Knows the outcome of the flow and the folders; prints and writes nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jamel.evaluate import read_json
from jamel.layout import Layout
from jamel.tables import final_budget, show, summarise

PAIR_COLUMNS = ("agent", "against", "metric", "difference", "low", "high", "wins", "ties", "losses")


def print_summary(project: Layout, outcome: Mapping[str, Any]) -> None:
    """Print the tables and the verdict of a run."""
    results = final_budget(read_json(project.results))
    meta = results["meta"]
    show(summarise(results["rows"]), f"{meta['suite']}, {meta['budget']} steps, means")
    pairs = [
        pair
        for pair in results["paired"]
        if pair["agent"] == "jamel" and pair["metric"] == "coverage"
    ]
    show(pairs, "jamel against each, coverage per app with 95 % intervals", PAIR_COLUMNS)
    print(verdict(outcome["decision"]))
    print(where_to_look(project, outcome))


def verdict(decision: Mapping[str, Any]) -> str:
    """The gate's decision, a condition a line, as Markdown."""
    word = "PROMOTED" if decision["promoted"] else "NOT PROMOTED"
    version = decision.get("version")
    lines = [
        f"{word}{f': version {version} is champion' if version and decision['promoted'] else ''}"
    ]
    for item in decision["conditions"]:
        mark = "passed" if item["passed"] else "FAILED"
        lines.append(f"- {mark}: {item['name']}: {item['found']} (required: {item['required']})")
    return "\n".join(lines)


def where_to_look(project: Layout, outcome: Mapping[str, Any]) -> str:
    """The files and pages of the run, relative to the project."""
    shown = {
        "report": project.report,
        "results": project.results,
        "data docs": outcome["validation"]["docs"],
    }
    lines = [f"{name:10} {_relative(project, str(path))}" for name, path in shown.items()]
    lines.append(f"{'dataset':10} {outcome['dataset']} (data.dvc)")
    lines.append(f"{'pages':10} jamel ui opens MLflow, Prefect, the report and the data docs")
    return "\n".join([*lines, f"{'took':10} {outcome['seconds']:.0f} s"])


def _relative(project: Layout, path: str) -> str:
    return path.removeprefix(f"{project.root}/")
