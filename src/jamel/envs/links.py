"""The seam between AndroidEnv and a device: the Link protocol, and the in-process transport.

A link performs one action and reads the screen and the coverage back, in one go. Coverage stays
in the link's own cheap form (`Reading.coverage`, compared byte for byte) until someone asks for
probes. Knows nothing of rewards, sessions or learning; `adb_link.py` is the other transport.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from jamel.coverage import ProbeSet
from jamel.coverage.jacoco import probes_from_flags
from jamel.errors import DeviceError
from jamel.types import Action, Observation

if TYPE_CHECKING:
    from jamel.virtual_device.apps import App

MAX_SNAPSHOTS = 4096


class Reading(NamedTuple):
    """What one exchange with a device brought back."""

    observation: Observation
    coverage: bytes
    executed: bool = True
    invalid_reason: str = ""
    marks: str = ""
    """What went wrong on the way and was mended."""


class Link(Protocol):
    """One app on one device, whatever the transport.

    `coverage` in a Reading is opaque: two equal values mean that nothing new was executed, and
    `decode` turns one into probes. `snapshot` returns None where the device cannot. After an error
    `recover` says whether a new session can begin here, or the device has to be replaced.
    """

    package: str
    build: str
    device: str
    marks: list[str]
    """What was mended outside of a reading; whoever reads it empties it."""

    @property
    def total_probes(self) -> int:
        """How many probes are known to exist by now; 0 where none is."""
        ...

    def perform(self, observation: Observation, action: Action) -> Reading:
        """Do an action on the element it names in `observation`, the screen read last."""
        ...

    def restart(self, new_session: bool) -> Reading:
        """Start the app at its first screen; a new session forgets data and coverage first."""
        ...

    def decode(self, coverage: bytes) -> ProbeSet:
        """The probes of a reading's coverage; raises CoverageError."""
        ...

    def screenshot(self) -> bytes:
        """The screen as a PNG."""
        ...

    def crash_trace(self) -> str:
        """The stack trace of the app's last crash, "" where the device knows none."""
        ...

    def crash_news(self) -> str:
        """The trace of a crash since the last call; "" for none, or where asking costs time."""
        ...

    def snapshot(self) -> bytes | None:
        """A name for the app's present, None where the device cannot keep it."""
        ...

    def restore(self, snapshot: bytes) -> Reading:
        """Return to a snapshot; raises DeviceError for a name that is unknown."""
        ...

    def rewind(self, snapshot: bytes) -> None:
        """`restore` without a reading, which takes most of the time on a real device."""
        ...

    def forget(self, snapshot: bytes) -> None:
        """Let go of a snapshot, which takes room on a real device; an unknown one is none."""
        ...

    def recover(self) -> bool:
        """After an error: whether a new session can begin, or the device has to be replaced."""
        ...

    def close(self) -> None:
        """Release the device; closing twice is harmless."""
        ...


class InProcessLink:
    """Drives a running App by function calls: no sockets, thousands of steps a second."""

    device = "virtual"

    def __init__(self, app: App) -> None:
        self.app = app
        self.package: str = app.package
        self.build: str = app.build
        self.total_probes: int = app.total_probes
        self._snapshots: OrderedDict[bytes, Any] = OrderedDict()
        self._taken = 0
        self._told = ""
        self.marks: list[str] = []

    def perform(self, observation: Observation, action: Action) -> Reading:
        """Apply the action to the element it names in `observation`."""
        app = self.app
        executed, reason = app.apply(action)
        app.close_crash_dialog()
        return Reading(app.observe(), app.probe_bytes(), executed, reason)

    def restart(self, new_session: bool) -> Reading:
        """Start the app at its first screen; a new session forgets data and coverage first."""
        if new_session:
            self.app.clear_data()
        else:
            self.app.restart()
        return self._read()

    def decode(self, coverage: bytes) -> ProbeSet:
        """Probes from one byte a probe."""
        return probes_from_flags(self.app.classes, coverage)

    def screenshot(self) -> bytes:
        """The screen as a PNG."""
        from jamel.virtual_device.screenshot import screenshot_png

        return screenshot_png(self.app.observe())

    def crash_trace(self) -> str:
        """The last crash in the app's log; apps without defects have no log."""
        log = getattr(self.app, "crash_log", ())
        return log[-1] if log else ""

    def crash_news(self) -> str:
        """The last crash in the app's log if it is another than at the last call."""
        last, self._told = self._told, self.crash_trace()
        # Two crashes of one cause read the same and are two objects.
        return "" if self._told is last else self._told

    def snapshot(self) -> bytes | None:
        """A name for the app's present; the last 4096 are kept."""
        self._taken += 1
        name = f"jamel-{self._taken}".encode()
        self._snapshots[name] = self.app.snapshot()
        if len(self._snapshots) > MAX_SNAPSHOTS:
            self._snapshots.popitem(last=False)
        return name

    def restore(self, snapshot: bytes) -> Reading:
        """Return to a snapshot. Raises DeviceError when the name is unknown or too old."""
        self.rewind(snapshot)
        return self._read()

    def rewind(self, snapshot: bytes) -> None:
        """`restore` without a reading."""
        saved = self._snapshots.get(snapshot)
        if saved is None:
            raise DeviceError(
                f"No snapshot {snapshot!r} on this device: expected one of the last "
                f"{MAX_SNAPSHOTS} it took. Restore sooner, or replay the actions."
            )
        self.app.restore(saved)

    def forget(self, snapshot: bytes) -> None:
        """Let go of a snapshot."""
        self._snapshots.pop(snapshot, None)

    def recover(self) -> bool:
        """There is nothing to wait for."""
        return True

    def close(self) -> None:
        """Forget the snapshots; there is nothing else to release."""
        self._snapshots.clear()

    def _read(self) -> Reading:
        return Reading(self.app.observe(), self.app.probe_bytes())
