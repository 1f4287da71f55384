"""Unit costs from a project's own shards and databases, and what a larger plan comes to."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jamel.config import Config
from jamel.errors import DatasetError
from jamel.layout import Layout
from jamel.sizing import MLFLOW_ROWS, Plan, requirements, unit_costs


@pytest.fixture
def project(tmp_path: Path) -> Layout:
    """Two sessions of 50 steps, labels of both, and a database with 3 rows in every table."""
    for kind in ("sessions", "labels"):
        for name in ("a", "b"):
            path = tmp_path / "data" / kind / "round-0" / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({"step": list(range(50))}), path)
    (tmp_path / "stores").mkdir()
    with sqlite3.connect(tmp_path / "stores/mlflow.db") as connection:
        for table in MLFLOW_ROWS:
            connection.execute(f"CREATE TABLE {table} (key TEXT)")
            connection.executemany(f"INSERT INTO {table} VALUES (?)", [("x",)] * 3)
    connection.close()
    return Layout.at(tmp_path)


def test_costs_are_those_of_the_files_and_databases_that_are_there(project: Layout) -> None:
    costs = unit_costs(project, project.root / "bench.jsonl")
    size = sum(path.stat().st_size for path in project.sessions.rglob("*.parquet"))
    assert costs["session_bytes_per_step"] == size / 100
    assert costs["steps_per_shard"] == 50
    assert costs["files_per_session"] == 2
    assert costs["mlflow_rows_per_session"] == 3 * len(MLFLOW_ROWS) / 2
    assert costs["prefect_rows_per_session"] == 0
    assert "labels_per_s" not in costs, "nothing was measured"


def test_a_plan_grows_with_steps_and_emulators(project: Layout) -> None:
    bench = project.root / "bench.jsonl"
    speed = {"jamel_ms_at_100": 10.0, "labels_per_s": 1000.0, "label_workers": 2}
    earlier = {"labels_per_s": 1.0, "training_samples_per_s": 1.0}
    bench.write_text(json.dumps(earlier) + "\n" + json.dumps(speed) + "\n")
    costs = unit_costs(project, bench)
    needed = requirements(costs, Plan(steps=86_400_000, emulators=1000, step_s=2.0), Config())
    assert needed["steps_per_s"] == 500
    assert needed["days_to_explore"] == 2
    assert needed["emulator_cores"] == 2000
    assert needed["cores_to_decide"] == 5
    assert needed["core_days_to_label"] == 2
    assert needed["dataset_files"] == 86_400_000 / 50 * 2
    assert "days_a_pass_of_training" not in needed, "only the last line of the file counts"


def test_a_project_without_sessions_says_so(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="found none"):
        unit_costs(Layout.at(tmp_path), tmp_path / "bench.jsonl")
