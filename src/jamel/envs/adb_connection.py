"""One device's shell through an adb server, with deadlines and plain errors.

The connection is made here and not by a client library: those start a server on the default port
when none answers, and that server may be anyone's. AdbMissing is raised instead.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from jamel.envs.adb_socket import AdbRefused, AdbSocket
from jamel.errors import AdbMissing, DeviceLost, DeviceMissing

_TRANSPORT_ID = re.compile(r"transport_id:(\d+)")
RETRY_S = 0.1


class ShellResult(NamedTuple):
    """What a command on the device printed, and its exit code."""

    stdout: bytes
    stderr: bytes
    code: int

    def text(self) -> str:
        """The first words of the output, for an error message."""
        return (self.stdout or self.stderr).decode("utf-8", "replace").strip()[:200]


class AdbShell:
    """Runs shell commands on one device.

    The transport id is resolved on first use and again after a loss: asking by serial costs the
    adb server a search, and a device that came back has another id.
    """

    def __init__(self, serial: str, adb_port: int, timeout_s: float) -> None:
        self.serial = serial
        self.adb_port = adb_port
        self.timeout_s = timeout_s
        self._transport_id = ""

    def run(self, script: str) -> ShellResult:
        """Run a script; raises DeviceLost, DeviceMissing or AdbMissing."""
        with self._to_device() as conn:
            return ShellResult(*conn.shell(script))

    @contextmanager
    def port(self, number: int) -> Iterator[AdbSocket | None]:
        """A connection to a TCP port of the device, as `adb forward` makes them.

        None where nothing listens; raises as `run` does, also for what is done with it.
        """
        with self._to_device() as conn:
            try:
                conn.request(f"tcp:{number}")
            except AdbRefused:
                yield None
            else:
                yield conn

    @contextmanager
    def _to_device(self) -> Iterator[AdbSocket]:
        if not self._transport_id:
            self._transport_id = self._resolve()
        with self._connect() as conn:
            try:
                conn.request(f"host:transport-id:{self._transport_id}")
                yield conn
            except TimeoutError as error:
                self._transport_id = ""
                raise DeviceLost(
                    f"{self.serial} did not answer within {self.timeout_s:g} s. Check that it is "
                    "not frozen, or raise device.step_timeout_s."
                ) from error
            except (AdbRefused, OSError, EOFError) as error:
                self._transport_id = ""
                raise DeviceLost(
                    f"{self.serial} went away in the middle of a command "
                    f"({type(error).__name__}: {error}). "
                    "Reconnect it and start a new session."
                ) from error

    def await_device(self) -> None:
        """Wait until the device answers again; raises as `run` does once the deadline passes."""
        deadline = time.monotonic() + self.timeout_s
        while True:
            self._transport_id = ""
            try:
                self.run("true")
                return
            except (DeviceLost, DeviceMissing):
                if time.monotonic() > deadline:
                    raise
            time.sleep(RETRY_S)

    def _connect(self) -> AdbSocket:
        try:
            return AdbSocket(self.adb_port, self.timeout_s)
        except OSError as error:
            self._transport_id = ""
            raise AdbMissing(
                f"Expected an adb server on port {self.adb_port}, found none. Start one with "
                f"`adb -P {self.adb_port} start-server`, or use transport: in_process."
            ) from error

    def _resolve(self) -> str:
        with self._connect() as conn:
            try:
                conn.request("host:devices-l")
                listed = conn.block().splitlines()
            except (AdbRefused, OSError, EOFError, ValueError) as error:
                raise AdbMissing(
                    f"Expected an adb server on port {self.adb_port}, found something that does "
                    f"not answer as one ({type(error).__name__}: {error}). Set device.adb_port, "
                    f"or end it and run `adb -P {self.adb_port} start-server`."
                ) from error
        return self._transport_of(listed)

    def _transport_of(self, listed: list[str]) -> str:
        for line in listed:
            serial, _, rest = line.partition(" ")
            if serial != self.serial:
                continue
            found = _TRANSPORT_ID.search(rest)
            state = rest.split()[0] if rest.split() else "unknown"
            if state != "device" or found is None:
                raise DeviceMissing(
                    f"{self.serial} is attached but {state}. Unlock it and allow debugging, or "
                    "wait until it has booted."
                )
            return found[1]
        others = ", ".join(line.split()[0] for line in listed if line.split()) or "none"
        raise DeviceMissing(
            f"Expected a device {self.serial} at the adb server on port {self.adb_port}, found "
            f"{others}. Attach it, or set device.serials."
        )
