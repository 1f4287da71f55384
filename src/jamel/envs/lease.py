"""A real device is one session's at a time: whoever takes it holds a lock until it is let go.

The lock ends with the process, however that ends. Knows nothing of what is done with a device.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

WAIT_S = 0.2


class Lease:
    """The right to use the device `serial`, until `close`."""

    def __init__(self, serial: str, handle: int) -> None:
        self.serial = serial
        self._handle = handle

    def close(self) -> None:
        """Let the device go; closing twice is harmless."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def lease_device(serials: Sequence[str], first: int = 0) -> Lease:
    """Take a free one of `serials`, beginning with number `first`; wait while all are in use."""
    order = [serials[(first + number) % len(serials)] for number in range(len(serials))]
    while True:
        for serial in order:
            lease = try_lease(serial)
            if lease is not None:
                return lease
        time.sleep(WAIT_S)


def being_made(serial: str) -> Lease:
    """Held while a device is made ready for sessions; a session that takes it has to wait."""
    return lease_device((f"making {serial}",))


def try_lease(serial: str) -> Lease | None:
    """Take `serial`, a device or any other thing that only one process may use; None if in use."""
    # A serial is a user's text and no file name; nor may a link lead elsewhere.
    name = hashlib.sha256(serial.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"jamel-device-{os.getuid()}-{name}.lock"
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return Lease(serial, handle)
