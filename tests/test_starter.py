"""The starter dataset is the same bytes wherever it is made, and valid."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jamel import starter
from jamel.cli import app
from jamel.config import Config, parse_config
from jamel.validate import validate
from tests.conftest import initialised


def small(workers: int) -> Config:
    return parse_config({"collect": {"steps": 10, "workers": workers}}, "test")


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*.parquet"))
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("starter")
    starter.write_starter(root, small(workers=1))
    return root


def test_it_is_deterministic_whatever_the_number_of_workers(made: Path, tmp_path: Path) -> None:
    starter.write_starter(tmp_path, small(workers=2))
    assert digests(tmp_path) == digests(made)
    assert len(digests(made)) == 2 * starter.APPS


def test_it_passes_validation(made: Path, tmp_path: Path) -> None:
    result = validate(made / "data" / "sessions", made / "data" / "labels", tmp_path)
    assert result.passed and result.quarantined == {} and result.rows == 10 * starter.APPS


def test_a_killed_making_is_finished_and_a_grown_dataset_is_left_alone(
    databases: Path, made: Path, tmp_path: Path
) -> None:
    initialised(databases, tmp_path)
    md5 = starter.pin_starter(tmp_path, small(workers=1))
    lost = starter.starter_shards(tmp_path, small(workers=1))[-1]
    lost.unlink()
    assert starter.make_starter(tmp_path, small(workers=1)) == md5
    assert digests(tmp_path / "data") == digests(made / "data")
    more = lost.with_name("another.parquet")
    lost.rename(more)
    assert starter.make_starter(tmp_path, small(workers=1)) == md5
    assert more.exists() and not lost.exists()


def test_another_dataset_than_the_pinned_one_is_refused(
    databases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jamel.errors import DatasetError

    initialised(databases, tmp_path)
    starter.pin_starter(tmp_path, small(workers=1))
    for shard in starter.starter_shards(tmp_path, small(workers=1)):
        shard.unlink()
    # As in a fresh clone, which has none of the pinned files to compare with.
    shutil.rmtree(tmp_path / ".dvc" / "cache")
    pinned = (tmp_path / "data.dvc").read_text()
    other = parse_config({"collect": {"steps": 9, "workers": 1}}, "test")
    with pytest.raises(DatasetError, match="as pinned"):
        starter.make_starter(tmp_path, other)
    assert (tmp_path / "data.dvc").read_text() == pinned
    # The command ends with that sentence, and not as if all were well.
    (tmp_path / "other.yaml").write_text("collect: {steps: 9, workers: 1}\n")
    for shard in starter.starter_shards(tmp_path, other):
        shard.unlink()
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["init", "--config", "other.yaml"])
    assert done.exit_code == 1 and isinstance(done.exception, DatasetError)
    assert "stores ready" in done.output
