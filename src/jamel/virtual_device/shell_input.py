"""A command's standard input: all of it, or a line at a time, from whatever brings it."""

from __future__ import annotations

from collections.abc import Callable


class Stdin:
    """Standard input: everything when called; `more` brings bytes, b"" at its end."""

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more = more
        self._pending = bytearray()
        self._ended = False

    @classmethod
    def of(cls, content: bytes) -> Stdin:
        """An input that holds these bytes."""
        chunks = iter((content,))
        return cls(lambda: next(chunks, b""))

    def __call__(self) -> bytes:
        while not self._ended:
            self._fill()
        return self._take(len(self._pending))

    def line(self) -> bytes:
        """Up to and with the next newline; b"" at the end."""
        while b"\n" not in self._pending and not self._ended:
            self._fill()
        at = self._pending.find(b"\n")
        return self._take(at + 1 if at >= 0 else len(self._pending))

    def _fill(self) -> None:
        chunk = self._more()
        self._ended = not chunk
        self._pending += chunk

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken
