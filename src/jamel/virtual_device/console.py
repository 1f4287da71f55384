"""The emulator console: the text protocol on the port below adbd's, for snapshots and kill.

`adb emu avd snapshot save NAME` arrives here. Listens on loopback only and needs no token, as an
emulator whose token file is empty. Knows nothing of adb.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from jamel.virtual_device.device import Device

BANNER = "Android Console: type 'help' for a list of commands\r\nOK\r\n"
MAX_LINE = 4096


class Console:
    """Accepts console clients until closed. `kill` is called when a client asks for it."""

    def __init__(
        self, listener: socket.socket, device: Device, kill: Callable[[], None]
    ) -> None:  # fmt: skip
        self._listener = listener
        self._device = device
        self._kill = kill
        self._clients: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def close(self) -> None:
        """Stop accepting and hang up."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._clients.add(client)
        with contextlib.suppress(OSError), client, client.makefile("rb") as lines:
            client.sendall(BANNER.encode())
            while line := lines.readline(MAX_LINE):
                words = line.decode("utf-8", "replace").split()
                if words[:1] in (["quit"], ["exit"]):
                    break
                client.sendall(self._answer(words).encode())
                if words[:1] == ["kill"]:
                    self._kill()
                    break
        self._clients.discard(client)

    def _answer(self, words: list[str]) -> str:
        if not words or words[0] == "auth":
            return "OK\r\n"
        if words[0] == "help":
            return "    avd snapshot list|save|load|delete\r\n    kill\r\n    quit\r\nOK\r\n"
        if words[0] == "kill":
            return "OK: killing emulator, bye bye\r\n"
        if words[:2] == ["avd", "name"]:
            return "jamel_virtual\r\nOK\r\n"
        if words[:2] == ["avd", "snapshot"]:
            with self._device.lock:
                return self._snapshot(words[2:])
        return "KO: unknown command, try 'help'\r\n"

    def _snapshot(self, words: list[str]) -> str:
        device = self._device
        if words[:1] == ["list"]:
            return "".join(f"{name}\r\n" for name in device.snapshots) + "OK\r\n"
        if len(words) != 2:
            return "KO: argument missing\r\n"
        what, name = words
        if what == "save":
            device.save_snapshot(name)
            return "OK\r\n"
        if what == "load":
            return "OK\r\n" if device.load_snapshot(name) else "KO: snapshot not found\r\n"
        if what in ("delete", "del"):
            found = device.snapshots.pop(name, None)
            return "OK\r\n" if found else "KO: snapshot not found\r\n"
        return "KO: bad sub-command\r\n"
