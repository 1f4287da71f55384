"""The JaCoCo agent's remote control protocol (`output=tcpserver`), as both its sides need it.

As org.jacoco.core's RemoteControlWriter and RemoteControlReader speak it, one byte stream each
way, each beginning with the execution data's header block:

    client  header  then for each request  40  bool dump  bool reset
    agent   header  then for each answer   session and class blocks if `dump`, then 20

Knows nothing of sockets, of adb or of how an app runs.
"""

from __future__ import annotations

from typing import NamedTuple

from jamel.coverage.jacoco import HEADER, BlockReader, Readable
from jamel.coverage.probes import ProbeSet
from jamel.errors import CoverageError

DEFAULT_PORT = 6300
_OK, _DUMP = 0x20, 0x40
ANSWER_END = bytes([_OK])


class DumpRequest(NamedTuple):
    """What a client asks for: the coverage so far, or that it begin at nothing, or both."""

    dump: bool = True
    reset: bool = False


def encode_request(request: DumpRequest) -> bytes:
    """A client's first bytes: header and one request."""
    return HEADER + bytes([_DUMP, request.dump, request.reset])


def read_answer(stream: Readable) -> ProbeSet:
    """The probes in an agent's answer to one request.

    Raises:
        CoverageError: no agent answers there, or the answer is cut short or ill-formed.
    """
    reader = BlockReader(stream)
    while (kind := reader.kind()) != _OK:
        if kind is None:
            raise CoverageError(
                f"The agent's answer ends after {reader.position} bytes without the 20 that "
                "closes it: the app's process ended meanwhile. Ask again once it runs."
            )
        reader.block(kind)
    return reader.probes()


class RequestReader:
    """The agent's side of one connection: the client's header, then its requests.

    Args:
        stream: what the client sends.
    """

    def __init__(self, stream: Readable) -> None:
        self._reader = BlockReader(stream)

    def next(self) -> DumpRequest | None:
        """The next request, None once the client has hung up.

        Raises:
            CoverageError: the client speaks another version or protocol.
        """
        while (kind := self._reader.kind()) is not None:
            if kind == _DUMP:
                flags = self._reader.take(2, "a request")
                return DumpRequest(bool(flags[0]), bool(flags[1]))
            if kind != HEADER[0]:
                raise CoverageError(
                    f"Expected a client of JaCoCo's agent to send 01 or 40, found {kind:02x}. "
                    "Ask with JaCoCo's own dump tool, or with jamel."
                )
            self._reader.block(kind)
        return None
