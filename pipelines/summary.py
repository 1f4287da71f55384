"""What a finished loop tells its user: the table, the decision with its reasons, where to look.

Knows the outcome of the flow and the folders; prints and writes nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jamel.evaluate import read_json
from jamel.layout import Layout
from jamel.tables import agents_table, correlation_sentence, pairs_table, rounds_table, show


def print_summary(project: Layout, outcome: Mapping[str, Any]) -> None:
    """Print the tables and the verdict of a run."""
    results = read_json(project.results)
    meta = results["meta"]
    title = f"{meta['suite']}: {meta['apps']} unseen apps x {len(meta['seeds'])} seeds"
    show(agents_table(results), f"{title}, means [95 % intervals over apps]")
    if rounds := results.get("rounds"):
        show(rounds_table(rounds), f"jamel on {rounds['suite']} by round")
        if correlation := correlation_sentence(rounds):
            print(correlation)
    show(pairs_table(results, "jamel"), f"jamel against each, {meta['budget']} steps")
    print(verdict(outcome["decision"]))
    print(where_to_look(project, outcome))


def verdict(decision: Mapping[str, Any]) -> str:
    """The gate's decision, a condition a line, as Markdown."""
    lines = [_headline(decision)]
    if decision.get("reason"):
        lines.append(f"by {decision['by'] or 'nobody'}: {decision['reason']}")
    for item in decision["conditions"]:
        mark = "passed" if item["passed"] else "FAILED"
        lines.append(f"- {mark}: {item['name']}: {item['found']} (required: {item['required']})")
    return "\n".join(lines)


def _headline(decision: Mapping[str, Any]) -> str:
    version = decision.get("version")
    if "waits_until" in decision:
        return (
            f"WAITING: version {version} needs a person's approval until {decision['waits_until']}:"
            f" jamel approve {version} --by NAME --reason TEXT, or jamel refuse {version} ..."
        )
    if not decision["promoted"]:
        return "NOT PROMOTED"
    return f"PROMOTED: version {version} is champion" if version else "PROMOTED"


def where_to_look(project: Layout, outcome: Mapping[str, Any]) -> str:
    """The files and pages of the run, relative to the project."""
    shown = {
        "report": project.report,
        "results": project.results,
        "data docs": outcome["validation"]["docs"],
    }
    lines = [f"{name:10} {_relative(project, str(path))}" for name, path in shown.items()]
    lines.append(f"{'dataset':10} {outcome['dataset']} (data.dvc)")
    model, version = (outcome["decision"].get(key) for key in ("model", "version"))
    lines.append(f"{'MLflow':10} run {outcome['run_id']}, model {model} version {version}")
    lines.append(f"{'pages':10} make ui opens MLflow, Prefect, the report and the data docs")
    return "\n".join([*lines, f"{'took':10} {outcome['seconds']:.0f} s"])


def _relative(project: Layout, path: str) -> str:
    return path.removeprefix(f"{project.root}/")
