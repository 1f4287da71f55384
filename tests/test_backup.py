"""Embedded stores, copied while in use and put back into an empty project elsewhere."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from jamel import dataset, registry
from jamel.backup import backup, restore
from jamel.config import MODEL_NAME
from jamel.errors import StoreError
from jamel.registry.connection import connect, experiment_id
from tests.conftest import initialised
from tests.registered import enter

SHARD = "data/sessions/round-0/one.parquet"


@pytest.fixture(scope="module")
def restored(databases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that came from the backup of one that is gone."""
    root = initialised(databases, tmp_path_factory.mktemp("before") / "project")
    (root / SHARD).parent.mkdir(parents=True)
    (root / SHARD).write_bytes(b"a shard")
    dataset.version(root)
    enter(root, MODEL_NAME)
    connect(root).set_registered_model_alias(MODEL_NAME, "champion", "1")
    copy = root.parent / "copy"
    with registry.Tracker(root).run("still at work") as run_id:
        told = backup(root, copy)
        registry.Tracker(root).log_metrics(run_id, {"late": 1.0})
    assert told["bytes"] > 1e6 and told["root"] == str(root)
    with pytest.raises(StoreError, match="new folder"):
        backup(root, copy)
    shutil.rmtree(root)
    clone = tmp_path_factory.mktemp("after") / "a clone"
    clone.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=clone, check=True)
    restore(clone, copy)
    return clone


def test_the_champion_and_its_files_are_there(restored: Path) -> None:
    now = registry.champion(restored)
    assert now is not None and now.version == "1"
    folder = registry.champion_dir(restored)
    assert folder is not None
    assert (folder / "name.txt").read_text() == MODEL_NAME


def test_a_run_that_went_on_is_as_it_was_at_the_copy(restored: Path) -> None:
    tracker = registry.Tracker(restored)
    assert tracker.close_abandoned() == 1
    runs = tracker.client.search_runs(
        [experiment_id(restored)], "attributes.run_name = 'still at work'"
    )
    assert [run.data.metrics for run in runs] == [{}]


def test_new_runs_write_into_the_new_folder(restored: Path) -> None:
    tracker = registry.Tracker(restored)
    with tracker.run("after") as run_id:
        tracker.log_json(run_id, {}, "later.json")
    assert list((restored / "stores").rglob("later.json"))


def test_the_dataset_comes_back(restored: Path) -> None:
    dataset.fetch(restored)
    assert (restored / SHARD).read_bytes() == b"a shard"


def test_a_project_with_stores_is_not_overwritten(restored: Path) -> None:
    with pytest.raises(StoreError, match="without stores"):
        restore(restored, restored)


def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no backup\.json"):
        restore(tmp_path, tmp_path)
