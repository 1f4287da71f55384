"""Embedded stores, copied while in use and put back into an empty project elsewhere."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from dvc.repo import Repo

from jamel import backup as copies
from jamel import dataset, provenance, registry
from jamel.backup import backup, restore
from jamel.config import MODEL_NAME
from jamel.errors import StoreError
from jamel.registry.connection import connect, experiment_id
from jamel.services import ADMIN_PASSWORD, mlflow_service
from jamel.stores import stores_at
from tests.conftest import initialised
from tests.registered import enter
from tests.repository import git

FIRST, UNPUSHED, LATE = (f"data/sessions/round-0/{name}.parquet" for name in ("a", "b", "c"))
USER = (1, "ann", "scrypt:a hash")


@pytest.fixture(scope="module")
def restored(databases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that came from the backup of one that is gone.

    A dataset version was pinned and not pushed before, as by a run that was killed, and another
    one was pushed while the backup was made.
    """
    root = initialised(databases, tmp_path_factory.mktemp("before") / "project")
    _write(root, FIRST)
    dataset.version(root)
    _write(root, UNPUSHED)
    with Repo(str(root)) as repo:
        repo.add([str(root / "data")])
    pinned = dataset.pinned_md5(root)
    with _users(root) as users:
        users.execute("CREATE TABLE users (id INTEGER, username VARCHAR, password_hash VARCHAR)")
        users.execute("INSERT INTO users VALUES (?, ?, ?)", USER)
    enter(root, MODEL_NAME)
    connect(root).set_registered_model_alias(MODEL_NAME, "champion", "1")
    copy = root.parent / "copy"
    with registry.Tracker(root).run("still at work") as run_id:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(copies, "_copy", partial(_copy_then_pin, root, copies._copy))
            told = backup(root, copy)
        registry.Tracker(root).log_metrics(run_id, {"late": 1.0})
    assert dataset.pinned_md5(root) != pinned == provenance.dataset_md5(copy)
    assert told["bytes"] > 1e6 and told["root"] == str(root)
    with pytest.raises(StoreError, match="new folder"):
        backup(root, copy)
    shutil.rmtree(root)
    clone = tmp_path_factory.mktemp("after") / "a clone"
    clone.mkdir()
    git(clone, "init", "-q")
    (clone / "data.dvc").write_text("outs:\n- md5: 0.dir\n  path: data\n")
    with pytest.raises(StoreError, match=r"Commit it, or move it aside"):
        restore(clone, copy)
    git(clone, "add", "data.dvc")
    git(clone, "commit", "-qm", "the starter")
    restore(clone, copy)
    return clone


def _copy_then_pin(root: Path, copy: Callable[[Path, Path], None], path: Path, to: Path) -> None:
    copy(path, to)
    if path == stores_at(root).dvc_remote:
        _write(root, LATE)
        dataset.version(root)


def _write(root: Path, shard: str) -> None:
    (root / shard).parent.mkdir(parents=True, exist_ok=True)
    (root / shard).write_text(shard)


@contextmanager
def _users(root: Path) -> Iterator[sqlite3.Connection]:
    """Who may log in to MLflow's pages, in a table with the first columns of MLflow's."""
    with closing(sqlite3.connect(stores_at(root).mlflow_users_db)) as connection, connection:
        yield connection


def test_the_champion_and_its_files_are_there(restored: Path) -> None:
    now = registry.champion(restored)
    assert now is not None and now.version == "1"
    folder = registry.champion_dir(restored)
    assert folder is not None
    assert (folder / "name.txt").read_text() == MODEL_NAME


def test_a_run_that_went_on_is_as_it_was_at_the_copy(restored: Path) -> None:
    tracker = registry.Tracker(restored)
    (run,) = tracker.client.search_runs(
        [experiment_id(restored)], "attributes.run_name = 'still at work'"
    )
    assert (run.info.status, run.data.metrics) == ("RUNNING", {})


def test_new_runs_write_into_the_new_folder(restored: Path) -> None:
    tracker = registry.Tracker(restored)
    with tracker.run("after") as run_id:
        tracker.log_json(run_id, {}, "later.json")
    assert list((restored / "stores").rglob("later.json"))


def test_the_dataset_comes_back_as_it_was_pinned_when_the_backup_began(restored: Path) -> None:
    dataset.fetch(restored)
    found = {path.relative_to(restored).as_posix() for path in restored.glob("data/**/*.parquet")}
    assert found == {FIRST, UNPUSHED}
    assert (restored / UNPUSHED).read_text() == UNPUSHED


def test_who_had_a_login_has_it_again(restored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _users(restored) as users:
        assert users.execute("SELECT * FROM users").fetchall() == [USER]
    pytest.importorskip("flask_wtf")
    monkeypatch.delenv(ADMIN_PASSWORD, raising=False)
    assert mlflow_service(stores_at(restored), 18500, login=True), "asks for no first password"


def test_a_project_with_stores_is_not_overwritten(restored: Path) -> None:
    with pytest.raises(StoreError, match="without stores"):
        restore(restored, restored)


@pytest.mark.parametrize("text", [None, "[]", '"a"', "{}", "{"])
def test_a_folder_that_is_no_backup_is_refused(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "backup.json").write_text(text)
    with pytest.raises(StoreError, match=r"no backup\.json"):
        restore(tmp_path, tmp_path)


def test_a_place_that_cannot_be_written_is_a_sentence(restored: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Name a folder that can be written"):
        backup(restored, tmp_path / "file" / "copy")
