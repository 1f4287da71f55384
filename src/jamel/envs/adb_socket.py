"""The adb server's own protocol, as far as running shell commands needs it.

A request is four hex digits of length and a service name; the answer is OKAY or FAIL and a reason.
`host:transport-id:N` binds the connection to one device, after which `shell,v2:` runs a script and
sends packets of `u8 stream, u32 little-endian length`. See OVERVIEW.TXT, SERVICES.TXT and
shell_protocol.h of the Android sources. Two round trips a command and no waiting: client libraries
probe the server first, and sleep as they close. Never starts a server; knows nothing of devices.
"""

from __future__ import annotations

import socket
import struct
import time
from types import TracebackType

CONNECT_TIMEOUT_S = 3.0
MAX_OUTPUT = 256 << 20
_STDOUT, _STDERR, _EXIT = 1, 2, 3
_PACKET = struct.Struct("<BI")


class AdbRefused(Exception):
    """The adb server answered FAIL; the text is its reason."""


class AdbSocket:
    """One connection to an adb server, with one deadline for all that is read from it."""

    def __init__(self, port: int, timeout_s: float) -> None:
        self._deadline = time.monotonic() + timeout_s
        self._conn = socket.create_connection(
            ("127.0.0.1", port), min(CONNECT_TIMEOUT_S, timeout_s)
        )
        self._conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pending = bytearray()

    def __enter__(self) -> AdbSocket:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._conn.close()

    def request(self, service: str) -> None:
        """Ask for a service and wait until it is accepted. Raises AdbRefused, OSError, EOFError."""
        encoded = service.encode()
        self._conn.sendall(f"{len(encoded):04x}".encode() + encoded)
        answer = self.read(4)
        if answer != b"OKAY":
            reason = self.block() if answer == b"FAIL" else repr(answer)
            raise AdbRefused(reason)

    def send(self, data: bytes) -> None:
        """Send bytes to the service that was accepted. Raises OSError."""
        self._conn.sendall(data)
        if hasattr(socket, "TCP_QUICKACK"):
            # An adb server holds the second part of an answer back until the first is
            # acknowledged, for which Linux takes 40 ms unless told otherwise.
            self._conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def block(self) -> str:
        """A text preceded by its length in four hex digits."""
        return self.read(int(self.read(4), 16)).decode("utf-8", "replace")

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes. Raises TimeoutError past the deadline, EOFError at the end."""
        while len(self._pending) < count:
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            self._conn.settimeout(left_s)
            chunk = self._conn.recv(1 << 18)
            if not chunk:
                raise EOFError("the connection ended in the middle of an answer")
            self._pending += chunk
        taken = bytes(memoryview(self._pending)[:count])
        del self._pending[:count]
        return taken

    def shell(self, script: str) -> tuple[bytes, bytes, int]:
        """Run a script on the device this connection is bound to: stdout, stderr, exit code."""
        self.request(f"shell,v2,raw:{script}")
        output = {_STDOUT: bytearray(), _STDERR: bytearray()}
        while True:
            kind, length = _PACKET.unpack(self.read(_PACKET.size))
            if length > MAX_OUTPUT:
                raise EOFError("the device announced more output than can be")
            data = self.read(length)
            if kind == _EXIT:
                return bytes(output[_STDOUT]), bytes(output[_STDERR]), data[0] if data else 255
            if kind in output:
                output[kind] += data
