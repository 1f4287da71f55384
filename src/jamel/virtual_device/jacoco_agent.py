"""The JaCoCo agent inside the embedded device's app, with `output=tcpserver` on port 6300.

What a device's `tcp:6300` service leads to, so that `adb forward tcp:0 tcp:6300` and JaCoCo's own
dump tools reach it. It listens while the app's process lives; a reset clears the app's probes, as
it clears a real agent's. Unlike a real agent's, its probes outlive the process: the app is one that
keeps them as `output=file` with `append=true` does. A connection left open by a client notices at
its next request, not at once, that the process is another. Knows nothing of adb.
"""

from __future__ import annotations

from collections.abc import Callable

from jamel.coverage.jacoco import HEADER
from jamel.coverage.jacoco_remote import ANSWER_END, DEFAULT_PORT, DumpRequest, RequestReader
from jamel.errors import CoverageError
from jamel.virtual_device.adbd import Service, Stream, StreamClosed
from jamel.virtual_device.device import Device


def open_port(device: Device, address: str) -> Service | None:
    """The service of a `tcp:` name, None where nothing listens: the adb server is refused.

    Args:
        device: the device asked.
        address: `port`, or `port:host` with a loopback host.
    """
    port, _, host = address.partition(":")
    known = port == str(DEFAULT_PORT) and host in ("", "localhost", "127.0.0.1")
    if not (known and device.running):
        return None
    process = device.processes
    return lambda stream: _serve(stream, device, lambda: device.processes == process)


def _serve(stream: Stream, device: Device, same_process: Callable[[], bool]) -> None:
    stream.write(HEADER)
    requests = RequestReader(_Incoming(stream))
    while (request := _next(requests)) is not None:
        with device.lock:
            if not (device.running and same_process()):
                return
            answer, whole = _answer(device, request)
        stream.write(answer)
        if not whole:
            return


def _next(requests: RequestReader) -> DumpRequest | None:
    """The next request; a client that breaks the protocol is hung up on, as the agent does."""
    try:
        return requests.next()
    except CoverageError:
        return None


def _answer(device: Device, request: DumpRequest) -> tuple[bytes, bool]:
    """The bytes to send, and whether they are the whole answer: a fault may have cut them."""
    data = executed = device.app.exec_data()
    if request.dump:
        data = device.coverage()
    whole = data == executed or not executed.startswith(data)
    if request.reset and whole:
        device.app.reset_coverage()
    blocks = data.removeprefix(HEADER) if request.dump else b""
    return blocks + (ANSWER_END if whole else b""), whole


class _Incoming:
    """A stream as a file to read: fewer bytes than asked for mean that the client hung up."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self, count: int) -> bytes:
        try:
            return self._stream.read(count)
        except StreamClosed:
            return b""
