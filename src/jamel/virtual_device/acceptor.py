"""A bound socket whose clients are each served in a thread of their own. Knows no protocol."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

JOIN_TIMEOUT_S = 5.0


class Acceptor:
    """Accepts until closed.

    Args:
        listener: the bound socket.
        welcome: gets each client, in the order they come, and returns what serves it.
    """

    def __init__(
        self, listener: socket.socket, welcome: Callable[[socket.socket], Callable[[], None]]
    ) -> None:
        self._listener = listener
        self._welcome = welcome
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def close(self) -> None:
        """Stop accepting; who was welcomed is served on."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(JOIN_TIMEOUT_S)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            serve = self._welcome(client)
            threading.Thread(target=serve, daemon=True).start()
