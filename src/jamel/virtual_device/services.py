"""What adb may open on the device: shell (both protocols), exec, sync, install.

Connects the transport's streams with the shell; knows nothing of sockets.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from jamel.virtual_device.adbd import Service, Stream, StreamClosed
from jamel.virtual_device.commands_activity import ACTIVITY_COMMANDS
from jamel.virtual_device.commands_android import ANDROID_COMMANDS
from jamel.virtual_device.commands_dumpsys import DUMPSYS_COMMANDS
from jamel.virtual_device.commands_input import INPUT_COMMANDS
from jamel.virtual_device.commands_net import NET_COMMANDS
from jamel.virtual_device.commands_packages import PACKAGE_COMMANDS
from jamel.virtual_device.commands_processes import PROCESS_COMMANDS
from jamel.virtual_device.commands_shell import SHELL_COMMANDS
from jamel.virtual_device.commands_state import STATE_COMMANDS
from jamel.virtual_device.commands_text import TEXT_COMMANDS
from jamel.virtual_device.commands_unix import UNIX_COMMANDS
from jamel.virtual_device.device import Device
from jamel.virtual_device.faults import VanishedError
from jamel.virtual_device.jacoco_agent import open_port
from jamel.virtual_device.services_adbd import (
    CONTROLS,
    SOCKET_KINDS,
    connect_service,
    serve_control,
    serve_framebuffer,
    serve_reverse,
)
from jamel.virtual_device.shell import HungUp, Shell, ShellExit, Streams, Write
from jamel.virtual_device.shell_input import Stdin
from jamel.virtual_device.sync import serve_sync

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
FLUSH_BYTES = 256 * 1024
MAX_STDIN = 64 << 20
MAX_INSTALL = 256 << 20
COMMANDS = {
    **SHELL_COMMANDS, **TEXT_COMMANDS, **UNIX_COMMANDS, **ANDROID_COMMANDS, **PACKAGE_COMMANDS,
    **DUMPSYS_COMMANDS, **STATE_COMMANDS, **PROCESS_COMMANDS, **NET_COMMANDS, **INPUT_COMMANDS,
    **ACTIVITY_COMMANDS,
}  # fmt: skip
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
        serve_abb = _serve_abb_v2 if kind == "abb" else _serve_abb
        return _guarded(lambda stream: serve_abb(stream, device, rest.split("\0")), vanish)
    if kind in CONTROLS:
        return _guarded(lambda stream: serve_control(stream, device, kind, rest), vanish)
    if kind == "framebuffer":
        return lambda stream: serve_framebuffer(stream, device)
    if kind == "reverse":
        return lambda stream: serve_reverse(stream, device.ports, rest)
    if kind in SOCKET_KINDS:
        found = connect_service(device.ports, kind, rest)
        return open_port(device, rest) if found is None and kind == "tcp" else found
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


def _shell(stream: Stream, device: Device, output: _Output) -> Shell:
    shell = Shell(device, device.files, COMMANDS)
    shell.flush = output.flush
    shell.gone = shell.hung_up = lambda: stream.closed
    return shell


def _serve_shell_v1(stream: Stream, device: Device, script: str) -> None:
    output = _Output(stream, framed=False)
    write = output.writer(STDOUT)
    shell = _shell(stream, device, output)
    stdin = Stdin(_flushing(output, _bounded(stream.read_some)))
    if script:
        shell.run(script, write, write, stdin)
        output.flush()
        return
    _interactive(shell, output, write, write, stdin)
    output.flush()


def _flushing(output: _Output, more: Callable[[], bytes]) -> Callable[[], bytes]:
    """What a command has said is sent before it waits for input."""

    def read() -> bytes:
        output.flush()
        return more()

    return read


def _bounded(more: Callable[[], bytes]) -> Callable[[], bytes]:
    left = MAX_STDIN

    def read() -> bytes:
        nonlocal left
        chunk = more()
        left -= len(chunk)
        if left < 0:
            raise StreamClosed
        return chunk

    return read


def _serve_shell_v2(stream: Stream, device: Device, script: str) -> None:
    output = _Output(stream, framed=True)
    shell = _shell(stream, device, output)
    out, err = output.writer(STDOUT), output.writer(STDERR)
    stdin = Stdin(_flushing(output, _bounded(lambda: _stdin_packet(stream))))
    if script:
        code = shell.run(script, out, err, stdin)
    else:
        code = _interactive(shell, output, out, err, stdin)
    output.writer(EXIT)(bytes([code & 0xFF]))
    output.flush()


def _interactive(shell: Shell, output: _Output, out: Write, err: Write, stdin: Stdin) -> int:
    """A shell fed by its input, line by line; `exit` ends it."""
    script = ""
    while line := stdin.line():
        script += line.decode("utf-8", "replace").replace("\r\n", "\n")
        if line.endswith(b"\n") and shell.wants_more(script):
            continue
        try:
            shell.execute(script, Streams(stdin, out, err))
        except ShellExit as leaving:
            return leaving.code
        script = ""
        output.flush()
    if script:
        shell.execute(script, Streams(stdin, out, err))
    return shell.status


def _stdin_packet(stream: Stream) -> bytes:
    """The next bytes of standard input, b"" once the client has closed it."""
    while True:
        kind, length = _PACKET.unpack(stream.read(_PACKET.size))
        if length > MAX_STDIN:
            raise StreamClosed
        data = stream.read(length)
        if kind == CLOSE_STDIN:
            return b""
        if kind == STDIN and data:
            return data


def _serve_abb(stream: Stream, device: Device, words: list[str]) -> None:
    """A command without a shell, input and output as they are: `adb install` streams here."""
    output = _Output(stream, framed=False)
    write = output.writer(STDOUT)
    shell = _shell(stream, device, output)
    shell.call(["cmd", *words], Streams(_sized_input(stream, words), write, write))
    output.flush()


def _serve_abb_v2(stream: Stream, device: Device, words: list[str]) -> None:
    output = _Output(stream, framed=True)
    shell = _shell(stream, device, output)
    stdin = Stdin(_bounded(lambda: _stdin_packet(stream)))
    streams = Streams(stdin, output.writer(STDOUT), output.writer(STDERR))
    output.writer(EXIT)(bytes([shell.call(["cmd", *words], streams) & 0xFF]))
    output.flush()


def _sized_input(stream: Stream, words: list[str]) -> Stdin:
    """As many bytes as `-S` says: the client waits for the answer and closes nothing."""
    size = words[words.index("-S") + 1] if "-S" in words[:-1] else ""
    left = int(size) if size.isdigit() and int(size) <= MAX_INSTALL else 0

    def read() -> bytes:
        nonlocal left
        chunk = stream.read(min(left, 1 << 16)) if left else b""
        left -= len(chunk)
        return chunk

    return Stdin(read)
