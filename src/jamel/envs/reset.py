"""How an app returns to a new session's state: cleared, from a snapshot, or installed again.

Knows nothing of coverage or screens; starts no app.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from jamel.envs.adb_connection import AdbShell
from jamel.envs.adb_recovery import SteadyShell
from jamel.envs.emulator_console import console_command
from jamel.envs.emulator_snapshots import SNAPSHOT_TIMEOUT_S
from jamel.errors import AppMissing, DeviceError, DeviceLost

OWN_SNAPSHOT = "jamel-reset"
"""What a device that was started for its sessions saves once the app is installed and cleared."""


class AppReset:
    """The policy for one package on one device.

    Args:
        shell: the device.
        package: the app.
        policy: `clear_data` (a second on a real device, what the app keeps elsewhere stays),
            `snapshot` (the whole device returns) or `reinstall` (slowest; permissions too).
        snapshot: the emulator snapshot that `snapshot` loads.
        apk: what `reinstall` installs; also installed where the app is missing.
    """

    def __init__(
        self,
        shell: AdbShell | SteadyShell,
        package: str,
        policy: str = "clear_data",
        snapshot: str = "",
        apk: str = "",
    ) -> None:
        self._shell = shell
        self._package = package
        self._policy = policy
        self._snapshot = snapshot
        self._apk = apk

    def install_if_missing(self) -> None:
        """Install the APK, if there is one and the device lacks the package. Raises DeviceError."""
        if self._apk and b"package:" not in self._shell.run(f"pm path {self._package}").stdout:
            self._install()

    def save_snapshot(self) -> None:
        """Keep the device with the app cleared, for `snapshot` to return to."""
        self._shell.run(f"pm clear {self._package}")
        console_command(
            self._shell.serial, f"avd snapshot save {self._snapshot}", SNAPSHOT_TIMEOUT_S
        )

    def script(self) -> str:
        """Reset, as far as the shell is not needed for it; returns the shell script of the rest.

        Raises:
            DeviceError: no such snapshot, or the APK cannot be installed.
        """
        if self._policy == "snapshot":
            console_command(
                self._shell.serial, f"avd snapshot load {self._snapshot}", SNAPSHOT_TIMEOUT_S
            )
            # A real emulator drops its connection while it loads.
            self._shell.await_device()
            return f"am force-stop {self._package}"
        if self._policy == "reinstall":
            self._shell.run(f"pm uninstall {self._package}")
            self._install()
            return "true"
        return f"pm clear {self._package}"

    def _install(self) -> None:
        data, name = read_apk(self._apk), Path(self._apk).name
        # The name tells the content: pushed once to a device, however many sessions install it.
        target = f"/data/local/tmp/jamel-{hashlib.sha256(data).hexdigest()[:16]}.apk"
        there = self._shell.run(f"wc -c < {target} 2>/dev/null").stdout.strip()
        if there != str(len(data)).encode():
            self._push(data, target)
        # -g grants what the app asks for at run time, -t lets debug builds in.
        done = self._shell.run(f"pm install -r -t -g {target}")
        if b"Success" not in done.stdout:
            raise DeviceError(
                f"Expected {name} to be installed on {self._shell.serial}, found: "
                f"{done.text()!r}. Try `adb -s {self._shell.serial} install -t {name}`."
            )

    def _push(self, data: bytes, target: str) -> None:
        from adbutils import AdbClient, AdbError

        client = AdbClient("127.0.0.1", self._shell.adb_port, self._shell.timeout_s)
        try:
            client.device(self._shell.serial).sync.push(data, target)
        except (AdbError, OSError, EOFError) as error:
            raise DeviceLost(
                f"{self._shell.serial} went away while {len(data)} bytes were pushed "
                f"({type(error).__name__}: {error}). Reconnect it and start a new session."
            ) from error


def read_apk(path: str) -> bytes:
    """The APK file. Raises AppMissing where there is none."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise AppMissing(
            f"Expected the app's APK at {path}, found: {error.strerror}. Build it, or set "
            "device.apk."
        ) from None
