"""The last stack trace in a device's crash log.

Knows the format of `logcat -v brief|time|threadtime`: a prefix, the tag AndroidRuntime, a colon and
a line of the trace; a trace starts with `FATAL EXCEPTION: <thread>` (AOSP, RuntimeInit).
"""

from __future__ import annotations

import re

COMMAND = "logcat -d -b crash -t 400"
MOST_TRACE = 20_000
_LINE = re.compile(r"\bAndroidRuntime(?:\(\s*\d+\))?\s*: (.*)")
_START = "FATAL EXCEPTION"


def last_trace(log: str, package: str) -> str:
    """The newest trace of the package's process, "" where the log has none.

    Args:
        log: what `COMMAND` printed.
        package: whose crash it is; traces that name another process are left out.
    """
    traces: list[list[str]] = []
    for line in log.splitlines():
        found = _LINE.search(line)
        if found is None:
            continue
        if found[1].startswith(_START):
            traces.append([])
        if traces:
            traces[-1].append(found[1])
    mine = [trace for trace in traces if _of(trace, package)]
    return "\n".join(mine[-1])[:MOST_TRACE] if mine else ""


def _of(trace: list[str], package: str) -> bool:
    named = [line for line in trace[:3] if line.startswith("Process: ")]
    return not named or named[0].removeprefix("Process: ").split(",")[0].split(":")[0] == package
