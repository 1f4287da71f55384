"""Which way coverage leaves a device: a JaCoCo file, or the agent's tcpserver through adb.

A file is read by `run-as`, after the broadcast that has the app write it where one is needed. A
tcpserver is asked over a connection of its own after each step; what the process executed dies
with it, so it is asked again before the app is stopped. Knows nothing of screens.
"""

from __future__ import annotations

import contextlib
import time

from jamel.coverage import ProbeSet
from jamel.coverage.jacoco import read_exec, write_exec
from jamel.coverage.jacoco_remote import DEFAULT_PORT, DumpRequest, encode_request, read_answer
from jamel.envs.adb_coverage import TRIES, WAIT_S, DeviceCoverage
from jamel.envs.adb_recovery import SteadyShell
from jamel.envs.adb_socket import AdbSocket
from jamel.errors import ConfigError, CoverageError

SOURCES = ("file", "tcpserver", "none")


def open_coverage(
    shell: SteadyShell,
    package: str,
    source: str = "file",
    file: str = "files/coverage.ec",
    broadcast: str = "",
    port: int = DEFAULT_PORT,
    classes: str = "",
) -> DeviceCoverage:
    """The coverage of `package` by one of SOURCES.

    Args:
        shell: the device.
        package: the app.
        source: `file`, `tcpserver`, or `none` to explore without coverage.
        file: below the app's data folder; a class list `.classes` may lie beside it.
        broadcast: for `file`, the action that makes the app write it; "" if it is up to date.
        port: for `tcpserver`, the port on the device.
        classes: a list of the app's classes on this machine, in place of the one on the device.

    Raises:
        ConfigError: an unknown source.
        CoverageError: `classes` names no list.
        DeviceError: the device does not answer.
    """
    if source == "file":
        return DeviceCoverage(shell, package, file, broadcast, classes)
    if source == "tcpserver":
        return AgentCoverage(shell, package, file, port, classes)
    if source == "none":
        return DeviceCoverage(shell, package, "", "", classes)
    raise ConfigError(f"Unknown coverage source {source!r}: expected one of {SOURCES}.")


class AgentCoverage(DeviceCoverage):
    """Coverage asked from the JaCoCo agent in the app's process (`output=tcpserver`).

    The union of all answers since the session began: a new process begins at nothing.
    """

    def __init__(
        self, shell: SteadyShell, package: str, file: str, port: int, classes: str
    ) -> None:
        super().__init__(shell, package, file, "", classes)
        self._port = port
        self._executed = ProbeSet()

    def read_script(self) -> str:
        """Nothing: the agent is asked over a connection of its own."""
        return "true"

    def forget(self) -> None:
        """A new session begins: the app's process is gone, and what it executed with it."""
        super().forget()
        self._executed = ProbeSet()

    def rewind(self, coverage: bytes) -> None:
        """The device returned to when `coverage` was what it had last."""
        super().rewind(coverage)
        self._executed = read_exec(coverage) if coverage else ProbeSet()

    def before_stop(self) -> None:
        """Ask for what was executed since the last step, while there is a process to ask."""
        with contextlib.suppress(CoverageError):
            self.take(b"")

    def take(self, printed: bytes) -> bytes:
        """Ask the agent, whatever the script printed; again if its answer is cut short.

        A process that has ended adds nothing: what it executed since the last answer is lost.

        Raises:
            CoverageError: the app runs without an agent, or with another build's.
        """
        for attempt in range(TRIES):
            try:
                self._executed = self._executed.union(self._ask())
                break
            except CoverageError as error:
                if attempt + 1 == TRIES:
                    where = f"{self._package} on {self._shell.serial}, port {self._port}"
                    raise CoverageError(f"Coverage of {where}: {error}") from error
            self._shell.marks.append("asked the agent again: its answer was not whole")
            time.sleep(WAIT_S)
        self.latest = write_exec(self._executed)
        return self.latest

    def _ask(self) -> ProbeSet:
        with self._shell.port(self._port) as conn:
            if conn is not None:
                conn.send(encode_request(DumpRequest()))
                return self.check(read_answer(_Answer(conn)))
        if self._shell.run(f"pidof {self._package}").code != 0:
            return ProbeSet()
        raise CoverageError(
            "Expected a JaCoCo agent, found nothing that listens while the app runs. Instrument "
            "it with output=tcpserver in jacoco-agent.properties, give it the INTERNET "
            "permission, and check device.coverage_port."
        )


class _Answer:
    """A connection as something to read blocks from: the end is the end, and no error."""

    def __init__(self, conn: AdbSocket) -> None:
        self._conn = conn

    def read(self, count: int) -> bytes:
        try:
            return self._conn.read(count)
        except EOFError:
            return b""
