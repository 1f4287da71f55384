"""A registry with a history, made once and copied for every test that changes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jamel import registry
from tests.conftest import copied
from tests.registered import copy_of, enter


@pytest.fixture(scope="session")
def made(databases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 2 is champion after version 1; 3 and 4 are measured against it."""
    root = copied(databases, tmp_path_factory.mktemp("made"))
    for _ in range(2):
        enter(root, "jamel")
        registry.promote(root)
    enter(root, "jamel")
    enter(root, "jamel")
    return root


@pytest.fixture
def champions(made: Path, tmp_path: Path) -> Path:
    """A copy of that registry; what was logged stays where it is."""
    return copy_of(made, tmp_path)
