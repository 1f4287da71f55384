"""A running device for clients to drive, and the adb command line bound to it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jamel.virtual_device.apk import ApkManifest, write_apk
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.server import AdbServer, VirtualDevice, adb_executable

Adb = Callable[..., tuple[int, bytes, bytes]]


@pytest.fixture(scope="module")
def server() -> Iterator[AdbServer]:
    """An adb server of the module's own, which its tests may restart."""
    running = AdbServer().start()
    yield running
    running.close()


@pytest.fixture
def phone(server: AdbServer) -> Iterator[VirtualDevice]:
    """A freshly started device."""
    running = VirtualDevice(App(build_app(3)), server)
    running.start()
    yield running
    running.close()


@pytest.fixture
def cli(phone: VirtualDevice, tmp_path: Path) -> Adb:
    """The adb command line on `phone`: exit code, stdout, stderr."""
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}

    def run(*args: str, stdin: bytes = b"", serial: bool = True) -> tuple[int, bytes, bytes]:
        head = [adb_executable(), "-P", str(phone.adb.port)]
        head += ["-s", phone.serial] if serial else []
        ended = subprocess.run(
            [*head, *args], input=stdin, capture_output=True, timeout=30, env=environment
        )
        return ended.returncode, ended.stdout, ended.stderr

    return run


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    """Some app's APK file."""
    path = tmp_path / "other.apk"
    path.write_bytes(write_apk(ApkManifest("com.other.app", 3, "3.1", "com.other.app.Main")))
    return path
