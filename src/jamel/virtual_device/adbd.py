"""The adbd transport: the wire protocol an adb server speaks to a device, on a loopback socket.

A 24-byte little-endian header `command, arg0, arg1, length, checksum, ~command` precedes each
payload. Streams are opened by the server and answered by a service running in a thread of its
own. Knows nothing of shells, files or apps: `open_service` maps a service name to a function.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from jamel.virtual_device.acceptor import Acceptor

VERSION = 0x01000001
"""The first version whose peers ignore the checksum."""
MAX_PAYLOAD = 1 << 20
FEATURES = (
    "shell_v2,cmd,stat_v2,ls_v2,fixed_push_mkdir,apex,abb,fixed_push_symlink_timestamp,"
    "abb_exec,remount_shell,track_app,sendrecv_v2"
)
_HEADER = struct.Struct("<6I")
_CNXN, _OPEN, _OKAY, _WRTE, _CLSE, _AUTH = (
    int.from_bytes(name, "little")
    for name in (b"CNXN", b"OPEN", b"OKAY", b"WRTE", b"CLSE", b"AUTH")
)
_AUTH_TOKEN, _AUTH_SIGNATURE = 1, 2
_FLOW_TIMEOUT_S = 60.0
_OPEN_TIMEOUT_S = 10.0

Service = Callable[["Stream"], None]
OpenService = Callable[[str], Service | None]


class StreamClosed(Exception):
    """The other side closed the stream; the service should end."""


class Stream:
    """One open service. Written in order; each write waits for the peer to accept the last."""

    def __init__(self, connection: Connection, local_id: int, remote_id: int = 0) -> None:
        self.connection = self._connection = connection
        self.local_id = local_id
        self.remote_id = remote_id
        self._incoming: deque[bytes] = deque()
        self._pending = bytearray()
        self._changed = threading.Condition()
        # A stream that we opened may be written once the peer has named its end.
        self._writable = remote_id != 0
        self.closed = False

    def await_open(self) -> bool:
        """Whether the peer accepted a stream that we opened."""
        with self._changed:
            self._changed.wait_for(lambda: self._writable or self.closed, _OPEN_TIMEOUT_S)
            return self._writable

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises StreamClosed when the peer is gone."""
        view = memoryview(data)
        limit = self._connection.max_payload
        for start in range(0, len(view), limit):
            self._await_writable()
            part = view[start : start + limit]
            self._connection.send(_WRTE, self.local_id, self.remote_id, part)

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes. Raises StreamClosed when they will never come."""
        while len(self._pending) < count:
            self._pending += self._next_chunk()
        part = bytes(memoryview(self._pending)[:count])
        del self._pending[:count]
        return part

    def read_some(self) -> bytes:
        """Whatever has come, at least one byte, or b"" once the peer has closed."""
        if self._pending:
            part = bytes(self._pending)
            self._pending.clear()
            return part
        with contextlib.suppress(StreamClosed):
            return self._next_chunk()
        return b""

    def drain(self) -> None:
        """Return once the peer has accepted what was written, or is gone."""
        with self._changed:
            self._changed.wait_for(lambda: self._writable or self.closed, _OPEN_TIMEOUT_S)

    def close(self) -> None:
        """Close our side; closing twice is harmless."""
        with self._changed:
            if self.closed:
                return
            self.closed = True
            self._changed.notify_all()
        self._connection.forget(self)
        with contextlib.suppress(OSError):
            self._connection.send(_CLSE, self.local_id, self.remote_id)

    def on_data(self, data: bytes) -> None:
        """The connection's reader hands over a payload."""
        with self._changed:
            self._incoming.append(data)
            self._changed.notify_all()

    def on_okay(self, remote_id: int) -> None:
        """The peer accepted the last write, or the stream itself."""
        with self._changed:
            self.remote_id = remote_id
            self._writable = True
            self._changed.notify_all()

    def on_close(self) -> None:
        """The peer closed the stream, or the connection is gone."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _await_writable(self) -> None:
        with self._changed:
            ready = self._changed.wait_for(lambda: self._writable or self.closed, _FLOW_TIMEOUT_S)
            if self.closed or not ready:
                raise StreamClosed
            self._writable = False

    def _next_chunk(self) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self._incoming or self.closed)
            if not self._incoming:
                raise StreamClosed
            chunk = self._incoming.popleft()
        # Accepted only when consumed, so that a fast sender cannot fill our memory.
        with contextlib.suppress(OSError):
            self._connection.send(_OKAY, self.local_id, self.remote_id)
        return chunk


class Connection:
    """One adb server's connection: reads packets until the socket closes."""

    def __init__(self, conn: socket.socket, banner: bytes, open_service: OpenService) -> None:
        self._conn = conn
        self._banner = banner
        self._open_service = open_service
        self._streams: dict[int, Stream] = {}
        self._next_id = 1
        self._send_lock, self._id_lock = threading.Lock(), threading.Lock()
        self._agreed_version = 0
        self.max_payload = 4096
        self.reception = ""
        """"" for a welcome; `offline` answers nothing, `unauthorized` accepts no key."""

    @property
    def agreed(self) -> bool:
        """Whether the peer has introduced itself."""
        return self._agreed_version > 0

    def serve(self) -> None:
        """Handle packets until the peer hangs up or breaks the protocol."""
        with contextlib.suppress(OSError, EOFError):
            while True:
                self._handle(*self._read_packet())
        self.close()

    def close(self) -> None:
        """Drop the socket and wake every service."""
        with contextlib.suppress(OSError):
            self._conn.shutdown(socket.SHUT_RDWR)
        self._conn.close()
        for stream in list(self._streams.values()):
            stream.on_close()

    def open(self, name: str) -> Stream | None:
        """Ask the adb server for a stream, as `adb reverse` needs; None when it refuses."""
        stream = self._new_stream()
        self.send(_OPEN, stream.local_id, 0, name.encode() + b"\x00")
        if stream.await_open():
            return stream
        self.forget(stream)
        return None

    def forget(self, stream: Stream) -> None:
        """A stream ended on our side."""
        self._streams.pop(stream.local_id, None)

    def send(self, command: int, arg0: int, arg1: int, data: bytes | memoryview = b"") -> None:
        """Write one packet; packets of several threads never interleave."""
        checksum = 0 if self._agreed_version >= VERSION else sum(data) & 0xFFFFFFFF
        header = _HEADER.pack(command, arg0, arg1, len(data), checksum, command ^ 0xFFFFFFFF)
        with self._send_lock:
            self._conn.sendall(header + data if len(data) < 65536 else header)
            if len(data) >= 65536:
                self._conn.sendall(data)

    def _read_packet(self) -> tuple[int, int, int, bytes]:
        command, arg0, arg1, length, _, magic = _HEADER.unpack(self._read_exactly(_HEADER.size))
        if magic != command ^ 0xFFFFFFFF or length > MAX_PAYLOAD:
            raise EOFError
        return command, arg0, arg1, self._read_exactly(length)

    def _read_exactly(self, count: int) -> bytes:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            got = self._conn.recv_into(view)
            if not got:
                raise EOFError
            view = view[got:]
        return bytes(data)

    def _handle(self, command: int, arg0: int, arg1: int, data: bytes) -> None:
        if self.reception:
            # A server out of keys sends its public one, and waits for the device's user.
            asks = command == _CNXN or (command == _AUTH and arg0 == _AUTH_SIGNATURE)
            if self.reception == "unauthorized" and asks:
                self.send(_AUTH, _AUTH_TOKEN, 0, os.urandom(20))
        elif command == _CNXN:
            self.max_payload = min(arg1, MAX_PAYLOAD) or 4096
            self.send(_CNXN, VERSION, MAX_PAYLOAD, self._banner)
            self._agreed_version = min(arg0, VERSION)
        elif command == _OPEN:
            self._open(arg0, data)
        elif stream := self._streams.get(arg1):
            if command == _OKAY:
                stream.on_okay(arg0)
            elif command == _WRTE:
                stream.on_data(data)
            elif command == _CLSE:
                self._streams.pop(arg1, None)
                stream.on_close()
                # As adbd does; some clients wait for it.
                self.send(_CLSE, stream.local_id, arg0)
        elif command == _WRTE:
            self.send(_CLSE, arg1, arg0)

    def _new_stream(self, remote_id: int = 0) -> Stream:
        with self._id_lock:
            stream = Stream(self, self._next_id, remote_id)
            self._next_id += 1
            self._streams[stream.local_id] = stream
        return stream

    def _open(self, remote_id: int, name: bytes) -> None:
        service = self._open_service(name.rstrip(b"\x00").decode("utf-8", "replace"))
        if service is None:
            self.send(_CLSE, 0, remote_id)
            return
        stream = self._new_stream(remote_id)
        self.send(_OKAY, stream.local_id, remote_id)
        threading.Thread(target=_run_service, args=(service, stream), daemon=True).start()


