"""Fixtures that several test files share, made once for all workers."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from jamel import stores

LONG = (
    "test_killed_steps.py",
    "test_retrain.py",
    "test_shared_stores.py",
    "test_serve.py",
    "test_killed_worker.py",
    "test_dvc.py",
)
"""Files of minutes, which begin first: a worker that begins one last keeps the others waiting."""

# Read once, by torch as it is imported: the tests' workers have the cores already.
os.environ["OMP_NUM_THREADS"] = "1"

# A shell that starts the tests in the background has them, and what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time, and however long a busy machine takes over one.
settings.register_profile("deterministic", derandomize=True, deadline=None)
settings.load_profile("deterministic")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin every test, and what it makes for those after it, with the same random numbers.

    What a worker ran before is chance, and would be the seed of models that are not trained.
    """
    random.seed(0)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files that `make test` hands out to its workers."""
    rank = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.name, len(LONG)))


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with initialised, empty databases: making them takes half a minute, copying not."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "databases"
    at = stores.stores_at(root)
    with stores.lock(root, "template", wait_s=240):
        _make_folders(at)
        stores._init_mlflow(at)
        stores._init_prefect(at)
    return root


def copied(databases: Path, root: Path) -> Path:
    """A project of its own in `root`, with databases as a first `init` makes them."""
    at, made = stores.stores_at(root), stores.stores_at(databases)
    _make_folders(at)
    shutil.copy(made.mlflow_db, at.mlflow_db)
    shutil.copy(made.prefect_home / "prefect.db", at.prefect_home)
    return root


def initialised(databases: Path, root: Path) -> Path:
    """As `jamel init` leaves it."""
    stores.init(copied(databases, root))
    return root


def _make_folders(at: stores.Stores) -> None:
    for folder in (at.mlflow_artifacts, at.dvc_remote, at.prefect_home):
        folder.mkdir(parents=True, exist_ok=True)
