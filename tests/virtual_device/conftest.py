"""A running device for clients to drive, and the adb command line bound to it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jamel.types import Element, centre_px
from jamel.virtual_device.apk import ApkManifest, write_apk
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.device import Device
from jamel.virtual_device.server import AdbServer, VirtualDevice, adb_executable
from jamel.virtual_device.services import COMMANDS
from jamel.virtual_device.shell import Shell
from jamel.virtual_device.shell_input import Stdin

Adb = Callable[..., tuple[int, bytes, bytes]]


def run(device: Device, script: str) -> tuple[int, str, str]:
    """A script on the device's shell, without adb: exit code, output and errors."""
    out, err = bytearray(), bytearray()
    shell = Shell(device, device.files, COMMANDS)
    code = shell.run(script, out.extend, err.extend, Stdin.of(b""))
    return code, out.decode("utf-8", "replace"), err.decode()


def tap(element: Element) -> str:
    """The `input tap` on an element."""
    x_px, y_px = centre_px(element.bounds_px)
    return f"input tap {x_px} {y_px}"


def field_of(device: Device) -> Element:
    """The first text field on the screen."""
    return next(e for e in device.observe().elements if e.cls.endswith("EditText"))


def link_of(device: Device, kind: str) -> str:
    """The command that opens a feature of the device's app by its address."""
    link = next(link for link in device.app.links if link.host == kind)
    return f"am start -a android.intent.action.VIEW -d {link.scheme}://{link.host}"


@pytest.fixture
def searching() -> Device:
    """A device whose app shows a page with a text field."""
    device = Device(App(build_app(3, noise="none")))
    run(device, link_of(device, "search"))
    return device


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
