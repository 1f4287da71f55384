"""Sockets inside the device: who listens on `tcp:PORT` or `localabstract:NAME`, and connecting.

A listener is a function that serves one stream. `adb reverse` puts one here whose other end is on
the host; `adb forward` and `nc` connect to it. No socket of the machine is involved. Knows nothing
of what is spoken.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Protocol

MAX_LISTENERS = 256
FIRST_FREE_PORT = 32_768


class Duplex(Protocol):
    """A stream of bytes in both directions; `read_some` gives b"" at its end."""

    def read_some(self) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


Listener = Callable[[Duplex], None]


class DevicePorts:
    """Listeners by address, such as `tcp:6300`."""

    def __init__(self) -> None:
        self._listeners: dict[str, Listener] = {}
        self._reversed: dict[str, str] = {}
        self._lock = threading.Lock()

    def listen(
        self, address: str, listener: Listener, remote: str = "", rebind: bool = True
    ) -> str:
        """Serve an address, `tcp:0` for a free one; returns it. Raises OSError when it is taken."""
        with self._lock:
            if address == "tcp:0":
                taken = set(self._listeners)
                free = (f"tcp:{port}" for port in range(FIRST_FREE_PORT, 65_536))
                address = next(name for name in free if name not in taken)
            ours = address in self._reversed
            if address in self._listeners and not (rebind and ours and remote):
                raise OSError(98, "Address already in use", address)
            if len(self._listeners) >= MAX_LISTENERS:
                raise OSError(24, "Too many open files", address)
            self._listeners[address] = listener
            if remote:
                self._reversed[address] = remote
        return address

    def close(self, address: str) -> bool:
        """Listen no more; whether anyone did."""
        with self._lock:
            self._reversed.pop(address, None)
            return self._listeners.pop(address, None) is not None

    def close_reversed(self) -> None:
        """Forget what `adb reverse` set up, as adbd does when it restarts."""
        for address in list(self._reversed):
            self.close(address)

    def reversed(self) -> list[tuple[str, str]]:
        """(address on the device, address on the host) of each `adb reverse`."""
        with self._lock:
            return list(self._reversed.items())

    def get(self, address: str) -> Listener | None:
        """Who serves an address, None for nobody."""
        return self._listeners.get(address)


def splice(one: Duplex, other: Duplex) -> None:
    """Copy between two streams until both have ended."""
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other)
    back.join()


def _copy(source: Duplex, target: Duplex) -> None:
    # Either end may go at any time, in its own way.
    with contextlib.suppress(Exception):
        while chunk := source.read_some():
            target.write(chunk)
    target.close()


class Pipe:
    """Two ends of a stream inside the device."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._data = bytearray()
        self._closed = False
        self.other: Pipe = self

    @classmethod
    def pair(cls) -> tuple[Pipe, Pipe]:
        """Two connected ends."""
        one, two = cls(), cls()
        one.other, two.other = two, one
        return one, two

    def write(self, data: bytes) -> None:
        """Hand bytes to the other end; what a closed one is sent is lost."""
        with self.other._changed:
            self.other._data += data
            self.other._changed.notify_all()

    def read_some(self) -> bytes:
        """What has come, b"" once the other end has closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._data or self._closed)
            taken = bytes(self._data)
            self._data.clear()
            return taken

    def close(self) -> None:
        """End both directions."""
        for end in (self, self.other):
            with end._changed:
                end._closed = True
                end._changed.notify_all()
