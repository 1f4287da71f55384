"""Versions of a dataset on a real DVC and git repository: pin, tag, tamper, restore."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jamel import dataset, stores
from jamel.errors import Busy, DatasetError, StoreError
from jamel.manifest import sessions_of
from tests.repository import git

SHARD = "data/sessions/round-0/a.parquet"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A committed git repository with DVC; the databases are not needed and only pretended."""
    git(tmp_path, "init", "-q")
    write(tmp_path, ".gitignore", "data/\nstores/\n.dvc/cache/\n.dvc/tmp/\n.dvc/config.local\n")
    at = stores.stores_at(tmp_path)
    for folder in (at.mlflow_artifacts, at.dvc_remote):
        folder.mkdir(parents=True)
    stores._init_dvc(at)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    write(tmp_path, SHARD, "one")
    return tmp_path


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "open_stores", lambda root: stores.stores_at(root))


def test_the_same_data_has_the_same_md5_and_is_pushed(project: Path) -> None:
    first = dataset.version(project)
    assert first.endswith(".dir") and dataset.pinned_md5(project) == first
    assert dataset.version(project) == first
    assert list((project / "stores" / "dvc-remote").rglob("*.dir"))
    assert dataset.check_pinned(project) == first


@pytest.mark.parametrize("half", ["", '{"read": {"dat'])
def test_a_kill_while_dvc_notes_who_writes_is_survived(project: Path, half: str) -> None:
    first = dataset.version(project)
    (project / ".dvc/tmp/rwlock").write_text(half)
    assert dataset.version(project) == first
    (project / ".dvc/tmp/rwlock").write_text(half)
    assert dataset.pushed(project)


def test_a_kill_while_dvc_writes_the_pin_is_survived(project: Path) -> None:
    first = dataset.version(project)
    (project / "data.dvc").write_text("")
    assert dataset.version(project) == first == dataset.pinned_md5(project)


def test_a_change_by_hand_is_found_and_named(project: Path) -> None:
    dataset.version(project)
    write(project, "data/labels/round-0/a.parquet", "new")
    assert dataset.check_pinned(project, allow_new=True)
    with pytest.raises(DatasetError, match="added: data/labels/round-0/a"):
        dataset.check_pinned(project)
    write(project, SHARD, "changed")
    with pytest.raises(DatasetError, match=f"modified: {SHARD}"):
        dataset.check_pinned(project, allow_new=True)
    (project / SHARD).unlink()
    with pytest.raises(DatasetError, match=f"deleted: {SHARD}"):
        dataset.check_pinned(project, allow_new=True)


def test_a_run_goes_on_with_its_own_changes_and_with_nobody_elses(project: Path) -> None:
    with dataset.open_for_changes(project):
        dataset.version(project)
    write(project, SHARD, "by hand")
    by_hand = pytest.raises(DatasetError, match=f"modified: {SHARD}")
    with by_hand, dataset.open_for_changes(project):
        pass
    write(project, SHARD, "one")
    with pytest.raises(KeyboardInterrupt), dataset.open_for_changes(project):
        write(project, SHARD, "another setting's")
        raise KeyboardInterrupt
    # Ended on the way, the run is started again; then it pins what it made.
    with dataset.open_for_changes(project):
        dataset.version(project)
    with dataset.open_for_changes(project):
        pass


def test_what_else_dvc_keeps_is_no_change_of_the_dataset(project: Path) -> None:
    stage = "stages: {s: {cmd: echo x > made, deps: [data], outs: [made]}}"
    write(project, "dvc.yaml", stage)
    dataset.version(project)
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=project, check=True)
    (project / "made").unlink()
    assert dataset.changes_since_pinned(project) == {}
    dataset.require_unchanged(project)
    write(project, SHARD, "changed")
    with pytest.raises(DatasetError, match=f"modified: {SHARD}.*dvc add data"):
        dataset.require_unchanged(project)


