"""Rows as a table on a terminal and as JSON in a file.

Knows nothing of what the rows mean.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def write_json(path: Path, data: Any) -> None:
    """Write `data` as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(data, file, indent=2, default=str)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def show(rows: Sequence[Mapping[str, Any]], title: str, columns: Iterable[str] = ()) -> None:
    """Print rows as a table; the columns default to the first row's keys."""
    from rich.console import Console
    from rich.table import Table

    names = list(columns) or list(rows[0] if rows else [])
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    Console(width=None if os.isatty(1) else 120).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    return "" if value is None else str(value)


def final_budget(results: Mapping[str, Any]) -> dict[str, Any]:
    """Results with the rows and pairs of the full budget only: what the gate weighs."""
    budget = results["meta"]["budget"]
    kept = {
        part: [row for row in results[part] if row.get("budget", budget) == budget]
        for part in ("rows", "paired")
    }
    return {**results, **kept}


def summarise(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Per suite and agent the means over apps and seeds, best coverage first."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["suite"], row["agent"]), []).append(row)
    metrics = ("coverage", "reward", "auc", "tokens_memory", "tokens_screen", "ms_per_decision")
    table = [
        {"suite": suite, "agent": agent, "sessions": len(group)}
        | {name: sum(float(row.get(name, 0.0)) for row in group) / len(group) for name in metrics}
        for (suite, agent), group in groups.items()
    ]
    return sorted(table, key=lambda row: (row["suite"], -row["coverage"]))
