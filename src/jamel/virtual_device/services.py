"""What adb may open on the device: shell (both protocols), exec, sync, install.

Connects the transport's streams with the shell; knows nothing of sockets.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from jamel.virtual_device.adbd import Service, Stream, StreamClosed
from jamel.virtual_device.commands_android import ANDROID_COMMANDS
from jamel.virtual_device.commands_unix import UNIX_COMMANDS
from jamel.virtual_device.device import Device
from jamel.virtual_device.faults import VanishedError
from jamel.virtual_device.shell import HungUp, Shell, Streams, Write
from jamel.virtual_device.sync import serve_sync

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
FLUSH_BYTES = 256 * 1024
MAX_STDIN = 64 << 20
MAX_INSTALL = 1 << 30
COMMANDS = {**UNIX_COMMANDS, **ANDROID_COMMANDS}
_PACKET = struct.Struct("<BI")


def open_service(device: Device, vanish: Callable[[], None], name: str) -> Service | None:
    """The function that serves a service name, None for one this device does not have."""
    kind, _, rest = name.partition(":")
    flags = kind.split(",")
    if flags[0] == "shell":
        serve = _serve_shell_v2 if "v2" in flags else _serve_shell_v1
        return _guarded(lambda stream: serve(stream, device, rest), vanish)
    if kind == "exec":
        return _guarded(lambda stream: _serve_shell_v1(stream, device, rest), vanish)
    if kind == "sync":
        return lambda stream: serve_sync(stream, device.files)
    if kind in ("abb_exec", "abb"):
        return lambda stream: _serve_abb(stream, device, rest.split("\0"))
    if kind in ("root", "remount"):
        return lambda stream: stream.write(f"{kind}: nothing to do on this device\n".encode())
    return None


def _guarded(service: Service, vanish: Callable[[], None]) -> Service:
    def run(stream: Stream) -> None:
        try:
            service(stream)
        except VanishedError:
            vanish()
        except HungUp:
            pass

    return run


class _Output:
    """Collects output so that a command's many small writes leave in few packets."""

    def __init__(self, stream: Stream, framed: bool) -> None:
        self._stream = stream
        self._framed = framed
        self._pending = bytearray()

    def writer(self, kind: int) -> Write:
        """A function writing to one of the output streams."""

        def write(data: bytes) -> None:
            if self._framed and data:
                self._pending += _PACKET.pack(kind, len(data))
            self._pending += data
            if len(self._pending) >= FLUSH_BYTES:
                self.flush()

        return write

    def flush(self) -> None:
        """Send what was collected."""
        if self._pending:
            data = bytes(self._pending)
            self._pending.clear()
            self._stream.write(data)


def _serve_shell_v1(stream: Stream, device: Device, script: str) -> None:
    output = _Output(stream, framed=False)
    write = output.writer(STDOUT)
    shell = Shell(device, device.files, COMMANDS)
    shell.hung_up = lambda: stream.closed
    if script:
        shell.run(script, write, write, lambda: _read_all(stream))
        output.flush()
        return
    pending = b""
    while chunk := stream.read_some():
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            shell.run(line.decode("utf-8", "replace"), write, write, lambda: b"")
            if line.split()[:1] == [b"exit"]:
                output.flush()
                return
        output.flush()


def _read_all(stream: Stream) -> bytes:
    data = bytearray()
    while chunk := stream.read_some():
        data += chunk
        if len(data) > MAX_STDIN:
            raise StreamClosed
    return bytes(data)


def _serve_shell_v2(stream: Stream, device: Device, script: str) -> None:
    output = _Output(stream, framed=True)
    shell = Shell(device, device.files, COMMANDS)
    shell.hung_up = lambda: stream.closed
    out, err = output.writer(STDOUT), output.writer(STDERR)
    if script:
        code = shell.run(script, out, err, lambda: _read_stdin(stream))
    else:
        code = _interactive(stream, shell, output, out, err)
    output.writer(EXIT)(bytes([code & 0xFF]))
    output.flush()


def _interactive(stream: Stream, shell: Shell, output: _Output, out: Write, err: Write) -> int:
    pending = b""
    while True:
        kind, data = _read_packet(stream)
        if kind == CLOSE_STDIN:
            return shell.run(pending.decode("utf-8", "replace"), out, err, lambda: b"")
        if kind != STDIN:
            continue
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            shell.run(line.decode("utf-8", "replace"), out, err, lambda: b"")
            if line.split()[:1] == [b"exit"]:
                return shell.status
        output.flush()


def _read_stdin(stream: Stream) -> bytes:
    data = bytearray()
    while len(data) <= MAX_STDIN:
        kind, part = _read_packet(stream)
        if kind == CLOSE_STDIN:
            return bytes(data)
        if kind == STDIN:
            data += part
    raise StreamClosed


def _read_packet(stream: Stream) -> tuple[int, bytes]:
    kind, length = _PACKET.unpack(stream.read(_PACKET.size))
    if length > MAX_STDIN:
        raise StreamClosed
    return kind, stream.read(length)


def _serve_abb(stream: Stream, device: Device, words: list[str]) -> None:
    """`adb install` streams the package here; its content is dropped, nothing is installed."""
    if words[:2] == ["package", "install"] and "-S" in words[:-1]:
        size = words[words.index("-S") + 1]
        left = int(size) if size.isdigit() and int(size) <= MAX_INSTALL else 0
        while left > 0:
            left -= len(stream.read(min(left, 1 << 16)))
        stream.write(b"Success\n")
        return
    output = _Output(stream, framed=False)
    write = output.writer(STDOUT)
    shell = Shell(device, device.files, COMMANDS)
    shell.call(["cmd", *words], Streams(lambda: b"", write, write))
    output.flush()
