"""Stores: created once, locked against a second run, and a full disk told as a sentence."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from jamel import stores
from jamel.errors import Busy, StoreError


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    stores.init(root)
    return root


def test_init_creates_everything_once(project: Path) -> None:
    opened = stores.open_stores(project)
    before = {
        path: path.stat().st_mtime_ns
        for path in (opened.mlflow_db, opened.prefect_home / "prefect.db")
    }
    config = (project / ".dvc" / "config.local").read_text()
    assert stores.init(project) == opened
    assert (project / ".dvc" / "config.local").read_text() == config
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert str(opened.dvc_remote) in config
    assert opened.mlflow_uri == f"sqlite:////{str(opened.mlflow_db).lstrip('/')}"


def test_paths_are_absolute_whatever_the_working_directory(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    assert stores.open_stores(project.name).mlflow_db.is_absolute()


def test_uninitialised_stores_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="jamel init"):
        stores.open_stores(tmp_path)


def test_a_database_cut_short_counts_as_uninitialised(tmp_path: Path) -> None:
    at = stores.stores_at(tmp_path)
    for folder in (at.mlflow_artifacts, at.dvc_remote):
        folder.mkdir(parents=True)
    at.mlflow_db.write_bytes(b"not a database")
    with pytest.raises(StoreError, match="without tables"):
        stores.open_stores(tmp_path)


def test_a_second_run_is_refused_and_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    code = (
        "import sys, time; from jamel.stores import project_lock\n"
        "with project_lock(sys.argv[1]): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder, holder.stdout:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Busy, match=f"process {holder.pid}"), stores.project_lock(tmp_path):
            pass
        holder.kill()
        holder.wait()
    with stores.project_lock(tmp_path):
        assert stores.stores_at(tmp_path).locks.joinpath("project.lock").read_text() == str(
            os.getpid()
        )


def test_the_lock_is_released_after_an_exception(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), stores.project_lock(tmp_path):
        raise RuntimeError
    with stores.project_lock(tmp_path):
        pass


def test_a_migration_that_fails_half_way_leaves_no_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = stores.stores_at(tmp_path)
    at.mlflow_artifacts.mkdir(parents=True)

    def half(_: stores.Stores, command: list[str], **more: str) -> None:
        half_done = Path(command[-1].removeprefix("sqlite:///"))
        with sqlite3.connect(half_done) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("INSERT INTO alembic_version VALUES ('an early one')")
        connection.close()
        raise StoreError("killed")

    monkeypatch.setattr(stores, "_run", half)
    with pytest.raises(StoreError, match="killed"):
        stores._init_mlflow(at)
    assert [path.name for path in at.mlflow_db.parent.iterdir()] == ["mlflow-artifacts"]


def test_a_failing_subprocess_is_a_sentence(tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "raise SystemExit('no database for you')"]
    with pytest.raises(StoreError, match="no database for you"):
        stores._run(stores.stores_at(tmp_path), failing)


def test_telemetry_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in stores.TELEMETRY_OFF:
        monkeypatch.delenv(name, raising=False)
    stores.telemetry_off()
    assert os.environ["DO_NOT_TRACK"] == "true"
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_folders_are_written_side_by_side_but_one_by_one_each(tmp_path: Path) -> None:
    with stores.folder_lock(tmp_path, tmp_path / "a"), stores.folder_lock(tmp_path, tmp_path / "b"):
        with pytest.raises(Busy, match="Wait"), stores.folder_lock(tmp_path, tmp_path / "b/../a"):
            pass
        with pytest.raises(Busy, match="Wait"), stores.project_lock(tmp_path):
            pass
    with (
        stores.project_lock(tmp_path),
        pytest.raises(Busy, match="Wait"),
        stores.folder_lock(tmp_path, tmp_path / "a"),
    ):
        pass
