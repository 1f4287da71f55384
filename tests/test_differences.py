"""What differs between two runs: packages, sessions, and the code by a real git repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from jamel import differences, provenance
from tests.repository import git


def commit(root: Path, subject: str) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-qm", subject)
    return git(root, "rev-parse", "--short=12", "HEAD")


def test_code_reads_from_the_second_to_the_first(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "kept.py").write_text("a\nb\n")
    old = commit(tmp_path, "Old | one")
    (tmp_path / "kept.py").write_text("a\nb\nc\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0\1")
    new = commit(tmp_path, "New")
    found = differences.code(tmp_path, new, old)
    assert found["files"] == [
        {"file": "kept.py", "added": 1, "removed": 0},
        {"file": "picture.png", "added": None, "removed": None},
    ]
    assert [(row["in"], row["subject"]) for row in found["commits"]] == [("first", "New")]
    assert found["notes"] == []
    back = differences.code(tmp_path, old, new)
    assert back["files"][0] == {"file": "kept.py", "added": 0, "removed": 1}
    assert back["commits"][0]["in"] == "second"


def test_git_that_fails_is_not_the_same_as_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("a")
    old = commit(tmp_path, "A")
    (tmp_path / "a").write_text("b")
    new, works = commit(tmp_path, "B"), provenance.git
    monkeypatch.setattr(
        provenance, "git", lambda root, *asked: None if asked[0] == "diff" else works(root, *asked)
    )
    found = differences.code(tmp_path, new, old)
    assert found["notes"] == ["the changed files are not known: git did not tell them"]


def test_what_git_cannot_tell_is_said(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("a")
    here = commit(tmp_path, "A")
    found = differences.code(tmp_path, f"{here}-dirty", here)
    assert found["files"] == [] and "not committed" in found["notes"][0]
    for name in ("f" * 12, "unknown", "", "--output=x"):
        found = differences.code(tmp_path, here, name)
        assert found["files"] == [] and name in found["notes"][0]
    unknown = differences.code(tmp_path, "unknown", "unknown")
    assert "no commit unknown" in unknown["notes"][0], "which is not the same code"
    assert [path.name for path in tmp_path.iterdir() if path.name != ".git"] == ["a"]


def test_packages_that_came_went_and_changed() -> None:
    found = differences.packages(["a==1", "b==1", "c==1"], ["b==2", "c==1", "d==1"])
    assert found == [
        {"name": "a", "first": "1", "second": None},
        {"name": "b", "first": "1", "second": "2"},
        {"name": "d", "first": None, "second": "1"},
    ]


def test_sessions_and_apps_that_came_went_and_changed() -> None:
    def of(**contents: str) -> dict[str, dict[str, str]]:
        return {name: {"md5": md5, "app": name[0]} for name, md5 in contents.items()}

    found = differences.sessions(of(a0="1", a1="1", b0="1"), of(a0="1", a1="2", c0="1"))
    assert found == {
        "in_both": 1,
        "only_first": ["b0"],
        "only_second": ["c0"],
        "changed": ["a1"],
        "apps_only_first": ["b"],
        "apps_only_second": ["c"],
    }
