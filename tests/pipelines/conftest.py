"""One Prefect server for all flow tests, with a home of its own that is gone afterwards."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jamel.stores import stores_at
from tests.conftest import initialised

# Prefect reads it when it is imported, which the test modules do.
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="jamel-prefect-")
atexit.register(shutil.rmtree, os.environ["PREFECT_HOME"], ignore_errors=True)

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def server(databases: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prefect's test server, and what the steps of its flows are forked from."""
    from prefect.testing import utilities

    import pipelines  # noqa: F401, the settings come before Prefect
    from pipelines.isolation import load_ahead

    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        load_ahead()
    # It makes its database in the folder that it is given: half a minute, where there is none.
    shutil.copy(stores_at(databases).prefect_home / "prefect.db", folder / "prefect-test.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utilities, "mkdtemp", lambda: str(folder))
        with utilities.prefect_test_harness(server_startup_timeout=300):
            yield


@pytest.fixture(scope="session")
def initialised_project(databases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the profiles of the repository."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(REPOSITORY / "configs", root / "configs")
    return initialised(databases, root)


@pytest.fixture(scope="module")
def project(initialised_project: Path) -> Iterator[Path]:
    """The initialised project as the current directory, no longer than the tests of one file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(initialised_project)
        yield initialised_project