def test_a_tag_holds_the_pin_and_leaves_a_dirty_worktree_alone(project: Path) -> None:
    write(project, "notes.txt", "not committed")
    git(project, "add", "notes.txt")
    before = git(project, "rev-parse", "HEAD"), git(project, "status", "--short")
    md5 = dataset.version(project, "dataset/v1")
    after = git(project, "rev-parse", "HEAD"), git(project, "status", "--short")
    assert after[0] == before[0] and after[1] == before[1] + "\n?? data.dvc"
    assert md5 in git(project, "show", "dataset/v1:data.dvc")
    assert git(project, "diff", "--name-only", "HEAD", "dataset/v1") == "data.dvc"


def test_a_tag_is_never_moved(project: Path) -> None:
    first = dataset.version(project, "dataset/v1")
    assert dataset.version(project, "dataset/v1") == first
    write(project, SHARD, "two")
    second = dataset.version(project, "dataset/v1")
    assert git(project, "tag").split() == ["dataset/v1", f"dataset/v1-{second[:8]}"]


def test_restore_brings_a_version_back_even_without_the_cache(project: Path) -> None:
    first = dataset.version(project, "dataset/v1")
    write(project, SHARD, "two")
    second = dataset.version(project, "dataset/v2")
    listed = sessions_of(project, first)
    assert list(listed) == ["round-0/a"] and sessions_of(project, second) != listed
    shutil.rmtree(project / ".dvc" / "cache")
    assert sessions_of(project, first) == listed, "the remote knows it too"
    assert dataset.restore(project, "dataset/v1") == first
    assert (project / SHARD).read_text() == "one"
    assert dataset.restore(project, "dataset/v2") == second
    with pytest.raises(DatasetError, match="dataset/v1, dataset/v2"):
        dataset.restore(project, "dataset/v9")


def test_restore_does_not_overwrite_what_is_not_pinned(project: Path) -> None:
    dataset.version(project, "dataset/v1")
    write(project, "data/sessions/round-1/b.parquet", "hours of work")
    with pytest.raises(DatasetError, match="round-1/b"):
        dataset.restore(project, "dataset/v1")
    assert (project / "data/sessions/round-1/b.parquet").exists()


def test_files_gone_everywhere_are_a_sentence(project: Path) -> None:
    dataset.version(project)
    for folder in ("data", ".dvc/cache", "stores/dvc-remote"):
        shutil.rmtree(project / folder)
    with pytest.raises(DatasetError, match="found neither"):
        dataset.fetch(project)
    with pytest.raises(DatasetError, match="found it in neither"):
        sessions_of(project, dataset.pinned_md5(project))


def test_nothing_to_version_and_bad_names(project: Path) -> None:
    with pytest.raises(DatasetError, match="no such file"):
        dataset.pinned_md5(project)
    with pytest.raises(DatasetError, match="a tag of letters"):
        dataset.version(project, "--force")
    shutil.rmtree(project / "data")
    with pytest.raises(DatasetError, match="jamel collect"):
        dataset.version(project)
    write(project, "data.dvc", "outs: []")
    with pytest.raises(DatasetError, match="ill-formed"):
        dataset.pinned_md5(project)


def test_a_full_disk_and_a_second_writer(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo

    def full(*_: object, **__: object) -> None:
        raise DvcException("failed to add") from OSError(errno.ENOSPC, "full")

    def locked(*_: object, **__: object) -> None:
        raise LockError("Unable to acquire lock.")

    monkeypatch.setattr(Repo, "add", full)
    with pytest.raises(StoreError, match="full disk"):
        dataset.version(project)
    monkeypatch.setattr(Repo, "add", locked)
    with pytest.raises(Busy, match="Wait"):
        dataset.version(project)


def test_without_git_the_data_is_pinned_and_the_tag_left_out(tmp_path: Path) -> None:
    at = stores.stores_at(tmp_path)
    at.dvc_remote.mkdir(parents=True)
    stores._init_dvc(at)
    write(tmp_path, SHARD, "one")
    assert dataset.version(tmp_path, "dataset/v1").endswith(".dir")
