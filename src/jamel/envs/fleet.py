"""Emulators for the length of a piece of work: started together, watched, replaced when sick.

One thread an emulator looks after it. A replacement has the serial of the one it replaces, so
that whoever waits for that serial needs not be told. Knows nothing of sessions.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jamel.config import DeviceConfig
from jamel.envs.adb_connection import AdbShell
from jamel.envs.boot import await_boot, is_healthy, quieten
from jamel.envs.emulator import Emulator, emulator_command, find_emulator, list_avds
from jamel.envs.lease import Lease, being_made, try_lease
from jamel.envs.reset import OWN_SNAPSHOT, AppReset
from jamel.envs.room import check_room
from jamel.errors import DeviceError, DeviceLost, DeviceMissing
from jamel.virtual_device.server import AdbServer

LAST_PORT = 5682
MISSES = 2
"""So many silent looks in a row make an emulator sick; one is a snapshot being loaded."""
LOOK_S = 0.2
START_TRIES = 2


class Fleet:
    """The emulators of `device.avds`; a context manager.

    Args:
        device: the profile's section.
        count: how many to start, at most as many as AVDs are named.
    """

    def __init__(self, device: DeviceConfig, count: int) -> None:
        self._config = device
        self._avds = device.avds[:count]
        self._berths: list[Berth] = []
        self._adb: AdbServer | None = None
        self.device = device

    def __enter__(self) -> Fleet:
        """Start everything and wait until all have booted.

        Raises:
            DeviceError: no emulator, no such AVD, no room, or one does not boot.
        """
        config = self._config.emulator
        executable = find_emulator(config.executable)
        check_avds(self._avds, list_avds(executable))
        check_room(config, len(self._avds))
        try:
            self._start(executable)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End every emulator, in order where it still listens."""
        with ThreadPoolExecutor(max(1, len(self._berths))) as pool:
            list(pool.map(Berth.close, self._berths))
        self._berths = []
        if self._adb is not None:
            self._adb.close()
            self._adb = None

    def _start(self, executable: str) -> None:
        adb_port = self._config.adb_port or self._private_server()
        AdbServer.at(adb_port).request("host:version")
        self.device = _running(self._config, (), adb_port)
        for avd in self._avds:
            self._berths.append(Berth(self.device, executable, avd))
        serials = tuple(berth.serial for berth in self._berths)
        self.device = _running(self._config, serials, adb_port)
        with ThreadPoolExecutor(len(self._berths)) as pool:
            list(pool.map(Berth.open, self._berths))

    def _private_server(self) -> int:
        key = Path.home() / ".android" / "adbkey"
        self._adb = AdbServer(vendor_keys=str(key) if key.is_file() else "").start()
        return self._adb.port


