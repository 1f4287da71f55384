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


def marked(environment: Mapping[str, str], mark: str) -> dict[str, str]:
    """The variable that gives a process the mark, which has no "/", beside those it has already."""
    return {MARKS: f"{environment.get(MARKS, '')}/{mark}"}


def living(mark: str) -> list[psutil.Process]:
    """Every living process with the mark."""
    return [process for process in psutil.process_iter() if _has(process, mark)]


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
    try:
        return mark in process.environ().get(MARKS, "").split("/") and _runs(process)
    except psutil.Error:
        return False


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
