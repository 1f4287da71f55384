"""The emulator console: the text protocol on the port below adbd's, for snapshots and kill.

`adb emu avd snapshot save NAME` arrives here. Listens on loopback only. With a token, only what an
emulator allows before `auth TOKEN` is answered; without one, as an emulator whose token file is
empty, nothing needs it. Knows nothing of adb.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from functools import partial

from jamel.virtual_device.acceptor import Acceptor
from jamel.virtual_device.device import Device

BANNER = "Android Console: type 'help' for a list of commands\r\nOK\r\n"
AUTH_BANNER = (
    "Android Console: Authentication required\r\n"
    "Android Console: type 'auth <auth_token>' to authenticate\r\n"
    "Android Console: you can find your <auth_token> in \r\n"
    "'.emulator_console_auth_token'\r\nOK\r\n"
)
HELP = (
    "Android console commands:\r\n    help|h|?         prints a list of commands\r\n"
    "    ping             check if the emulator is alive\r\n"
    "    avd              control virtual device execution\r\n"
    "    kill             terminate the emulator instance\r\n"
    "    rotate           rotate the screen clockwise by 90 degrees\r\n"
    "    quit|exit        quit control session\r\nOK\r\n"
)
MAX_LINE = 4096


class Console:
    """Accepts console clients until closed.

    Args:
        listener: the bound socket.
        device: what is controlled.
        kill: called when a client asks for it.
        name: the virtual device's name.
        token: what `auth` has to be given; "" for none.
    """

    def __init__(
        self,
        listener: socket.socket,
        device: Device,
        kill: Callable[[], None],
        name: str = "jamel_virtual",
        token: str = "",
    ) -> None:
        self._acceptor = Acceptor(listener, self._welcome)
        self._device = device
        self._kill = kill
        self._name = name
        self._token = token
        self._clients: set[socket.socket] = set()

    def start(self) -> None:
        """Begin to accept."""
        self._acceptor.start()

    def close(self) -> None:
        """Stop accepting and hang up."""
        self._acceptor.close()
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _welcome(self, client: socket.socket) -> Callable[[], None]:
        self._clients.add(client)
        return partial(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        trusted = not self._token
        with contextlib.suppress(OSError), client, client.makefile("rb") as lines:
            client.sendall((BANNER if trusted else AUTH_BANNER).encode())
            while line := lines.readline(MAX_LINE):
                words = line.decode("utf-8", "replace").split()
                if words[:1] in (["quit"], ["exit"]):
                    break
                if words[:1] == ["auth"]:
                    trusted, answer = self._authenticate(words)
                else:
                    answer = self._answer(words, trusted)
                client.sendall(answer.encode())
                if words[:1] == ["kill"] and trusted:
                    self._kill()
                    break
        self._clients.discard(client)

    def _authenticate(self, words: list[str]) -> tuple[bool, str]:
        if not self._token or words[1:] == [self._token]:
            return True, BANNER
        if len(words) != 2:
            return False, "KO: missing authentication token\r\n"
        return False, "KO: authentication token does not match ~/.emulator_console_auth_token\r\n"

    def _answer(self, words: list[str], trusted: bool) -> str:
        if not words:
            return "OK\r\n"
        if words[0] in ("help", "h", "?", "help-verbose"):
            return HELP
        if words[0] == "ping":
            return "I am alive!\r\nOK\r\n"
        if words[:2] == ["avd", "name"]:
            return f"{self._name}\r\nOK\r\n"
        if not trusted:
            return "KO: unknown command, try 'help'\r\n"
        if words[0] == "kill":
            return "OK: killing emulator, bye bye\r\n"
        if words[:2] == ["avd", "status"]:
            return "virtual device is running\r\nOK\r\n"
        if words[:2] == ["avd", "snapshot"]:
            with self._device.lock:
                return self._snapshot(words[2:])
        if words[0] == "rotate":
            with self._device.lock:
                self._device.rotate()
            return "OK\r\n"
        if words[0] == "avd":
            return "KO: bad sub-command\r\n" if words[1:] else "KO: missing sub-command\r\n"
        return "KO: unknown command, try 'help'\r\n"

    def _snapshot(self, words: list[str]) -> str:
        device = self._device
        if words[:1] == ["list"]:
            return self._list_snapshots()
        if len(words) != 2:
            return "KO: argument missing, try 'avd snapshot <load/save/delete> <name>'\r\n"
        what, name = words
        if what == "save":
            device.save_snapshot(name)
            return "OK\r\n"
        missing = f"KO: Device 'cache' does not have the requested snapshot '{name}'\r\n"
        if what == "load":
            return "OK\r\n" if device.load_snapshot(name) else missing
        if what in ("delete", "del", "remove"):
            device.saved_s.pop(name, None)
            return "OK\r\n" if device.snapshots.pop(name, None) else missing
        return "KO: bad sub-command\r\n"

    def _list_snapshots(self) -> str:
        device = self._device
        if not device.snapshots:
            return "There is no snapshot available.\r\nOK\r\n"
        lines = [
            "List of snapshots present on all disks:\r\n",
            "ID        TAG                 VM SIZE                DATE       VM CLOCK\r\n",
        ]
        for name in device.snapshots:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(device.saved_s.get(name, 0.0)))
            lines.append(f"--        {name:<20}   1M {when}   00:00:00.000\r\n")
        return "".join(lines) + "OK\r\n"
