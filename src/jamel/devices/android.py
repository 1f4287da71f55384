"""The world of real devices: one app on phones, running emulators, or AVDs started for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from jamel.config import DeviceConfig
from jamel.coverage.class_list import read_class_list
from jamel.devices.world import World
from jamel.envs.android import AndroidEnv, attach_env
from jamel.envs.boot import await_boot
from jamel.envs.emulator_console import console_port
from jamel.envs.lease import being_made, lease_device
from jamel.envs.linked import LinkedEnv
from jamel.envs.reset import read_apk
from jamel.errors import ConfigError, DeviceError, DeviceLost, DeviceMissing

Result = TypeVar("Result")


class Android(World):
    """The package that the section names; there is one app, `<package>/0`, in every suite."""

    anywhere = False

    def check_suite(self, suite: str) -> None:
        """Real devices know no suites."""

    def require_tunable(self, suite: str) -> None:
        """Real devices know no suites."""

    def app_names(self, suite: str, count: int | None = None) -> list[str]:
        """The one app."""
        return [self.app_name(suite, 0)]

    def app_name(self, suite: str, number: int) -> str:
        """The one app, whatever the number."""
        return f"{self.device.package}/0"

    def named(self, app: str) -> str:
        """The profile's package, by its own name or the one results are kept by."""
        if app not in (self.device.package, self.app_name("", 0)):
            raise ConfigError(
                f"expected the package {self.device.package} of the profile, found {app!r}. Name "
                "that one, or set device.package."
            )
        return self.app_name("", 0)

    def build(self, app: str) -> str:
        """No device is asked for more than the package."""
        return self.device.package

    def open(self, app: str, number: int = 0, attempt: int = 0) -> AndroidEnv:
        """On a device that no other session uses; arguments as of `World.open`."""
        device = self.device
        if not device.serials:
            raise DeviceError(
                f"Expected the AVD {device.avds[0]} to run, found it not started. Open "
                "environments within `World.running`."
            )
        return persist(device, lambda again: _attach(device, app, number + attempt + again))

    def known_probes(self, app: str, env: LinkedEnv) -> int:
        """All that the app's class list has."""
        return env.total_probes

    @contextmanager
    def running(self, at_most: int) -> Iterator[DeviceConfig]:
        """The section with the serials of devices that run: its AVDs are started, and ended after.

        Raises:
            DeviceError: the AVDs cannot be started, or there is no APK where one is named.
            CoverageError: there is no class list where one is named.
        """
        device = self.device
        read_named_files(device)
        if not device.avds or at_most < 1:
            yield device
            return
        from jamel.envs.fleet import Fleet

        with Fleet(device, at_most) as fleet:
            yield fleet.device

    def require_snapshots(self) -> None:
        """All are emulators whose consoles save and load snapshots."""
        device, advice = self.device, "or set label.states_per_session: 0"
        if device.avds and device.emulator.read_only:
            raise DeviceError(
                "Expected emulators that save snapshots, found read-only ones. Set "
                f"device.emulator.read_only: false, {advice}."
            )
        phones = [serial for serial in device.serials if console_port(serial) is None]
        if phones:
            raise DeviceError(
                f"Expected emulators, which take snapshots, found {phones[0]}. Leave it out of "
                f"device.serials, {advice}."
            )


def read_named_files(device: DeviceConfig) -> list[str]:
    """What the section names on this machine, in words; better missed before anything is started.

    Raises:
        AppMissing: there is no APK where one is named.
        CoverageError: there is no class list where one is named.
    """
    found = []
    if device.apk:
        found.append(f"{device.apk} of {len(read_apk(device.apk)) >> 10} KB")
    if device.coverage_classes:
        listed = read_class_list(Path(device.coverage_classes))
        found.append(f"{len(listed.sizes)} classes of build {listed.build}")
    return found


def persist(device: DeviceConfig, session: Callable[[int], Result]) -> Result:
    """Try again when an emulator that is replaced took what was begun along, `tries` times.

    Args:
        device: the profile's section.
        session: gets the number of the attempt; must keep nothing of one that failed.
    """
    last = device.tries - 1 if device.avds else 0
    for attempt in range(last):
        try:
            return session(attempt)
        except (DeviceLost, DeviceMissing):
            continue
    return session(last)


def _attach(device: DeviceConfig, app: str, number: int) -> AndroidEnv:
    lease = lease_device(device.serials, number)
    try:
        if device.avds:
            await_boot(lease.serial, device.adb_port, device.emulator.boot_timeout_s)
            # Booted is not ready: the app may still be installed, or a snapshot saved.
            being_made(lease.serial).close()
        return attach_env(
            lease.serial,
            device.package,
            adb_port=device.adb_port,
            app=app,
            screenshots=device.screenshots,
            owned=lease,
            **link_options(device),
        )
    except BaseException:
        lease.close()
        raise


LINK_KEYS = (
    "activity", "coverage_source", "coverage_file", "coverage_broadcast", "coverage_port",
    "coverage_classes", "settle_s", "reset", "reset_snapshot", "apk", "recover_s",
)  # fmt: skip
"""The settings that `AdbLink` takes under their own names."""


def link_options(device: DeviceConfig) -> dict[str, Any]:
    """What `AdbLink` is to be given on a real device, beside serial, port and package."""
    options = device.model_dump(include=set(LINK_KEYS))
    return options | {"timeout_s": device.step_timeout_s, "replaced": bool(device.avds)}
