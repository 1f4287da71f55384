"""Whether an app still runs in the process that it was started in, and who ended it if not.

Android ends processes without a word: for their memory, or with its own services when those start
again. What an app did not save is lost then, though nobody touched anything, and a session cannot
go on. What an app does to itself, such as a crash, is part of the session. Knows no screens.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from jamel.envs.adb_recovery import SteadyShell
from jamel.errors import DeviceLost

NO_SERVICE = b"Can't find service"
_PIDS = re.compile(rb"processes=([0-9 ]*)/([0-9 ]*)")
_EXIT = re.compile(rb"\bpid=([0-9]+)\b.*?\breason=([0-9]+) ", re.DOTALL)
_BY_SYSTEM = {
    2: "a signal", 3: "want of memory", 9: "the resources it used", 12: "the death of another",
    13: "the system",
}  # fmt: skip
"""Of ApplicationExitInfo's reasons those that are nobody's doing in a session."""
_OWN = {1: "by itself", 4: "by a crash", 5: "by a crash of native code", 6: "as it did not respond"}


class Pids(NamedTuple):
    """The processes of Android's services and of the app, as `pidof` prints them; b"" for none."""

    services: bytes
    app: bytes


class ProcessWatch:
    """Watches the process of `package` on one device, from one step's reading to the next."""

    def __init__(self, shell: SteadyShell, package: str) -> None:
        self._shell = shell
        self._package = package
        self._known: Pids | None = None
        self.script = f'echo "processes=$(pidof system_server)/$(pidof {package})"'
        """Shell that prints what `check` reads."""

    def expect_new(self) -> None:
        """The app is about to be started, or the device to return to a snapshot."""
        self._known = None

    def check(self, touched: bytes, printed: bytes) -> None:
        """Look at what a step printed.

        Args:
            touched: what the touch itself printed.
            printed: the step's reading, with the output of `script`.

        Raises:
            DeviceLost: the app's process was ended, and not by the app.
        """
        if NO_SERVICE in touched:
            self._lost("found Android's services away, which ends every app")
        found = _PIDS.search(printed)
        if found is None:
            return
        before, now = self._known, Pids(found[1].strip(), found[2].strip())
        self._known = now
        if before is None:
            # A device on which even the services have no process has no `pidof`.
            if now.services and not now.app:
                self._ended(b"")
        elif now.services != before.services:
            self._lost("found Android's services started again, which ends every app")
        elif before.app and now.app != before.app:
            self._ended(before.app)

    def _ended(self, pid: bytes) -> None:
        """The process `pid`, or the one just started, is gone."""
        printed = self._shell.run(f"dumpsys activity exit-info {self._package}").stdout
        reasons = [int(why) for who, why in _EXIT.findall(printed) if pid in (b"", who)]
        reason = reasons[0] if reasons else 0
        if reason in _BY_SYSTEM:
            self._lost(f"found its process ended by {_BY_SYSTEM[reason]}")
        self._shell.marks.append(f"the app's process ended {_OWN.get(reason, '')}".rstrip())

    def _lost(self, found: str) -> None:
        raise DeviceLost(
            f"Expected {self._package} to go on running on {self._shell.serial}, {found}. The "
            "session has to begin again; if this comes often, raise device.emulator.memory_mb or "
            "close what else runs on the device."
        )
