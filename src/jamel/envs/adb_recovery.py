"""A device's shell that outlasts losses: it waits for the device, and never does a touch twice.

A step's script first writes a mark on the device, and another when its touch is over. After a loss
the mark says whether the touch never began (do it), is over (only read the screen again), or was
cut off (nobody knows what it did: the session has to begin again). A device that booted meanwhile
has lost the app's process. Knows nothing of screens, coverage or sessions.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from jamel.envs.adb_connection import AdbShell, ShellResult
from jamel.envs.adb_socket import AdbSocket
from jamel.errors import AdbMissing, DeviceError, DeviceLost, DeviceMissing

TRIES = 3
RETRY_S = 0.1
MARK_FILE = "/data/local/tmp/jamel.step"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
_IDENTITY = "settings get secure android_id 2>/dev/null || echo"
_STATE = re.compile(r"attached but ([a-z]{1,30})")
_EMULATOR = re.compile(r"emulator-([0-9]{1,5})")
_EXIT_CODE = re.compile(r"[0-9]{1,3}")


class Acted(NamedTuple):
    """What a touch printed, its exit code, and what the reading after it printed."""

    done: ShellResult
    read: bytes


class SteadyShell:
    """Runs scripts on one device, across losses of up to `recover_s`.

    Args:
        shell: the device.
        package: an app whose presence says that the device has booted.
        recover_s: how long the device may take to come back.
    """

    def __init__(self, shell: AdbShell, package: str, recover_s: float) -> None:
        self.serial = shell.serial
        self.timeout_s = shell.timeout_s
        self.adb_port = shell.adb_port
        self.recover_s = recover_s
        self.marks: list[str] = []
        """What was waited for; whoever reads it empties it."""
        self.revive: Callable[[], None] | None = None
        """Starts the adb server again; only for a server that is nobody else's."""
        self._shell = shell
        self._package = package
        self._boot: bytes | None = None
        self._identity = b""
        self._state = "away"

    def prepare(self) -> None:
        """Remember which device and boot this is; losses are mended from here on."""
        found = self._shell.run(f"echo ready >{MARK_FILE}; {_IDENTITY}; cat {BOOT_ID}").stdout
        self._identity, _, self._boot = found.partition(b"\n")

    def run(self, script: str) -> ShellResult:
        """Run a script that changes nothing, again after a loss.

        Raises:
            DeviceError: the device or the adb server is away, and did not come back as it was.
        """
        for left in reversed(range(TRIES)):
            try:
                return self._shell.run(script)
            except DeviceError as error:
                if self._boot is None or not left:
                    raise
                self._come_back(error)
        raise AssertionError("the last try returns or raises")

    def port(self, number: int) -> AbstractContextManager[AdbSocket | None]:
        """A connection to a TCP port of the device, as `AdbShell.port`; a loss is not mended."""
        return self._shell.port(number)

    def act(self, touch: str, reading: str) -> Acted:
        """Run `touch` exactly once, and `reading` after it.

        Raises:
            DeviceLost: the touch was cut off, or the device is not what it was.
        """
        mark = f"--{secrets.token_hex(12)}--"
        script = (
            f"echo {mark} 0 >{MARK_FILE}; {{ {touch}; }} 2>&1; C=$?; "
            f"echo {mark} 1 $C >{MARK_FILE}; echo {mark}$C; {reading}"
        )
        for left in reversed(range(TRIES)):
            try:
                return _parted(self._shell.run(script).stdout, mark, self.serial)
            except DeviceError as error:
                if self._boot is None or not left:
                    raise
                self._come_back(error)
                script = self._rest(mark, script, reading, error)
        raise AssertionError("the last try returns or raises")

    def recover(self) -> bool:
        """Wait until the device can begin a new session; False where it will not."""
        try:
            self._boot = self._await_ready(DeviceLost("the session was lost"))
        except DeviceError:
            return False
        self.marks.clear()
        return True

    def await_device(self) -> None:
        """Wait until the device answers again, as after a snapshot was loaded."""
        self._boot = self._await_ready(DeviceLost("a snapshot was loaded"))

    def _rest(self, mark: str, script: str, reading: str, error: DeviceError) -> str:
        """What is left to do of a script that was cut off."""
        found = self._shell.run(f"cat {MARK_FILE}").text().split()
        if found[:2] == [mark, "1"] and _EXIT_CODE.fullmatch(found[-1]):
            return f"echo {mark}{found[-1]}; {reading}"
        if found and found[0] != mark:
            return script
        raise DeviceLost(
            f"{self.serial} went away while it was touched, and what that did is not known "
            f"({error}). The session has to begin again."
        ) from error

    def _come_back(self, error: DeviceError) -> None:
        boot = self._await_ready(error)
        if boot != self._boot:
            raise DeviceLost(
                f"{self.serial} booted in the middle of a session, which ended the app "
                f"({error}). The session has to begin again."
            ) from error
        self.marks.append(f"waited for a device that was {self._state}")

    def _await_ready(self, error: DeviceError) -> bytes:
        """Wait until the device has booted; returns its boot's id. Raises DeviceLost."""
        deadline = time.monotonic() + self.recover_s
        self._state = "away"
        while True:
            boot = self._try_ready()
            if boot is not None:
                return boot
            if time.monotonic() > deadline or self._is_gone():
                raise DeviceLost(
                    f"{self.serial} did not come back within {self.recover_s:g} s ({error}). "
                    "Start it again, or raise device.recover_s."
                ) from error
            time.sleep(RETRY_S)

    def _try_ready(self) -> bytes | None:
        try:
            found = self._shell.run(
                f"{_IDENTITY}; getprop sys.boot_completed; cat {BOOT_ID}; pm path {self._package}"
            ).stdout
        except AdbMissing:
            if self.revive is not None:
                with contextlib.suppress(DeviceError):
                    self.revive()
            return None
        except (DeviceMissing, DeviceLost) as error:
            state = _STATE.search(str(error))
            if state and (state[1] != "offline" or self._state == "away"):
                self._state = state[1]
            return None
        # A serial may be another device's by now: emulators are named by their ports.
        identity, _, rest = found.partition(b"\n")
        booted, _, rest = rest.partition(b"\n")
        boot, installed, _ = rest.partition(b"package:")
        known = identity == self._identity and installed
        return boot if known and booted.strip() == b"1" else None

    def _is_gone(self) -> bool:
        """Whether an emulator ended for good: its console, a port of its own, is closed."""
        port = _EMULATOR.fullmatch(self.serial)
        if port is None:
            return False
        try:
            socket.create_connection(("127.0.0.1", int(port[1])), 1.0).close()
        except OSError:
            return True
        return False


def _parted(output: bytes, mark: str, serial: str) -> Acted:
    touched, found, rest = output.partition(mark.encode())
    code, _, read = rest.partition(b"\n")
    if not found or not _EXIT_CODE.fullmatch(code.decode("ascii", "replace")):
        raise DeviceLost(
            f"{serial} answered a part of a step: it went away in the middle. "
            "Reconnect it and start a new session."
        )
    return Acted(ShellResult(touched, b"", int(code)), read)
