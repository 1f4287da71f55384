"""Files are whole or not there, and a disk that refuses them is told as a sentence."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jamel import disk
from jamel.errors import DatasetError, StoreError


def full(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_is_written_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "facts.json"
    disk.write_json(path, {"ä": [1, None]})
    assert disk.write_json(path, {"b": 2}) == path
    assert json.loads(path.read_text(encoding="utf-8")) == {"b": 2}
    assert [item.name for item in path.parent.iterdir()] == ["facts.json"]


def test_pipes_and_devices_are_written_to_and_stay(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_text)
        disk.write_text(pipe, "through")
    assert read.result() == "through" and pipe.is_fifo()
    before = os.fstat(1)
    script = "from jamel.disk import write_json; from pathlib import Path; "
    script += "print('first', flush=True); write_json(Path('/dev/stdout'), [1])"
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", script], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "first\n[\n 1\n]\n" and os.fstat(1) == before
    if Path("/dev/full").is_char_device():
        with pytest.raises(StoreError, match="/dev/full"):
            disk.write_text(Path("/dev/full"), "x" * 10_000)
        assert Path("/dev/full").is_char_device()


def test_a_failed_write_leaves_the_former_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = disk.write_text(tmp_path / "a.txt", "before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"a\.txt, found: No space left on device\. Free"):
        disk.write_text(path, "after")
    with pytest.raises(StoreError, match="Free some space"):
        disk.append_line(path, "more")
    assert path.read_text().startswith("before")
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_an_error_of_the_writer_is_its_own_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        disk.write_json(tmp_path / "a.json", {"loss": float("nan")})
    with pytest.raises(KeyError), disk.whole_file(tmp_path / "b") as file:
        file.write(b"half")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="expected to write"):
        disk.write_text(tmp_path / "file" / "below.txt", "x")


def test_lines_are_appended_and_one_cut_short_stays_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log.jsonl"
    disk.append_line(path, "one")
    with path.open("a") as file:
        file.write("cut sho")
    disk.append_line(path, "two")
    assert path.read_text() == "one\ncut sho\ntwo\n"


def test_a_full_disk_is_a_sentence_whoever_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="full disk"), disk.full_disk_is_a_store_error(tmp_path):
        full(0)
    with pytest.raises(StoreError, match="MB free"), disk.full_disk_is_a_store_error(tmp_path):
        try:
            raise sqlite3.OperationalError("database or disk is full")
        except sqlite3.OperationalError as error:
            raise ValueError("a library's own") from error
    with pytest.raises(PermissionError), disk.full_disk_is_a_store_error(tmp_path):
        raise PermissionError(errno.EACCES, "no")


def test_what_is_a_sentence_already_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="mine"), disk.full_disk_is_a_store_error(tmp_path):
        raise DatasetError("mine") from OSError(errno.ENOSPC, "full")


def test_a_files_digest_is_found_again_once_it_was_written_again(tmp_path: Path) -> None:
    path = disk.write_bytes(tmp_path / "shard", b"one")
    first = disk.digest_of(path)
    assert first == hashlib.sha256(b"one").hexdigest()
    assert disk.digest_of(disk.write_bytes(path, b"two")) == hashlib.sha256(b"two").hexdigest()
    path.unlink()
    with pytest.raises(FileNotFoundError):
        disk.digest_of(path)
