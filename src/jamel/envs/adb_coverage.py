"""An instrumented app's JaCoCo file on a device: how it is asked for, read, checked and decoded.

The file may be empty or cut short while the app still writes it, so it is read again for a second;
what is no execution data then, or that of another build, is an error and never 0 %. Knows nothing
of screens.
"""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from jamel.coverage import ProbeSet
from jamel.coverage.class_list import MAX_BUILD_CHARS, ClassList, parse_class_list, read_class_list
from jamel.coverage.jacoco import read_exec
from jamel.envs.adb_recovery import SteadyShell
from jamel.errors import CoverageError

TRIES = 5
WAIT_S = 0.2


class DeviceCoverage:
    """The coverage of `package` on one device.

    Args:
        shell: the device.
        package: the app.
        file: the JaCoCo file below the app's data folder, "" for no coverage at all.
        broadcast: the action of a broadcast that makes the app write that file, "" for none.
        classes: a list of the app's classes on this machine; by default the one beside the
            coverage file on the device, if there is one.

    Raises:
        CoverageError: `classes` names no list.
    """

    def __init__(
        self, shell: SteadyShell, package: str, file: str, broadcast: str, classes: str = ""
    ) -> None:
        self._shell = shell
        self._package = package
        self._file = file
        self._broadcast = broadcast
        self.latest = b""
        listed = read_class_list(Path(classes)) if classes else self._list_on_device()
        self._sizes = listed.sizes
        self.build = listed.build or self._version()
        self.total_probes = sum(listed.sizes.values())

    def dump_script(self) -> str:
        """Shell that makes the app write its file, ending in a semicolon; "" if it needs none."""
        if not self._broadcast:
            return ""
        return f"am broadcast -a {shlex.quote(self._broadcast)} -p {self._package} >/dev/null; "

    def read_script(self) -> str:
        """Shell that prints the file as the app has it now, a line break, and then its size."""
        if not self._file:
            return "true"
        file = shlex.quote(self._file)
        return (
            f"{self.dump_script()}run-as {self._package} cat {file} 2>/dev/null; echo; "
            f"run-as {self._package} wc -c {file}"
        )

    def forget(self) -> None:
        """A new session begins: the app's data is gone, and the file with it."""
        self.latest = b""

    def rewind(self, coverage: bytes) -> None:
        """The device returned to when `coverage` was what it had last."""
        self.latest = coverage

    def before_stop(self) -> None:
        """The app's process is about to be ended; its file stays."""

    def take(self, printed: bytes) -> bytes:
        """Accept what `read_script` printed, or read it again until it is whole and parses.

        A part that ends between two classes parses too: only the size tells it.

        Raises:
            CoverageError: the file is missing, empty, cut short or of another build.
        """
        if not self._file:
            return self.latest
        for attempt in range(TRIES):
            try:
                data = b""
                data = _whole(printed)
                if not data or data != self.latest:
                    self.decode(data)
                break
            except CoverageError as error:
                if attempt + 1 == TRIES:
                    raise CoverageError(self._explained(data, error)) from error
            self._shell.marks.append(f"read coverage again: {_gist(data)}")
            time.sleep(WAIT_S)
            printed = self._shell.run(self.read_script()).stdout
        self.latest = data
        return data

    def decode(self, data: bytes) -> ProbeSet:
        """The probes in the file. Raises CoverageError."""
        if not self._file:
            return ProbeSet()
        return self.check(read_exec(data))

    def check(self, probes: ProbeSet) -> ProbeSet:
        """The same probes. Raises CoverageError where the app has no such classes."""
        for identifier, item in probes.classes.items():
            if self._sizes and self._sizes.get(identifier) != item.size:
                raise CoverageError(
                    f"Expected coverage of build {self.build} of {self._package}, found class "
                    f"{item.name} with {item.size} probes, which that build lacks: it is "
                    "another build's. Clear the app's data and start a new session, or list all "
                    "modules' classes with `jamel device classes`."
                )
        return probes

    def _explained(self, data: bytes, error: CoverageError) -> str:
        if data:
            return f"{self._file} of {self._package} on {self._shell.serial}: {error}"
        return (
            f"Expected JaCoCo data in {self._file} of {self._package} on {self._shell.serial}, "
            "found nothing. Check that the app is debuggable and instrumented, that "
            "device.coverage_broadcast makes it write the file, and device.coverage_file."
        )

    def _list_on_device(self) -> ClassList:
        """The class list beside the coverage file; an empty one where there is none."""
        if not self._file:
            return ClassList("", {})
        path = shlex.quote(self._file.rpartition(".")[0] + ".classes")
        listed = self._shell.run(f"run-as {self._package} cat {path} 2>/dev/null")
        there = listed.stdout if listed.code == 0 else b""
        return parse_class_list(there.decode("utf-8", "replace"))

    def _version(self) -> str:
        """What the package calls its version, in place of a build's name."""
        dump = self._shell.run(f"dumpsys package {self._package} | grep -E 'versionName='")
        version = dump.stdout.decode("utf-8", "replace").strip().removeprefix("versionName=")
        return version.split("\n")[0][:MAX_BUILD_CHARS] or "unknown"


def _whole(printed: bytes) -> bytes:
    """The file, which has to be as long as the size behind it says. Raises CoverageError."""
    data, _, line = printed.rstrip(b"\n").rpartition(b"\n")
    size = line.split()[:1]
    if size and size[0].isdigit() and int(size[0]) != len(data):
        raise CoverageError(
            f"Expected coverage of {int(size[0])} bytes, found {len(data)}: the file is cut short. "
            "Dump it again."
        )
    return data


def _gist(data: bytes) -> str:
    """What was wrong with a file that was refused."""
    return "another build's or ill-formed" if data else "empty or cut short"
