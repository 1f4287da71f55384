"""Fixtures that several test files share, made once for all workers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from jamel import stores

# A shell that starts the tests in the background has them, and what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an initialised, empty MLflow store: making it takes seconds, copying not."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "mlflow-template"
    at = stores.stores_at(root)
    with stores.lock(root, "template", wait_s=120):
        for folder in (at.mlflow_artifacts, at.dvc_remote, at.prefect_home):
            folder.mkdir(parents=True, exist_ok=True)
        stores._init_mlflow(at)
    return root


def copied(template: Path, root: Path) -> Path:
    """A project of its own in `root`, with the template's store."""
    at = stores.stores_at(root)
    for folder in (at.mlflow_artifacts, at.dvc_remote, at.prefect_home):
        folder.mkdir(parents=True)
    at.mlflow_db.write_bytes(stores.stores_at(template).mlflow_db.read_bytes())
    return root
