"""Bringing devices up: a private adb server, and virtual devices registered with it.

The adb server is the real one that adbutils ships, on a free port of its own: a shared server on
the default port is never used, started or killed. A device listens on loopback, on an odd port
with the emulator console below it, so that its serial is `emulator-<console port>`.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial

from jamel.errors import AdbMissing, DeviceMissing
from jamel.virtual_device.adbd import Adbd, banner
from jamel.virtual_device.console import Console
from jamel.virtual_device.device import Device
from jamel.virtual_device.faults import Faults
from jamel.virtual_device.running_app import RunningApp
from jamel.virtual_device.services import open_service

FIRST_PORT, LAST_PORT = 5555, 6553
START_TIMEOUT_S = 20.0
RECONNECT_S = 0.3
UNWELL_S = 0.6
"""How long a device that was struck stays offline or unauthorized."""
# Becomes the adb server; when our end of the pipe closes, however we end, a watcher ends it and
# removes its home, the folder it runs in.
_END_WITH_US = (
    'exec 3<&0; (cat <&3 >/dev/null; kill $$; sleep 0.2; case "$PWD" in */jamel-adb-*) '
    'rm -rf "$PWD";; esac) & exec "$0" "$@" </dev/null 3<&-'
)


class AdbServer:
    """A private adb server process, ended by `close`.

    Args:
        vendor_keys: an adb private key to show to devices beside its own; emulators trust the
            user's, which the server's home of its own would hide from it.
    """

    def __init__(self, vendor_keys: str = "") -> None:
        self.port = 0
        self._vendor_keys = vendor_keys
        self._process: subprocess.Popen[bytes] | None = None
        self._home = ""

    @classmethod
    def at(cls, port: int) -> AdbServer:
        """A server that someone else runs: it can be asked, and is never ended."""
        server = cls()
        server.port = port
        return server

    def start(self) -> AdbServer:
        """Start the process and wait until it answers. Raises AdbMissing."""
        adb = adb_executable()
        self._home = tempfile.mkdtemp(prefix="jamel-adb-")
        self.port = self.port or _free_port()
        atexit.register(self.close)
        try:
            self._process = self._spawn(adb)
            if not _comes_true(self._answers):
                raise AdbMissing(
                    f"The adb server on port {self.port} did not answer within "
                    f"{START_TIMEOUT_S:.0f} s. Try again."
                )
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """End the process this object started; closing twice is harmless."""
        atexit.unregister(self.close)
        process, self._process = self._process, None
        # It may be started again, with another home, while the old process ends.
        home, self._home = self._home, ""
        if process is not None:
            _end(process)
        if home:
            shutil.rmtree(home, ignore_errors=True)

    def request(self, service: str) -> bytes:
        """Send one host service, return its reply. Raises AdbMissing when the server is gone."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as conn:
                encoded = service.encode()
                conn.sendall(f"{len(encoded):04x}".encode() + encoded)
                reply = bytearray()
                while chunk := conn.recv(65536):
                    reply += chunk
                return bytes(reply)
        except OSError as error:
            raise AdbMissing(
                f"Expected an adb server on port {self.port}, found none ({error}). Start one "
                f"with `adb -P {self.port} start-server`."
            ) from error

    def _spawn(self, adb: str) -> subprocess.Popen[bytes]:
        address = f"tcp:localhost:{self.port}"
        return subprocess.Popen(
            ["sh", "-c", _END_WITH_US, adb, "-L", address, "nodaemon", "server"],
            env=self._environment(),
            cwd=self._home,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C and kills reach whole process groups: the watcher has to outlive ours.
            start_new_session=True,
        )

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def _answers(self) -> bool:
        process = self._process
        if process is not None and process.poll() is not None:
            raise AdbMissing(
                f"The adb server ended at once with code {process.returncode}. "
                f"Run `{adb_executable()} version` to see why."
            )
        try:
            return self.request("host:version").startswith(b"OKAY")
        except AdbMissing:
            return False

    def _environment(self) -> dict[str, str]:
        # A home of its own keeps keys out of the user's; no scan, so that other devices on this
        # machine stay with whoever started them.
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": self._home,
            "TMPDIR": self._home,
            # A lowest port to scan up to is read too late by one server in ten: it scans all the
            # same, and takes the devices of other processes. Without emulators it never scans.
            "ADB_EMU": "0",
            "ADB_MDNS_OPENSCREEN": "0",
            "ADB_MDNS_AUTO_CONNECT": "0",
            "ADB_USB": "0",
            **({"ADB_VENDOR_KEYS": self._vendor_keys} if self._vendor_keys else {}),
        }


