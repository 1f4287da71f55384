"""An emulator's console: the text protocol on the port its serial names, for snapshots and kill.

The emulator asks for the token in `~/.emulator_console_auth_token`, which it wrote there itself;
https://developer.android.com/studio/run/emulator-console describes both. Knows nothing of adb.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path

from jamel.errors import DeviceError, DeviceLost

TOKEN_FILE = ".emulator_console_auth_token"
_SERIAL = re.compile(r"emulator-(\d{4,5})")


def console_port(serial: str) -> int | None:
    """The port of the device's console; None for a phone, which has none."""
    found = _SERIAL.fullmatch(serial)
    return int(found[1]) if found else None


def console_command(serial: str, command: str, timeout_s: float) -> str:
    """Send one command and return what the emulator said.

    Raises:
        DeviceError: the device has no console, or refused the command.
        DeviceLost: the console does not answer.
    """
    port = console_port(serial)
    if port is None:
        raise DeviceError(
            f"Expected an emulator such as emulator-5554, found {serial}, which has no console. "
            "Only emulators have snapshots."
        )
    token = Path.home() / TOKEN_FILE
    try:
        auth = f"auth {token.read_text().strip()}\n" if token.is_file() else ""
        with socket.create_connection(("127.0.0.1", port), timeout_s) as conn:
            conn.sendall(f"{auth}{command}\nquit\n".encode())
            with conn.makefile("rb") as reply:
                answer = reply.read(65536).decode("utf-8", "replace")
    except OSError as error:
        raise DeviceLost(
            f"The console of {serial} did not answer ({error}). Is the emulator running?"
        ) from error
    if "KO:" in answer:
        raise DeviceError(f"{serial} refused `{command}`: {answer.split('KO:')[1].strip()}")
    return answer
