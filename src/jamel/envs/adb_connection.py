"""One device's shell through an adb server, by adbutils, with deadlines and plain errors.

adbutils starts a server on the default port when none answers; that server may be anyone's, so
the connection is tried first and AdbMissing raised instead.
"""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING, NamedTuple

from jamel.errors import AdbMissing, DeviceLost, DeviceMissing

if TYPE_CHECKING:
    from adbutils import AdbClient, AdbDevice

_TRANSPORT_ID = re.compile(r"transport_id:(\d+)")
CONNECT_TIMEOUT_S = 3.0
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

    The transport id is resolved on first use and again after a loss: a call by transport id is
    twice as fast as one by serial.
    """

    def __init__(self, serial: str, adb_port: int, timeout_s: float) -> None:
        self.serial = serial
        self.adb_port = adb_port
        self.timeout_s = timeout_s
        self._device: AdbDevice | None = None

    def run(self, script: str) -> ShellResult:
        """Run a script; raises DeviceLost, DeviceMissing or AdbMissing."""
        from adbutils.errors import AdbError, AdbTimeout

        device = self._connected()
        try:
            result = device.shell2(script, timeout=self.timeout_s, encoding=None, v2=True)
        except AdbTimeout as error:
            self._device = None
            raise DeviceLost(
                f"{self.serial} did not answer within {self.timeout_s:g} s. Check that it is not "
                "frozen, or raise device.step_timeout_s."
            ) from error
        except (AdbError, OSError, EOFError) as error:
            self._device = None
            raise DeviceLost(
                f"{self.serial} went away in the middle of a command "
                f"({type(error).__name__}: {error}). "
                "Reconnect it and start a new session."
            ) from error
        return ShellResult(result.stdout, result.stderr, result.returncode)

    def await_device(self) -> None:
        """Wait until the device answers again; raises as `run` does once the deadline passes."""
        deadline = time.monotonic() + self.timeout_s
        while True:
            self._device = None
            try:
                self.run("true")
                return
            except (DeviceLost, DeviceMissing):
                if time.monotonic() > deadline:
                    raise
            time.sleep(RETRY_S)

    def _connected(self) -> AdbDevice:
        if not _listening(self.adb_port):
            self._device = None
            raise AdbMissing(
                f"Expected an adb server on port {self.adb_port}, found none. Start one with "
                f"`adb -P {self.adb_port} start-server`, or use transport: in_process."
            )
        if self._device is None:
            self._device = self._resolve()
        return self._device

    def _listed(self, client: AdbClient) -> list[str]:
        """What the adb server says of each device; raises AdbMissing if it is none."""
        from adbutils.errors import AdbError

        try:
            with client.make_connection(timeout=self.timeout_s) as conn:
                conn.send_command("host:devices-l")
                conn.check_okay()
                return conn.read_string_block().splitlines()
        except (AdbError, OSError, EOFError, ValueError) as error:
            raise AdbMissing(
                f"Expected an adb server on port {self.adb_port}, found something that does not "
                f"answer as one ({type(error).__name__}: {error}). Set device.adb_port, or end "
                f"it and run `adb -P {self.adb_port} start-server`."
            ) from error

    def _resolve(self) -> AdbDevice:
        from adbutils import AdbClient, AdbDevice

        client = AdbClient(host="127.0.0.1", port=self.adb_port, socket_timeout=self.timeout_s)
        listed = self._listed(client)
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
            return AdbDevice(client, transport_id=int(found[1]))
        others = ", ".join(line.split()[0] for line in listed if line.split()) or "none"
        raise DeviceMissing(
            f"Expected a device {self.serial} at the adb server on port {self.adb_port}, found "
            f"{others}. Attach it, or set device.serials."
        )


def _listening(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), CONNECT_TIMEOUT_S):
            return True
    except OSError:
        return False