class VirtualDevice:
    """A virtual device with one running app, reachable through an adb server.

    Args:
        app: the app it runs.
        adb: the server to register with; one private server a process is shared by default.
        name: what `adb emu avd name` says.
        console_token: what the console's `auth` needs; "" for none, as an emulator whose
            ~/.emulator_console_auth_token is empty.
        live_coverage: whether the app's coverage file is always up to date, or written when a
            broadcast asks for it.
    """

    def __init__(
        self,
        app: RunningApp,
        adb: AdbServer | None = None,
        *,
        name: str = "jamel_virtual",
        console_token: str = "",
        live_coverage: bool = True,
    ) -> None:
        self._name, self._console_token = name, console_token
        self.device = Device(app, live_coverage=live_coverage)
        self.adb = adb or shared_adb_server()
        self.port = 0
        self._open = False
        self._off = threading.Event()
        self._adbd: Adbd | None = None
        self._tcp: tuple[int, Adbd] | None = None
        self._console: Console | None = None

    @property
    def serial(self) -> str:
        """What adb calls the device."""
        return f"emulator-{self.port - 1}"

    @property
    def faults(self) -> Faults:
        """How the device is to misbehave."""
        return self.device.faults

    def start(self, console_port: int | None = None) -> str:
        """Listen, register, and wait until adb can use the device; returns the serial.

        Args:
            console_port: an even port, with adbd on the one above; any free pair by default.

        Raises:
            AdbMissing: the adb server is gone.
            DeviceMissing: no port is free, or the device did not come up.
        """
        console, adbd, self.port = _listen_on_pair(console_port)
        self._adbd = self._serve(adbd, self._came_back)
        self._console = Console(console, self.device, self._kill, self._name, self._console_token)
        self._open = True
        self._off.clear()
        self._adbd.start()
        self._console.start()
        try:
            self.register()
            if not _comes_true(self._attached):
                raise DeviceMissing(
                    f"{self.serial} did not come up within {START_TIMEOUT_S:.0f} s. Try again."
                )
        except BaseException:
            self.close()
            raise
        return self.serial

    def _serve(self, listener: socket.socket, on_hang_up: Callable[[], None]) -> Adbd:
        said = banner("jamel_virtual", "JamelVirtual", "jamel_virtual")
        return Adbd(listener, said, partial(open_service, self.device, self.vanish), on_hang_up)

    def register(self) -> None:
        """Tell the adb server where the device is."""
        self.adb.request(f"host:emulator:{self.port}")

    def vanish(self) -> None:
        """Do what the fault that struck does to the connection; by default drop it.

        The device comes back by itself, save from `death`; an adb server that was killed comes
        back by `revive`.
        """
        struck, self.faults.struck = self.faults.struck, "vanish"
        if struck == "death":
            self.close()
        elif struck == "adb_killed":
            with _shared_lock:
                self.adb.close()
        elif struck == "reboot":
            self.device.reboot()
        elif struck in ("offline", "unauthorized") and self._adbd is not None:
            self._adbd.reception = struck
            self._later(UNWELL_S, self._get_well)
        if self._adbd is not None:
            self._adbd.drop()
        self._listen_over_tcp()

    def _listen_over_tcp(self) -> None:
        """Listen where `adb tcpip` said too, or no longer; a port that is taken stays another's."""
        wanted = self.device.tcp_port if self._open else 0
        if self._tcp is not None:
            port, adbd = self._tcp
            adbd.drop()
            if port == wanted:
                return
            adbd.close()
            self._tcp = None
        listener = _listen(wanted) if wanted else None
        if listener is not None:
            self._tcp = wanted, self._serve(listener, lambda: None)
            self._tcp[1].start()

    def revive(self) -> None:
        """Start the adb server again where it ended, on its port, and register with it."""
        with _shared_lock:
            if not self.adb.alive():
                self.adb.start()
        self.register()

    def _later(self, delay_s: float, what: Callable[[], None]) -> None:
        timer = threading.Timer(delay_s, what)
        timer.daemon = True
        timer.start()

    def _get_well(self) -> None:
        if self._adbd is not None:
            self._adbd.reception = ""
            self._adbd.drop()

    def wait(self) -> None:
        """Return once the device is switched off, by `adb emu kill` for one."""
        self._off.wait()

    def close(self) -> None:
        """Switch the device off; closing twice is harmless."""
        self._open = False
        if self._console is not None:
            self._console.close()
        if self._adbd is not None:
            self._adbd.close()
        self._listen_over_tcp()
        self._off.set()

    def _kill(self) -> None:
        threading.Thread(target=self.close, daemon=True).start()

    def _came_back(self) -> None:
        """Register again, for as long as it takes: a killed adb server may be started later."""
        registered = False
        while self._open and not registered:
            self._off.wait(RECONNECT_S)
            with contextlib.suppress(AdbMissing, DeviceMissing):
                self.register()
                registered = self._attached()

    def _attached(self) -> bool:
        if not self._open:
            raise DeviceMissing(f"{self.serial} was switched off while it started. Start it again.")
        connected = self._adbd is not None and self._adbd.connected
        lines = self.adb.request("host:devices").decode("utf-8", "replace").splitlines()
        if connected and any(line.endswith(f"{self.serial}\tdevice") for line in lines):
            return True
        # The server refuses a serial while it still forgets the device that had it last; and who
        # is connected may be another server, which found the device by scanning.
        self.register()
        return False


