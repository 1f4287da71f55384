"""Whether an app crashed, told from what an environment shows.

Knows no device. The words and ids are those of Android's own error dialogs (AppErrorDialog and
AppNotRespondingDialog of AOSP, android:id/aerr_*); an environment that knows more puts the stack
trace in `info["crash"]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jamel.types import Observation

MOST_TRACE = 20_000
_TITLE = re.compile(r"(.{1,80}?) (has stopped|keeps stopping|isn['’]t responding)\.?")
_IDS = ("android:id/aerr_close", "android:id/aerr_restart", "android:id/aerr_wait")
_CLOSED = re.compile(r"closed a dialog: ([^;]*)")
"""How a link notes in `info["marks"]` that it put a dialog away by itself."""
_FRAME = re.compile(r"^\s*(?:at |File \")(.+)$", re.MULTILINE)


class Crash(NamedTuple):
    """What a crash shows: the dialog's title and, where the device tells it, the stack trace."""

    title: str
    trace: str = ""

    @property
    def signature(self) -> str:
        """Equal for crashes of one cause as far as can be told: exception and innermost frame.

        Without a stack trace it is the title alone.
        """
        found = [line.strip() for line in self.trace.splitlines() if line.strip()]
        if not found:
            return self.title
        frame = _FRAME.search(self.trace)
        return f"{_exception(found)} @ {frame[1] if frame else '?'}"


def crash_of(observation: Observation, info: Mapping[str, Any]) -> Crash | None:
    """The crash that a step ended in, None where the app goes on.

    Args:
        observation: the screen after the step.
        info: the step's; `crash` holds the stack trace where the environment knows it, `marks`
            that a link closed the dialog.
    """
    title = _dialog(observation) or _closed(str(info.get("marks", "")))
    trace = info.get("crash")
    if not title and not trace:
        return None
    told = str(trace)[:MOST_TRACE] if isinstance(trace, str) else ""
    return Crash(title or _thrown(told) or f"{_named(told, observation)} has stopped", told)


def new_crash(
    before: Observation,
    after: Observation,
    info: Mapping[str, Any],
    trace: Callable[[], str] | None,
) -> Crash | None:
    """The crash that a step caused: a dialog that was there before is none.

    `trace` reads the device's last stack trace; it is asked only where a crash is seen that came
    without one. An app that does not respond leaves none.
    """
    crash = crash_of(after, info)
    if crash is None or (not info.get("crash") and crash_of(before, {}) is not None):
        return None
    if not crash.trace and trace is not None and "respond" not in crash.title:
        crash = crash._replace(trace=trace()[:MOST_TRACE])
    return crash


def _closed(marks: str) -> str:
    found = _CLOSED.search(marks)
    return found[1] if found and _TITLE.fullmatch(found[1]) else ""


def _dialog(observation: Observation) -> str:
    titles = [e.text for e in observation.elements if _TITLE.fullmatch(e.text)]
    if any(e.resource_id in _IDS for e in observation.elements):
        return titles[0] if titles else f"{observation.package} has stopped"
    return titles[0] if titles and observation.package in ("android", "") else ""


def _thrown(trace: str) -> str:
    """What a script threw that nothing caught: V8's traces begin with it, and the page goes on."""
    found = re.match(r"(\w*Error\b.*)\n\s+at ", trace)
    return found[1][:80] if found else ""


def _named(trace: str, observation: Observation) -> str:
    """Whose crash the trace says that it is: the dialog may be closed by now."""
    found = re.search(r"^Process: ([\w.]+)", trace, re.MULTILINE)
    return found[1] if found else observation.package


def _exception(lines: list[str]) -> str:
    """The line that names the exception: after logcat's heading, or a Python traceback's last."""
    if lines[0].startswith("Traceback"):
        return lines[-1].split(":")[0]
    named = [line for line in lines if re.match(r"[\w.$]+(Exception|Error)\b", line)]
    # What the exception says is about one input; its class is about the cause.
    return (named or lines)[0].split(":")[0]
