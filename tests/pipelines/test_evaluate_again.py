"""Results of changed code are measured anew once it is committed, where the gate asks for that."""

from __future__ import annotations

import subprocess
from pathlib import Path

from jamel.config import parse_config
from jamel.disk import write_json
from jamel.layout import Layout
from pipelines.evaluate import committed_since


def test_results_of_changed_code_are_not_those_of_its_commit(tmp_path: Path) -> None:
    project, asks = Layout.at(tmp_path, "tiny"), parse_config({"gate": {"committed": True}}, "test")
    assert not committed_since(asks, project), "nothing was measured yet"
    _measured_at(project, "1a2b3c-dirty")
    assert not committed_since(asks, project), "no repository"
    _git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("1")
    _git(tmp_path, "add", "code.py")
    _git(tmp_path, "commit", "-qm", "one")
    assert committed_since(asks, project)
    assert not committed_since(parse_config({"gate": {"committed": False}}, "test"), project)
    _measured_at(project, "1a2b3c")
    assert not committed_since(asks, project), "of another commit, but of a commit"
    _measured_at(project, "1a2b3c-dirty")
    (tmp_path / "code.py").write_text("2")
    assert not committed_since(asks, project), "changed still"


def _measured_at(project: Layout, commit: str) -> None:
    project.results.parent.mkdir(parents=True, exist_ok=True)
    results = {"meta": {"commit": commit}, "rows": [], "paired": []}
    write_json(project.results, results)


def _git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True)
