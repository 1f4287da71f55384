"""When a device is ready: listed by adb, booted, and its package service at work.

`adb wait-for-device` returns long before that. Knows nothing of who started the device.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from jamel.envs.adb_connection import AdbShell
from jamel.errors import DeviceError, DeviceLost, DeviceMissing
from jamel.virtual_device.server import AdbServer

PROBE_TIMEOUT_S = 15.0
POLL_S = 0.25
BOOTED = "getprop sys.boot_completed"
_READY = f"{BOOTED}; pm list packages android"
QUIET = {
    "hide_error_dialogs": "1",
    "window_animation_scale": "0",
    "transition_animation_scale": "0",
    "animator_duration_scale": "0",
}
"""Global settings: dialogs of crashed apps steal the focus, animations keep uiautomator busy."""


def await_boot(
    serial: str, adb_port: int, timeout_s: float, check: Callable[[], None] = lambda: None
) -> None:
    """Return once apps can be started on the device.

    Args:
        check: is called between looks, and raises when waiting has become pointless.

    Raises:
        AdbMissing: no adb server on the port.
        DeviceMissing: the device was not ready in time.
    """
    shell = AdbShell(serial, adb_port, min(PROBE_TIMEOUT_S, timeout_s))
    deadline = time.monotonic() + timeout_s
    found = "nothing"
    while time.monotonic() < deadline:
        check()
        try:
            if is_ready(shell):
                return
            found = "that Android still boots"
        except (DeviceLost, DeviceMissing) as error:
            found = str(error).split(". ")[0]
            _announce(serial, adb_port)
        time.sleep(POLL_S)
    raise DeviceMissing(
        f"Expected {serial} to be ready within {timeout_s:g} s, found: {found}. Start it by hand "
        "to see what it says, or raise device.emulator.boot_timeout_s."
    )


def is_ready(shell: AdbShell) -> bool:
    """Whether Android has booted and lists its packages."""
    lines = shell.run(_READY).stdout.decode("utf-8", "replace").split()
    return lines[:1] == ["1"] and "package:android" in lines


def is_healthy(shell: AdbShell) -> bool:
    """Whether the device still answers, at the price of one property."""
    try:
        return shell.run(BOOTED).stdout.strip() == b"1"
    except DeviceError:
        return False


def quieten(shell: AdbShell) -> None:
    """No crash dialogs and no animations: for devices of our own, not for a user's phone."""
    shell.run("; ".join(f"settings put global {name} {QUIET[name]}" for name in QUIET))


def _announce(serial: str, adb_port: int) -> None:
    """Tell an adb server that was started anew where the emulator is."""
    port = serial.removeprefix("emulator-")
    if port.isdecimal():
        with contextlib.suppress(DeviceError):
            AdbServer.at(adb_port).request(f"host:emulator:{int(port) + 1}")
