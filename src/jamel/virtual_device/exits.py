"""Why the app's earlier processes ended, as `dumpsys activity exit-info` tells since Android 11.

Spelled as ApplicationExitInfo.dump of AOSP spells it. Knows no device.
"""

from __future__ import annotations

import time
from typing import NamedTuple

SIGNALED, LOW_MEMORY, ANR, PERMISSION_CHANGE, USER_REQUESTED = 2, 3, 6, 8, 10
MOST_EXITS = 16
_REASONS = {
    SIGNALED: "SIGNALED", LOW_MEMORY: "LOW_MEMORY", ANR: "ANR",
    PERMISSION_CHANGE: "PERMISSION CHANGE", USER_REQUESTED: "USER REQUESTED",
}  # fmt: skip


class Exit(NamedTuple):
    """One process that ended."""

    pid: int
    reason: int
    when_s: float


def describe(package: str, uid: int, exits: list[Exit]) -> str:
    """The report on a package; the newest exit comes first."""
    lines = [
        "ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)",
        f"  package: {package}",
        f"    Historical Process Exit for uid={uid}",
    ]
    for number, one in enumerate(reversed(exits)):
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(one.when_s))
        lines += [
            f"        ApplicationExitInfo #{number}:",
            f"          timestamp={moment}.{int(one.when_s * 1000) % 1000:03d} pid={one.pid} "
            f"realUid={uid} packageUid={uid} definingUid={uid} user=0",
            f"          process={package} reason={one.reason} ({_REASONS[one.reason]}) "
            "subreason=0 (UNKNOWN) status=0",
            "          importance=100 pss=0.00 rss=0.00 description=null state=empty trace=null",
        ]
    return "\n".join(lines)
