"""What a task remembers: equal contents are not worked on twice, lost files are made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from jamel.config import Config
from jamel.errors import ConfigError, DeviceLost
from pipelines.caching import HOPELESS, digest, fingerprints, remembered, step

calls: list[str] = []


@step("note", lambda text, path: digest(text, str(path)))
def note(text: str, path: Path) -> dict[str, Any]:
    calls.append(text)
    path.write_text(text)
    return {"files": fingerprints([path])}


@flow
def note_once(text: str, path: Path, refresh: bool = False) -> dict[str, Any]:
    return remembered(note, refresh, text=text, path=path)


@pytest.mark.usefixtures("server")
def test_a_result_is_remembered_across_runs_while_its_files_exist(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    calls.clear()
    assert note_once("a", path) == note_once("a", path)
    assert calls == ["a"]
    note_once("b", path)
    assert calls == ["a", "b"]
    path.unlink()
    note_once("b", path)
    assert calls == ["a", "b", "b"]
    assert path.read_text() == "b"
    # Another profile wrote there in between: the first one's result is no longer on disk.
    note_once("a", path)
    assert calls == ["a", "b", "b", "a"]
    assert path.read_text() == "a"
    note_once("a", path, refresh=True)
    note_once("a", path)
    assert calls == ["a", "b", "b", "a", "a"]


def test_a_digest_reads_contents_not_times(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"one")
    before = digest(path)
    path.touch()
    assert digest(path) == before
    path.write_bytes(b"two")
    assert digest(path) != before


def test_a_digest_changes_with_the_profile_and_not_with_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    other = Config().train.model_copy(update={"lr": 0.5})
    assert digest(Config().train) != digest(other)


def test_a_missing_file_has_a_digest_of_its_own(tmp_path: Path) -> None:
    assert digest(tmp_path / "none") == digest(None)


def test_a_wrong_profile_is_hopeless_and_a_lost_device_is_not() -> None:
    assert issubclass(ConfigError, HOPELESS)
    assert not issubclass(DeviceLost, HOPELESS)
