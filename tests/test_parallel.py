"""Work over processes: every result once, and a worker that dies is a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jamel.errors import ConfigError, ProcessDied
from jamel.parallel import run_parallel


def double(number: int) -> int:
    return 2 * number


def die(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuse(number: int) -> int:
    raise ConfigError("expected something else")


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_gives_its_result(workers: int) -> None:
    assert sorted(run_parallel(double, [1, 2, 3], workers)) == [2, 4, 6]


def test_a_killed_worker_is_a_sentence() -> None:
    with pytest.raises(ProcessDied, match="found one killed"):
        list(run_parallel(die, [0, 1, 2], 2))


def test_a_workers_own_sentence_arrives() -> None:
    with pytest.raises(ConfigError, match="something else"):
        list(run_parallel(refuse, [1, 2], 2))


def linger(number: int) -> int:
    time.sleep(number)
    return number


@pytest.mark.parametrize("delay_s", [0.3, 3.0])
def test_ctrl_c_ends_workers_at_once_and_without_noise(delay_s: float) -> None:
    """Whether they still start or are at work; it reaches the whole group, as from a terminal."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_parallel import linger; from jamel.parallel import run_parallel\n"
        "print('begun', flush=True)\n"
        "try: list(run_parallel(linger, [60] * 9, 2))\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        time.sleep(delay_s)
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=60)[0] == "interrupted\n"


def test_ctrl_c_while_workers_are_started_ends_them_too() -> None:
    script = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_parallel import linger; from jamel import parallel\n"
        "class Interrupted(parallel.ProcessPoolExecutor):\n"
        "    def submit(self, *what):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        return super().submit(*what)\n"
        "parallel.ProcessPoolExecutor = Interrupted\n"
        "try: list(parallel.run_parallel(linger, [600] * 9, 2))\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_who_stops_taking_results_is_not_waited_for() -> None:
    began = time.monotonic()
    for number in run_parallel(linger, [0, 60, 60, 60], 2):
        assert number == 0
        break
    assert time.monotonic() - began < 30
