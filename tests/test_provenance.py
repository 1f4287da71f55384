"""Where a number came from, and "unknown" where nobody can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from jamel import provenance
from tests.repository import git


def test_a_changed_file_makes_the_commit_dirty(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "docs").mkdir()
    for name in ("a", "data.dvc", "docs/bench.jsonl"):
        (tmp_path / name).write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    clean = provenance.commit(tmp_path)
    assert len(clean) == 12
    # Runs write these, and others.
    for name in ("data.dvc", "docs/bench.jsonl", "untracked"):
        (tmp_path / name).write_text("2")
    assert provenance.commit(tmp_path) == clean
    (tmp_path / "a").write_text("2")
    assert provenance.commit(tmp_path) == f"{clean}-dirty"


@pytest.mark.parametrize("pin", [None, b"", b"outs: []", b"text", b"\xff\xfe\x00", b"outs: ["])
def test_without_a_pin_the_dataset_is_unknown(tmp_path: Path, pin: bytes | None) -> None:
    if pin is not None:
        (tmp_path / "data.dvc").write_bytes(pin)
    assert provenance.dataset_md5(tmp_path) == "unknown"
    (tmp_path / "data.dvc").write_bytes(b"outs: [{md5: abc.dir}]")
    assert provenance.dataset_md5(tmp_path) == "abc.dir"


def test_the_machine_is_told_without_a_name() -> None:
    assert set(provenance.machine()) == {"processor", "cores", "system", "python"}
