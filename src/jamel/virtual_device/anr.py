"""What Android leaves behind when an app does not respond: lines in the log, and a traces file.

Spelled as ProcessRecord and the runtime's SignalCatcher spell them, with the main thread waiting
where a blocked one waits. Knows no device.
"""

from __future__ import annotations

import time
from typing import NamedTuple

FOLDER = "/data/anr"
_FRAMES = (
    "java.lang.Thread.sleep(Native method)",
    "{package}.MainThreadWork.run(MainThreadWork.kt:41)",
    "android.os.Handler.handleCallback(Handler.java:942)",
    "android.os.Handler.dispatchMessage(Handler.java:99)",
    "android.os.Looper.loopOnce(Looper.java:201)",
    "android.os.Looper.loop(Looper.java:288)",
    "android.app.ActivityThread.main(ActivityThread.java:7872)",
)


class Anr(NamedTuple):
    """One case: who did not respond, and when."""

    package: str
    activity: str
    pid: int
    when_s: float

    @property
    def log(self) -> str:
        """What ActivityManager logs, and `dumpsys activity lastanr` repeats."""
        reason = (
            f"Input dispatching timed out ({self.package}/{self.activity} is not responding. "
            "Waited 5001ms for MotionEvent)"
        )
        return (
            f"ANR in {self.package} ({self.package}/{self.activity})\nPID: {self.pid}\n"
            f"Reason: {reason}\nParent: {self.package}/{self.activity}\nLoad: 0.1 / 0.05 / 0.01\n"
            f"CPU usage from 0ms to 5010ms later:\n  1.2% {self.pid}/{self.package}: 1% user + "
            "0.2% kernel"
        )

    @property
    def path(self) -> str:
        """The traces file."""
        moment = time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime(self.when_s))
        return f"{FOLDER}/anr_{moment}-{int(self.when_s * 1000) % 1000:03d}"

    @property
    def traces(self) -> str:
        """The process's threads as its runtime dumps them."""
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.when_s))
        frames = "".join(f"  at {frame.format(package=self.package)}\n" for frame in _FRAMES)
        return (
            f"----- pid {self.pid} at {moment}.000000000+0000 -----\nCmd line: {self.package}\n"
            "Build type: optimized\nDALVIK THREADS (1):\n"
            '"main" prio=5 tid=1 Sleeping\n'
            '  | group="main" sCount=1 ucsCount=0 flags=1 obj=0x72a1c2d8 self=0xb400007b8e5c0be0\n'
            f"  | sysTid={self.pid} nice=-10 cgrp=top-app sched=0/0 handle=0x7c1f3e24f8\n"
            f"{frames}\n----- end {self.pid} -----\n"
        )


def crash_of_system_app(package: str, pid: int) -> str:
    """What AndroidRuntime logs when another app of the device dies of an exception."""
    return (
        f"FATAL EXCEPTION: main\nProcess: {package}, PID: {pid}\n"
        "java.lang.IllegalStateException: service is not bound\n"
        f"\tat {package}.chimera.BoundService.onCreate(BoundService.java:118)\n"
        "\tat android.app.ActivityThread.handleCreateService(ActivityThread.java:4606)\n"
        "\tat android.app.ActivityThread.main(ActivityThread.java:7872)"
    )
