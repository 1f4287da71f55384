"""What a run leaves in the Prefect UI for a person: cards, tables, curves and the verdict.

Knows how things are shown and what they are called there; every figure comes from the library.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect.artifacts import (
    create_image_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from jamel.comparison import markdown
from jamel.dataset_card import card, card_rows
from jamel.layout import Layout
from jamel.plots import coverage_png, losses_png
from jamel.services import PAGES_URL
from jamel.statistics import final_budget
from jamel.tables import mean_rows


def show_dataset(project: Layout, md5: str, tag: str) -> None:
    """The dataset's card."""
    rows = card_rows(project.sessions, project.labels)
    create_markdown_artifact(card(md5, tag, rows), key="dataset", description=f"Dataset {md5}")


def show_validation(project: Layout, record: Mapping[str, Any]) -> None:
    """The result with a link to the data docs, and the shards that went to quarantine."""
    result = "passed" if record["passed"] else "FAILED"
    lines = [
        f"# Validation {result}",
        f"{record['evaluated']} expectations over {record['sessions']} sessions, "
        f"{record['rows']} steps. Data docs: {page(project, Path(record['docs']))}",
        *(f"- broken: {rule}" for rule in record["broken"]),
        *(f"- how much there is to cover is not known: {app}" for app in record["unsized"]),
    ]
    create_markdown_artifact("\n".join(lines), key="validation", description=f"Validation {result}")
    bad = [{"shard": path, "reason": why} for path, why in record["quarantined"].items()]
    create_table_artifact(bad, key="quarantine", description="Shards that went to quarantine")


def show_training(name: str, losses: Sequence[float]) -> None:
    """The curve of a training."""
    if losses:
        _picture(losses_png(losses), "training", f"{name}: loss of {len(losses)} updates")


def show_evaluation(project: Layout, results: Mapping[str, Any], report: Path) -> None:
    """The means of every agent as a table, and the curves."""
    suite, budget = results["meta"]["suite"], results["meta"]["budget"]
    about = f"{suite}, {budget} steps. Report: {page(project, report)}"
    rows = mean_rows(final_budget(results)["rows"])
    create_table_artifact(rows, key="evaluation", description=about)
    if results.get("curves"):
        _picture(coverage_png(results["curves"]), "evaluation-curves", about)


def show_monitor(found: Mapping[str, Any]) -> None:
    """The champion then and now."""
    about = f"{found['first']} and {', '.join(found['last'])}, intervals over {found['unit']}s"
    create_table_artifact(list(found["measures"]), key="monitor", description=about)


def show_comparison(found: Mapping[str, Any], candidate: str, champion: str) -> None:
    """A candidate beside the champion."""
    about = f"{candidate} beside {champion}, the champion".capitalize()
    create_markdown_artifact(markdown(found), key="comparison", description=about)


def show_verdict(decision: Mapping[str, Any], text: str) -> None:
    """The gate's decision with every condition."""
    about = f"The gate's verdict on version {decision['version']} of {decision['model']}"
    create_markdown_artifact(text, key="promotion", description=about)


def page(project: Layout, path: Path) -> str:
    """A link to a page below build/ where `jamel serve` shows it, else its path."""
    shown = os.environ.get(PAGES_URL, "")
    name = path.resolve().relative_to(project.root)
    if not shown or not path.resolve().is_relative_to(project.build):
        return f"`{name}`"
    return f"[{name}]({shown}{path.resolve().relative_to(project.build).as_posix()})"


def _picture(png: bytes, key: str, about: str) -> None:
    # In the artifact itself: a file of this machine is no address for a browser.
    url = "data:image/png;base64," + base64.b64encode(png).decode()
    create_image_artifact(url, key=key, description=about)
