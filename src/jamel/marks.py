"""Processes by a mark in their environment, which all that they start inherits.

A process whose parent was killed is found as well, though nothing tells any more who started it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress

import psutil

MARKS = "JAMEL_MARKS"
LOOK_EVERY_S = 0.1


def this_process() -> str:
    """This process for `is_living`: its number, and when it began, for numbers are used again."""
    process = psutil.Process()
    return f"{process.pid}@{_began_s(process):.2f}"


def is_living(process: str) -> bool:
    """Whether a process of this machine that `this_process` named is still there."""
    pid, _, began = process.partition("@")
    try:
        found = psutil.Process(int(pid))
        return _runs(found) and abs(_began_s(found) - float(began)) < 0.1
    except (ValueError, psutil.NoSuchProcess):
        return False


def namespace() -> int:
    """Whose numbers processes have: a container's are other ones, and are seen from outside."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _began_s(process: psutil.Process) -> float:
    """Seconds since the machine began; its clock is set now and then."""
    return process.create_time() - psutil.boot_time()


def marked(environment: Mapping[str, str], mark: str) -> dict[str, str]:
    """The variable that gives a process the mark, which has no "/", beside those it has already."""
    return {MARKS: f"{environment.get(MARKS, '')}/{mark}"}


def living(mark: str) -> list[psutil.Process]:
    """Every living process with the mark."""
    return [process for process in psutil.process_iter() if _has(process, mark)]


def end_left(kind: str, patience_s: float) -> int:
    """End what processes that are no more have left; returns how many there were.

    Args:
        kind: what marks begin with; the rest is the process whose they are, as `this_process`.
        patience_s: as for `end`.
    """
    owners = {
        mark.removeprefix(kind)
        for process in psutil.process_iter()
        for mark in _marks(process)
        if mark.startswith(kind)
    }
    return sum(end(kind + owner, patience_s) for owner in owners if not is_living(owner))


def end(mark: str, patience_s: float) -> int:
    """End every process with the mark and what they started; returns how many there were.

    Those that no other of them started are asked to, as groups: they end what they started in
    good order. Whatever is left after `patience_s` is killed.
    """
    ours = living(mark)
    known, begun, groups = {process.pid for process in ours}, set(ours), set()
    for process in ours:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if process.ppid() not in known:
                # Also what has taken the mark out of its environment, as browsers do.
                begun.update(process.children(recursive=True))
                groups.add(os.getpgid(process.pid))
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    # One that is killed may just have started another.
    while left := {*living(mark), *filter(_runs, begun)}:
        if time.monotonic() >= deadline:
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        time.sleep(LOOK_EVERY_S)
    return len(begun)


def _has(process: psutil.Process, mark: str) -> bool:
    return mark in _marks(process) and _runs(process)


def _marks(process: psutil.Process) -> list[str]:
    try:
        return process.environ().get(MARKS, "").split("/")
    except psutil.Error:
        return []


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
