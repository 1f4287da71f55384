"""A disk that is really full: a tmpfs of a few hundred kB, or a limit on the size of a file.

Mounting needs rights that not every machine gives; the limit always works and is the same failed
write to the program, only with another number (EFBIG), so one of the two always runs.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jamel import stores
from jamel.collect import collect
from jamel.config import Config, parse_config
from jamel.episodes import read_session
from jamel.errors import StoreError

DISK_KB = 96
PROFILE: Config = parse_config({"collect": {"apps": 12, "steps": 60, "workers": 1}}, "test")
LIMITED = """
import resource, signal, sys
from pathlib import Path
from jamel.collect import collect
from jamel.config import parse_config
from jamel.errors import StoreError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    collect(parse_config({"collect": {"apps": 1, "workers": 1}}, "test"), Path(sys.argv[1]))
except StoreError as error:
    print(error)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A full file system of its own, where this machine lets us mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KB}k", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no right to mount; the limit on file sizes is tested instead")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_keeps_the_finished_shards_and_the_run_goes_on(small_disk: Path) -> None:
    with pytest.raises(StoreError, match="finished work is kept"):
        collect(PROFILE, small_disk / "round-0")
    kept = sorted((small_disk / "round-0").iterdir())
    assert 1 <= len(kept) < 12 and {path.suffix for path in kept} == {".parquet"}
    assert all(read_session(path).transitions() for path in kept)
    before = [path.stat().st_mtime_ns for path in kept]
    remount = ["mount", "-o", "remount,size=64m", str(small_disk)]
    subprocess.run(remount, check=True)
    assert len(collect(PROFILE, small_disk / "round-0")) == 12
    assert [path.stat().st_mtime_ns for path in kept] == before


def test_stores_that_find_no_room_are_a_sentence(small_disk: Path) -> None:
    at = stores.stores_at(small_disk)
    fill = "open('filler', 'wb').write(b'x' * 1_000_000)"
    with pytest.raises(StoreError, match="found a full disk"):
        stores._run(at, [sys.executable, "-c", fill])
    sql = "import sqlite3; sqlite3.connect('a.db').execute('CREATE TABLE a (b)')"
    with pytest.raises(StoreError, match="found a full disk"):
        stores._run(at, [sys.executable, "-c", sql])
    with pytest.raises(StoreError, match="found a full disk"):
        stores.init(small_disk)


def test_a_command_on_a_full_disk_is_a_sentence(small_disk: Path) -> None:
    (small_disk / "configs").mkdir()
    (small_disk / "configs" / "laptop.yaml").write_text("collect: {apps: 1, agents: [random]}")
    with (small_disk / "filler").open("wb") as filler, contextlib.suppress(OSError):
        filler.write(bytes(1_000_000))
    command = [sys.executable, "-m", "jamel.cli", "collect"]
    done = subprocess.run(command, cwd=small_disk, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("jamel: expected") and "Free some space" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_write_that_fails_leaves_no_shard(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "round-0")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "finished work is kept" in done.stdout
    assert not list((tmp_path / "round-0").iterdir())
