"""`dvc repro` over the pinned starter dataset, twice: the same metrics."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jamel.config import load_config
from jamel.starter import pin_starter
from tests.conftest import initialised

REPOSITORY = Path(__file__).resolve().parents[2]
METRICS = "build/dvc/metrics.json"


def dvc(root: Path, *arguments: str) -> str:
    """Run DVC as a user does, with the commands of this environment first on the PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(
        command, cwd=root, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def project(databases: Path, tmp_path: Path) -> Path:
    """A git repository with the stages of this one, on the smallest profile."""
    shutil.copytree(REPOSITORY / "configs", tmp_path / "configs")
    stages = (REPOSITORY / "dvc.yaml").read_text(encoding="utf-8")
    stages = stages.replace("configs/laptop.yaml", "configs/tiny.yaml")
    (tmp_path / "dvc.yaml").write_text(stages.replace(",jamel\n", ",jamel --seeds 0\n"))
    shutil.copy(REPOSITORY / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    initialised(databases, tmp_path)
    pin_starter(tmp_path, load_config(tmp_path / "configs/tiny.yaml"))
    return tmp_path


def test_repro_gives_the_same_metrics_again(project: Path) -> None:
    dvc(project, "repro")
    first = (project / METRICS).read_text()
    assert '"jamel"' in first and '"coverage"' in first
    assert "up to date" in dvc(project, "status")
    # Not validation: it has no metrics, and takes as long as the others together.
    dvc(project, "repro", "--force", "--single-item", "train", "evaluate")
    assert (project / METRICS).read_text() == first