_shared: AdbServer | None = None
_shared_lock = threading.Lock()


def shared_adb_server() -> AdbServer:
    """The adb server of this process, started on first use and ended with the process."""
    global _shared
    with _shared_lock:
        if _shared is None or not _shared._answers():
            _shared = AdbServer().start()
        return _shared


def adb_executable() -> str:
    """The adb on the PATH, else the one that adbutils ships. Raises AdbMissing."""
    try:
        import adbutils

        path = os.path.abspath(adbutils.adb_path())
    except Exception as error:
        raise AdbMissing(
            f"Expected the adb executable that adbutils ships, found none ({error}). "
            "Reinstall adbutils from a platform wheel, or install adb and put it on the PATH."
        ) from error
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listen_on_pair(
    console_port: int | None = None,
) -> tuple[socket.socket, socket.socket, int]:
    """Bound console and adbd sockets on an even port and the odd one above it."""
    wanted = range(FIRST_PORT, LAST_PORT, 2) if console_port is None else (console_port + 1,)
    for port in wanted:
        console = _listen(port - 1)
        if console is None:
            continue
        adbd = _listen(port)
        if adbd is not None:
            return console, adbd, port
        console.close()
    raise DeviceMissing(
        f"Expected a free pair of ports between {wanted[0] - 1} and {wanted[-1]}, found none. "
        "End some virtual devices."
    )


def _listen(port: int) -> socket.socket | None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(16)
    except OSError:
        listener.close()
        return None
    return listener


def _comes_true(condition: Callable[[], bool]) -> bool:
    """Wait for a condition; False when it does not hold in time."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the pipe that keeps the process; kill it when that is not enough."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)
