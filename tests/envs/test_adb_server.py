"""Adb servers and devices that are missing or not ready: what the user is told."""

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import adbutils
import pytest

from jamel.envs.adb_connection import AdbShell
from jamel.errors import AdbMissing, DeviceMissing
from jamel.virtual_device.server import AdbServer, adb_executable

Serve = Callable[[str], int]


@pytest.fixture
def adb_server() -> Iterator[Serve]:
    """An adb server that knows one request, the list of devices."""
    listeners: list[socket.socket] = []

    def serve(devices: str) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=_answer, args=(listener, devices), daemon=True).start()
        return listener.getsockname()[1]

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _answer(listener: socket.socket, devices: str) -> None:
    while True:
        try:
            conn, _ = listener.accept()
        except OSError:
            return
        with conn:
            if conn.recv(4):
                conn.recv(64)
                conn.sendall(f"OKAY{len(devices):04x}{devices}".encode())


@pytest.mark.parametrize("state", ["unauthorized", "offline", "bootloader"])
def test_a_device_that_is_not_ready(adb_server: Serve, state: str) -> None:
    port = adb_server(f"R5CT10ABCDE            {state} usb:1-1 transport_id:3\n")
    with pytest.raises(DeviceMissing, match=f"R5CT10ABCDE is attached but {state}. Unlock it"):
        AdbShell("R5CT10ABCDE", port, 2.0).run("true")


def test_no_device_at_all(adb_server: Serve) -> None:
    with pytest.raises(DeviceMissing, match=r"found none\. Attach it, or set device\.serials"):
        AdbShell("emulator-5554", adb_server(""), 2.0).run("true")


def test_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(AdbMissing, match=f"adb server on port {port}, found none. Start one with"):
        AdbShell("emulator-5554", port, 2.0).run("true")


def test_no_executable(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> str:
        raise adbutils.AdbError("No adb exe could be found. Install adb on your system")

    monkeypatch.setattr(adbutils, "adb_path", absent)
    with pytest.raises(AdbMissing, match=r"that adbutils ships, found none .*install adb"):
        adb_executable()


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"OKAYzzzz", b"FAIL"])
def test_a_port_on_which_something_else_listens(reply: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_say, args=(listener, reply), daemon=True).start()
        port = listener.getsockname()[1]
        with pytest.raises(AdbMissing, match=f"adb server on port {port}, found something that"):
            AdbShell("emulator-5554", port, 2.0).run("true")


def _say(listener: socket.socket, reply: bytes) -> None:
    conn, _address = listener.accept()
    with conn:
        conn.settimeout(1)
        if conn.recv(64):
            conn.sendall(reply)


def test_an_executable_that_does_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "adb"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("ADBUTILS_ADB_PATH", str(broken))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(AdbMissing, match=r"ended at once with code 3\. Run `.*adb version`"):
        AdbServer().start()
    assert [path.name for path in tmp_path.iterdir()] == ["adb"]
