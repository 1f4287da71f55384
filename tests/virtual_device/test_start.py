"""`jamel device start`: the first line, and nothing left behind however it ends."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jamel.virtual_device.server import adb_executable

START = (sys.executable, "-m", "jamel.cli", "device", "start", "--app", "test/0")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[subprocess.Popen]]:
    """Two devices beside each other, whose temporary folders lie in `tmp_path`."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    both = [
        subprocess.Popen(
            START, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
        )
        for _ in range(2)
    ]
    yield both
    for process in both:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen) -> tuple[str, str]:
    assert process.stdout is not None
    found = re.fullmatch(r"(emulator-\d+) (\d+)\n", process.stdout.readline())
    assert found
    return found[1], found[2]


def adb(port: str, *args: str) -> subprocess.CompletedProcess:
    command = [adb_executable(), "-P", port, *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def ours(folder: Path) -> list[str]:
    """The processes begun with `folder` for their temporary files: the devices' and adb's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        # Processes of others, and those that end meanwhile, cannot be read.
        with contextlib.suppress(OSError):
            if os.fsencode(f"={folder}") in (process / "environ").read_bytes():
                found.append(process.name)
    return found


def assert_gone(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not ours(folder) and not list(folder.glob("jamel-adb-*")):
            return
        time.sleep(0.05)
    raise AssertionError((ours(folder), list(folder.iterdir())))


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("ends", [(signal.SIGINT, signal.SIGTERM), (signal.SIGKILL, None)])
def test_start_and_stop(started: list[subprocess.Popen], tmp_path: Path, ends: tuple) -> None:
    (serial, port), (second, second_port) = first_line(started[0]), first_line(started[1])
    assert serial != second and port != second_port
    assert adb(port, "-s", serial, "shell", "echo here").stdout == "here\n"
    assert adb(second_port, "devices").stdout.split()[-2:] == [second, "device"]
    assert len(list(tmp_path.glob("jamel-adb-*"))) == 2 and len(ours(tmp_path)) >= 4
    for process, number, one, its in zip(
        started, ends, (serial, second), (port, second_port), strict=True
    ):
        if number is None:
            assert adb(its, "-s", one, "emu", "kill").returncode == 0
        else:
            # As a terminal's Ctrl-C does it: to the whole process group.
            os.killpg(process.pid, number)
        assert process.wait(20) == (-number if number == signal.SIGKILL else 0)
    # The ports went with the processes, and may be another's by now.
    assert_gone(tmp_path)