def _run_service(service: Service, stream: Stream) -> None:
    try:
        with contextlib.suppress(StreamClosed, OSError):
            service(stream)
    finally:
        stream.close()


class Adbd:
    """Accepts adb servers on a bound socket until closed."""

    def __init__(
        self,
        listener: socket.socket,
        banner: str,
        open_service: OpenService,
        on_hang_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._acceptor = Acceptor(listener, self._welcome)
        self._banner = banner.encode()
        self._open_service = open_service
        self._on_hang_up = on_hang_up
        self._connections: list[Connection] = []
        self.reception = ""

    def start(self) -> None:
        """Begin to accept."""
        self._acceptor.start()

    def close(self) -> None:
        """Stop accepting and hang up on every adb server."""
        self._acceptor.close()
        self.drop()

    @property
    def connected(self) -> bool:
        """Whether an adb server has introduced itself and not hung up since."""
        return any(connection.agreed for connection in list(self._connections))

    def drop(self) -> None:
        """Hang up on every adb server and keep listening: a device that went away."""
        for connection in list(self._connections):
            connection.close()
        self._connections.clear()

    def _welcome(self, conn: socket.socket) -> Callable[[], None]:
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(conn, self._banner, self._open_service)
        connection.reception = self.reception
        self._connections.append(connection)
        return partial(self._serve, connection)

    def _serve(self, connection: Connection) -> None:
        connection.serve()
        with contextlib.suppress(ValueError):
            self._connections.remove(connection)
        self._on_hang_up()


def banner(product: str, model: str, device: str) -> str:
    """The identity a device sends on connection; the features are those adb 36 was seen to use."""
    return (
        f"device::ro.product.name={product};ro.product.model={model};"
        f"ro.product.device={device};features={FEATURES}"
    )
