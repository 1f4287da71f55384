"""The device's log, as logd keeps it: a bounded ring of lines in buffers, and waiting for more.

Knows how a line is printed in each of logcat's formats; nothing of who writes.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import NamedTuple

MAX_LINES = 20_000
PRIORITIES = "VDIWEF"
BUFFERS = ("main", "system", "crash")
FORMATS = ("brief", "long", "process", "raw", "tag", "thread", "threadtime", "time")


class LogLine(NamedTuple):
    """One line: when, which buffer, who, how urgent, and what."""

    number: int
    when_s: float
    buffer: str
    pid: int
    tid: int
    priority: str
    tag: str
    message: str

    def text(self, style: str) -> str:
        """The line in one of FORMATS."""
        moment = time.strftime("%m-%d %H:%M:%S", time.gmtime(self.when_s))
        moment += f".{int(self.when_s * 1000) % 1000:03d}"
        level, tag, message = self.priority, self.tag, self.message
        match style:
            case "brief":
                return f"{level}/{tag:<8}({self.pid:5}): {message}"
            case "long":
                return f"[ {moment} {self.pid:5}:{self.tid:5} {level}/{tag:<8} ]\n{message}\n"
            case "process":
                return f"{level}({self.pid:5}) {message}  ({tag})"
            case "raw":
                return message
            case "tag":
                return f"{level}/{tag:<8}: {message}"
            case "thread":
                return f"{level}({self.pid:5}:{self.tid:5}) {message}"
            case "time":
                return f"{moment} {level}/{tag:<8}({self.pid:5}): {message}"
        return f"{moment} {self.pid:5} {self.tid:5} {level} {tag:<8}: {message}"


class DeviceLog:
    """The lines still kept; every writer and reader may be in a thread of its own."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=MAX_LINES)
        self._changed = threading.Condition()
        self._count = 0

    def add(
        self, tag: str, message: str, priority: str = "I", *, buffer: str = "main", pid: int = 618
    ) -> None:
        """Append; a message of several lines becomes several lines."""
        with self._changed:
            for text in message.splitlines() or [""]:
                self._count += 1
                line = LogLine(self._count, time.time(), buffer, pid, pid, priority, tag, text)
                self._lines.append(line)
            self._changed.notify_all()

    def lines(self, after: int = 0) -> list[LogLine]:
        """The lines whose number is larger than `after`."""
        with self._changed:
            return [line for line in self._lines if line.number > after]

    def wait(self, after: int, timeout_s: float) -> None:
        """Return once there is a line behind `after`, or when the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._count > after, timeout_s)

    def clear(self, buffers: tuple[str, ...] = BUFFERS) -> None:
        """Forget the lines of these buffers."""
        with self._changed:
            kept = [line for line in self._lines if line.buffer not in buffers]
            self._lines = deque(kept, MAX_LINES)
