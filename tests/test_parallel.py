"""Work over processes: every result once, and a worker that dies is a sentence."""

from __future__ import annotations

import os
import signal

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
