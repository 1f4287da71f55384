"""What a step costs here, and what that comes to for more emulators and more steps.

Reads the footers of the shards, the embedded databases and the last line of docs/bench.jsonl;
measures nothing itself. Knows no store from the inside beyond the names of a few tables.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from jamel.config import Config
from jamel.errors import DatasetError
from jamel.layout import Layout
from jamel.stores import stores_at

DAY_S = 86_400
MLFLOW_ROWS = ("params", "metrics", "latest_metrics", "tags", "inputs", "datasets", "input_tags")
PREFECT_ROWS = ("task_run", "task_run_state", "events", "event_resources", "log")


class Plan(NamedTuple):
    """How much is to be explored: steps in all, emulators side by side, seconds a step of one."""

    steps: float
    emulators: int
    step_s: float


def unit_costs(project: Layout, bench: Path) -> dict[str, float]:
    """What was measured in this project and on this machine, by name; units are in the names.

    Args:
        project: whose shards and databases are counted.
        bench: what `jamel bench` appends to; its last line counts. Without it there is no speed.

    Raises:
        DatasetError: there are no sessions to count.
    """
    sessions = _shards(project.sessions)
    if not sessions["rows"]:
        raise DatasetError(
            f"expected sessions in {project.sessions} to count, found none. Run `jamel collect` "
            "or the loop first."
        )
    labels, stores = _shards(project.labels), stores_at(project.root)
    found = {
        "steps_per_shard": sessions["rows"] / sessions["files"],
        "session_bytes_per_step": sessions["bytes"] / sessions["rows"],
        "label_bytes_per_step": labels["bytes"] / max(1, labels["rows"]),
        "files_per_session": (sessions["files"] + labels["files"]) / sessions["files"],
        "mlflow_rows_per_session": _rows(stores.mlflow_db, MLFLOW_ROWS) / sessions["files"],
        "prefect_rows_per_session": _rows(stores.prefect_home / "prefect.db", PREFECT_ROWS)
        / sessions["files"],
    }
    return found | _speeds(bench)


def requirements(costs: Mapping[str, float], plan: Plan, config: Config) -> dict[str, float]:
    """What a plan comes to when every cost grows with the steps, as all of these do."""
    emulator = config.device.emulator
    per_s = plan.emulators / plan.step_s
    shards = plan.steps / costs["steps_per_shard"]
    per_step = costs["session_bytes_per_step"] + costs["label_bytes_per_step"]
    needed = {
        "steps_per_s": per_s,
        "days_to_explore": plan.steps / per_s / DAY_S,
        "emulator_cores": float(plan.emulators * emulator.cores),
        "emulator_memory_gb": plan.emulators * emulator.memory_mb / 1000,
        "dataset_gb": plan.steps * per_step / 1e9,
        "dataset_files": shards * costs["files_per_session"],
        "mlflow_rows": shards * costs["mlflow_rows_per_session"],
        "prefect_rows": shards * costs["prefect_rows_per_session"],
    }
    if "jamel_ms_at_100" in costs:
        needed["cores_to_decide"] = per_s * costs["jamel_ms_at_100"] / 1000
    if "labels_per_s" in costs:
        seconds = plan.steps / costs["labels_per_s"] * costs.get("label_workers", 1)
        needed["core_days_to_label"] = seconds / DAY_S
    if "training_samples_per_s" in costs:
        needed["days_a_pass_of_training"] = plan.steps / costs["training_samples_per_s"] / DAY_S
    return needed


def _shards(folder: Path) -> dict[str, int]:
    """Files, rows and bytes of the shards below a folder, from their footers."""
    paths = list(folder.rglob("*.parquet"))
    rows = sum(pq.read_metadata(path).num_rows for path in paths)
    return {
        "files": len(paths), "rows": rows, "bytes": sum(path.stat().st_size for path in paths)
    }  # fmt: skip


def _rows(database: Path, tables: tuple[str, ...]) -> int:
    """Rows of some tables of an embedded database; 0 where there is none."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        counts = (connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables)
        return sum(int(count) for (count,) in counts)


def _speeds(bench: Path) -> dict[str, float]:
    names = ("jamel_ms_at_100", "labels_per_s", "label_workers", "training_samples_per_s")
    lines = bench.read_text(encoding="utf-8").splitlines() if bench.exists() else []
    last: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return {name: float(last[name]) for name in names if last.get(name)}