class Berth:
    """A serial that has a healthy emulator, or will have one again.

    Args:
        device: the profile's section, with the port of the adb server.
        executable: the emulator's.
        avd: what it runs.
    """

    def __init__(self, device: DeviceConfig, executable: str, avd: str) -> None:
        self._device = device
        self._config = device.emulator
        self._port, self._lease = _free_port(self._config.first_port)
        self.serial = f"emulator-{self._port}"
        # The snapshot that it boots from may be what does not come up, as after `reboot -p`.
        cold = self._config.model_copy(update={"snapshot": ""})
        self._command, self._cold_command = (
            emulator_command(config, executable, avd, self._port) for config in (self._config, cold)
        )
        self._emulator: Emulator | None = None
        self._off = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def open(self) -> None:
        """Start the emulator, wait until it is ready, and begin to watch it.

        Raises:
            DeviceError: it did not boot, twice; the second time cold.
        """
        self._bring_up(START_TRIES)
        self._watcher.start()

    def close(self) -> None:
        """Stop watching and end the emulator; closing twice is harmless."""
        self._off.set()
        if self._emulator is not None:
            self._emulator.ask_to_end()
        if self._watcher.ident is not None:
            self._watcher.join()
        self._end()
        self._lease.close()

    def _bring_up(self, tries: int) -> None:
        for left in range(tries - 1, -1, -1):
            try:
                with contextlib.closing(being_made(self.serial)):
                    self._emulator = Emulator(self._command, self._port, self._device.adb_port)
                    self._make_ready()
                return
            except DeviceError:
                self._end()
                self._command = self._cold_command
                if not left or self._off.is_set():
                    raise

    def _make_ready(self) -> None:
        """Wait for Android, then for the app and the snapshot that sessions return to."""
        port, device = self._device.adb_port, self._device
        await_boot(self.serial, port, self._config.boot_timeout_s, self._still_wanted)
        shell = AdbShell(self.serial, port, device.step_timeout_s)
        quieten(shell)
        reset = AppReset(shell, device.package, device.reset, device.reset_snapshot, device.apk)
        reset.install_if_missing()
        if device.reset == "snapshot" and device.reset_snapshot == OWN_SNAPSHOT:
            reset.save_snapshot()

    def _still_wanted(self) -> None:
        if self._off.is_set():
            raise DeviceMissing(f"{self.serial} is no longer wanted. Nothing needs to be done.")
        if self._emulator is not None and not self._emulator.alive():
            raise DeviceLost(
                f"Expected {self.serial} to boot, but its emulator ended and said: "
                f"{self._emulator.last_words()!r}. Mend that, or try `{' '.join(self._command)}`."
            )

    def _watch(self) -> None:
        """Replace the emulator whenever it is sick, so many times."""
        left = self._config.replacements
        while self._await_sickness() and left:
            left -= 1
            self._end()
            with contextlib.suppress(DeviceError):
                self._bring_up(1)

    def _await_sickness(self) -> bool:
        """Return once the emulator is dead or silent; False when it is not to be watched."""
        misses = 0
        shell = AdbShell(self.serial, self._device.adb_port, self._config.health_s)
        looks = max(1, round(self._config.health_s / LOOK_S))
        number = 0
        while not self._off.wait(LOOK_S):
            if self._emulator is None or not self._emulator.alive():
                return True
            number += 1
            if number % looks == 0:
                misses = 0 if is_healthy(shell) else misses + 1
                if misses == MISSES:
                    return True
        return False

    def _end(self) -> None:
        emulator, self._emulator = self._emulator, None
        if emulator is not None:
            emulator.close(patience_s=10.0 if self._off.is_set() else 0.0)


def check_avds(wanted: Sequence[str], there: Sequence[str]) -> None:
    """Raise DeviceMissing for an AVD that does not exist."""
    missing = sorted(set(wanted) - set(there))
    if missing:
        raise DeviceMissing(
            f"Expected the AVD {missing[0]}, found {', '.join(there) or 'none'}. Make it with "
            f"`avdmanager create avd -n {missing[0]} -k IMAGE`, or set device.avds."
        )


def _running(device: DeviceConfig, serials: tuple[str, ...], adb_port: int) -> DeviceConfig:
    """The section as sessions need it: with what runs, and the snapshot by name."""
    update: dict[str, object] = {"serials": serials, "adb_port": adb_port}
    if device.reset == "snapshot" and not device.reset_snapshot:
        update["reset_snapshot"] = OWN_SNAPSHOT
    return device.model_copy(update=update)


def _free_port(first: int) -> tuple[int, Lease]:
    """A console port with the one above it, taken for as long as the lease is held."""
    for port in range(first, LAST_PORT + 1, 2):
        lease = try_lease(f"ports of emulator-{port}")
        if lease is None:
            continue
        if _is_free(port) and _is_free(port + 1):
            return port, lease
        lease.close()
    raise DeviceMissing(
        f"Expected a free pair of ports between {first} and {LAST_PORT + 1}, found none. End some "
        "emulators, or lower device.emulator.first_port."
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
