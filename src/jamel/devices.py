"""What a profile's `device` section means: embedded apps by suite, or one app on real devices.

Knows suites and environments; nothing of agents, files or learning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jamel.config import Config, DeviceConfig
from jamel.coverage.class_list import read_class_list
from jamel.envs.android import AndroidEnv, attach_env, make_env
from jamel.envs.boot import await_boot
from jamel.envs.emulator_console import console_port
from jamel.envs.lease import being_made, lease_device
from jamel.envs.linked import LinkedEnv
from jamel.envs.reset import read_apk
from jamel.errors import DeviceError, DeviceLost, DeviceMissing
from jamel.suites import app_spec, reachable, require_tunable, suite_apps

if TYPE_CHECKING:
    from jamel.envs.web.env import WebEnv
    from jamel.virtual_device.faults import FaultPlan

Result = TypeVar("Result")


def is_real(device: DeviceConfig) -> bool:
    """Whether sessions happen on real devices or emulators."""
    return bool(device.serials or device.avds)


@contextmanager
def running_devices(device: DeviceConfig, at_most: int) -> Iterator[DeviceConfig]:
    """The section with the serials of devices that run: its AVDs are started, and ended after.

    Args:
        device: the profile's section; without AVDs it is handed back as it is.
        at_most: how many sessions there will be at once.

    Raises:
        DeviceError: the AVDs cannot be started, or there is no APK where one is named.
        CoverageError: there is no class list where one is named.
    """
    read_named_files(device)
    if not device.avds or at_most < 1:
        yield device
        return
    from jamel.envs.fleet import Fleet

    with Fleet(device, at_most) as fleet:
        yield fleet.device


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


def is_web(app: str) -> bool:
    """Whether an app's name is an address, or a folder with a first page."""
    return app.startswith(("http://", "https://")) or (Path(app) / "index.html").is_file()


def open_web(device: DeviceConfig, app: str) -> WebEnv:
    """The environment of a web app in a Chromium of this process.

    Args:
        device: the profile's section; `step_timeout_s` is how long a page has to answer.
        app: its address, or the folder of its index.html, which is served on loopback.

    Raises:
        AppMissing: nothing answers there.
        DeviceMissing: there is no Chromium, or no Playwright to drive it.
    """
    if find_spec("playwright") is None or find_spec("tree_sitter_javascript") is None:
        raise DeviceMissing(
            "Expected Playwright to drive a browser, found it is not installed. Run `make setup`."
        )
    from jamel.envs.web.env import open_address, open_folder

    options: dict[str, Any] = {"timeout_s": device.step_timeout_s}
    if app.startswith(("http://", "https://")):
        return open_address(app, **options)
    return open_folder(Path(app), app=app, **options)


def require_snapshots(device: DeviceConfig) -> None:
    """Raise DeviceError unless all are emulators whose consoles save and load snapshots."""
    advice = "or set label.states_per_session: 0"
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


def app_name(device: DeviceConfig, suite: str, number: int) -> str:
    """One app of a suite; on real devices there is one, `<package>/0`, whatever the number."""
    return f"{device.package}/0" if is_real(device) else f"{suite}/{number}"


def app_names(device: DeviceConfig, suite: str, count: int | None = None) -> list[str]:
    """The first `count` apps of a suite, or the one on real devices."""
    if is_real(device):
        return [app_name(device, suite, 0)]
    return [spec.name for spec in suite_apps(suite, count)]


def app_build(device: DeviceConfig, app: str) -> str:
    """What tells an app's builds apart before any device is asked."""
    return device.package if is_real(device) else app_spec(app).build


def open_env(device: DeviceConfig, app: str, number: int = 0, attempt: int = 0) -> AndroidEnv:
    """The environment of a session.

    Args:
        device: the profile's section.
        app: an embedded app such as `train/3`; on real devices only the name results are kept by.
        number: the session's number; sessions are spread over the devices by it, and wait for a
            device that another session uses.
        attempt: how often a device of this session was replaced or begun again; another one
            misbehaves otherwise, and on real devices it is the next.

    Raises:
        ConfigError: no such embedded app.
        DeviceError: no adb server, no such device, or the app is not installed.
    """
    if not is_real(device):
        options = {"timeout_s": device.step_timeout_s, "recover_s": device.recover_s}
        return make_env(
            app_spec(app),
            device.transport,
            screenshots=device.screenshots,
            plan=_fault_plan(device, f"{app}/{number}/{attempt}"),
            **(options if device.transport == "adb" else {}),
        )
    if not device.serials:
        raise DeviceError(
            f"Expected the AVD {device.avds[0]} to run, found it not started. Open environments "
            "within `jamel.devices.running_devices`."
        )
    return persist(device, lambda again: _attach(device, app, number + attempt + again))


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


def _fault_plan(device: DeviceConfig, name: str) -> FaultPlan | None:
    if not device.faults.rate:
        return None
    from jamel.virtual_device.faults import KINDS, FaultPlan

    # Where no picture is taken, none can be black.
    seen = [kind for kind in KINDS if kind != "black_screenshot" or device.screenshots]
    return FaultPlan(device.faults, name, device.faults.kinds or seen)


def known_probes(device: DeviceConfig, app: str, env: LinkedEnv) -> int:
    """How many probes can be reached: found by search, or all that a real app lists."""
    return env.total_probes if is_real(device) else reachable(app_spec(app)).probes


class Unseen(NamedTuple):
    """What of an app is of kinds that no training app has: class ids, and probes in reach."""

    classes: frozenset[int]
    reachable: int


def unseen_part(device: DeviceConfig, app: str) -> Unseen:
    """The part of an embedded app that is of unseen kinds; of a real app nobody knows it."""
    spec = None if is_real(device) else app_spec(app)
    if spec is None or not spec.unseen:
        return Unseen(frozenset(), 0)
    from jamel.virtual_device.apps import App

    classes = App(spec).classes
    return Unseen(frozenset(classes[i][0] for i in spec.unseen), reachable(spec).unseen)


def tunable(config: Config, suite: str, **changed: Any) -> Config:
    """The profile to evaluate on a suite that may be tuned on, with other keys of `evaluate`.

    Raises:
        ConfigError: the suite is kept for testing; real devices know no suites.
    """
    if not is_real(config.device):
        require_tunable(suite)
    section = config.evaluate.model_copy(update={"suite": suite, **changed})
    return config.model_copy(update={"evaluate": section})
