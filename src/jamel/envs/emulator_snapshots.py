"""The snapshots that one link takes of its emulator, each with something to remember it by.

They are saved, loaded and deleted through the emulator's console; each takes as much of the disk as
the emulator has memory. Knows nothing of apps.
"""

from __future__ import annotations

import contextlib

from jamel.envs.emulator_console import console_command, console_port
from jamel.errors import DeviceError

SNAPSHOT_TIMEOUT_S = 120.0


class EmulatorSnapshots:
    """Snapshots of the device `serial`, which is an emulator or has none."""

    def __init__(self, serial: str) -> None:
        self._serial = serial
        self._taken = 0
        self._kept: dict[str, bytes] = {}

    def save(self, note: bytes) -> bytes | None:
        """Take one and return its name; None on a device without a console. Raises DeviceError."""
        if console_port(self._serial) is None:
            return None
        self._taken += 1
        name = f"jamel-{self._taken}"
        self._ask("save", name)
        self._kept[name] = note
        return name.encode()

    def load(self, snapshot: bytes) -> bytes:
        """Return the device to one; gives back its note. Raises DeviceError for another name."""
        name = snapshot.decode("ascii", "replace")
        if name not in self._kept:
            raise DeviceError(
                f"Expected a snapshot that was taken here and is kept, found {name!r}. Take one "
                "with snapshot() first."
            )
        self._ask("load", name)
        return self._kept[name]

    def forget(self, snapshot: bytes) -> None:
        """Delete one; a name that is unknown is none. Raises DeviceError."""
        name = snapshot.decode("ascii", "replace")
        if self._kept.pop(name, None) is not None:
            self._ask("delete", name)

    def forget_all(self) -> None:
        """Delete what is left, as far as the device still answers."""
        with contextlib.suppress(DeviceError):
            for name in list(self._kept):
                self.forget(name.encode())

    def _ask(self, what: str, name: str) -> None:
        console_command(self._serial, f"avd snapshot {what} {name}", SNAPSHOT_TIMEOUT_S)
