"""What one running device lacks, from its connection to the app's coverage file.

Looks in the order in which things are mended. Starts the app; changes no data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from jamel.config import DeviceConfig
from jamel.devices.android import link_options
from jamel.doctor.check import Check, finding
from jamel.envs.adb_connection import AdbShell
from jamel.envs.adb_link import AdbLink
from jamel.envs.boot import QUIET, is_ready
from jamel.envs.emulator_console import console_command, console_port
from jamel.errors import DeviceError

OPTIONAL = ("quiet",)
"""What sessions can do without."""


def diagnose_device(device: DeviceConfig, serial: str) -> list[Check]:
    """What is wrong with one device, up to the first thing without which no more can be seen."""
    checks = []
    for name, look in _looks(device, serial):
        checks.append(finding(f"{name} on {serial}", look, needed=name not in OPTIONAL))
        if checks[-1].needed and not checks[-1].passed:
            break
    return checks


def _looks(device: DeviceConfig, serial: str) -> Iterator[tuple[str, Callable[[], str]]]:
    shell = AdbShell(serial, device.adb_port, device.step_timeout_s)
    yield "adb", lambda: _attached(shell)
    yield "boot", lambda: _boot(shell)
    yield "screen", lambda: _screen(shell)
    if not device.avds:
        yield "quiet", lambda: _quiet(shell)
    yield "package", lambda: _package(device, shell)
    yield "debuggable", lambda: _debuggable(device, shell)
    if device.reset == "snapshot" and not device.avds:
        yield "snapshot", lambda: _snapshot(device, serial)
    yield "activity", lambda: _activity(device, shell)
    yield "coverage", lambda: _coverage(device, serial)


def _attached(shell: AdbShell) -> str:
    shell.run("true")
    return "attached and authorized"


def _boot(shell: AdbShell) -> str:
    if not is_ready(shell):
        raise DeviceError(
            f"Expected {shell.serial} to have booted, found no sys.boot_completed or no package "
            "service. Wait, or restart it."
        )
    return "sys.boot_completed, package service at work"


def _screen(shell: AdbShell) -> str:
    """Nothing can be touched on a display that is off or locked."""
    printed = shell.run(
        "dumpsys power | grep mWakefulness=; "
        "dumpsys window | grep -oE '(mDreamingLockscreen|isKeyguardShowing)=[a-z]+'"
    ).text()
    awake = "mWakefulness=Awake" in printed or "mWakefulness" not in printed
    if not awake or "=true" in printed:
        raise DeviceError(
            f"Expected {shell.serial} awake and unlocked, found it "
            f"{'locked' if awake else 'asleep'}. Unlock it, switch its lock screen off, and keep "
            "it awake with `adb shell svc power stayon usb`."
        )
    return "awake and unlocked"


def _quiet(shell: AdbShell) -> str:
    """What jamel sets on emulators of its own, and leaves alone on a user's device."""
    loud = [
        name for name, value in QUIET.items()
        if not _same(shell.run(f"settings get global {name}").text(), value)
    ]  # fmt: skip
    if loud:
        sets = "; ".join(f"settings put global {name} {QUIET[name]}" for name in loud)
        raise DeviceError(
            f"Expected no animations and no error dialogs, found {', '.join(loud)} unset. Run "
            f"`adb -s {shell.serial} shell '{sets}'`; dumps are quicker and fewer fail."
        )
    return "no animations, no error dialogs"


def _same(found: str, wanted: str) -> bool:
    return found in (wanted, f"{wanted}.0")


def _package(device: DeviceConfig, shell: AdbShell) -> str:
    found = shell.run(f"pm path {device.package}").text().split("\n")[0]
    if not found.startswith("package:"):
        raise DeviceError(
            f"Expected {device.package} to be installed, found nothing of it. Run `adb -s "
            f"{shell.serial} install -t -g {device.apk or 'APK'}`, as sessions do where device.apk "
            "is set."
        )
    return found.removeprefix("package:")


def _debuggable(device: DeviceConfig, shell: AdbShell) -> str:
    """The right that coverage files are read with, tried rather than looked up."""
    done = shell.run(f"run-as {device.package} ls")
    if done.code != 0:
        raise DeviceError(
            f"Expected run-as to work for {device.package}, found: {done.text()!r}. Install a "
            "debug build: a release build lets nobody read its coverage."
        )
    return "run-as works"


def _snapshot(device: DeviceConfig, serial: str) -> str:
    if console_port(serial) is None:
        raise DeviceError(
            f"Expected an emulator for reset: snapshot, found {serial}. Set device.reset to "
            "clear_data or reinstall."
        )
    listed = console_command(serial, "avd snapshot list", device.step_timeout_s).split()
    if device.reset_snapshot not in listed:
        raise DeviceError(
            f"Expected a snapshot {device.reset_snapshot} of {serial}, found none of that name. "
            f"Save one with `adb -s {serial} emu avd snapshot save {device.reset_snapshot}`."
        )
    return device.reset_snapshot


def _activity(device: DeviceConfig, shell: AdbShell) -> str:
    if not device.activity:
        return "the launcher's"
    done = shell.run(f"am start -W -n {device.package}/{device.activity}")
    # Older versions of `am` report their errors with exit code 0.
    if done.code != 0 or b"Error" in done.stdout + done.stderr:
        raise DeviceError(
            f"Expected {device.activity} to start, found: {done.text()!r}. Set device.activity to "
            "one of the app's, or leave it out to start the launcher's."
        )
    return f"{device.activity} starts"


def _coverage(device: DeviceConfig, serial: str) -> str:
    """Start the app as sessions do, without a reset, and read its coverage."""
    options = link_options(device)
    with closing(AdbLink(serial, device.adb_port, device.package, **options)) as link:
        reading = link.restart(False)
        count = link.decode(reading.coverage).count()
        if device.coverage_source != "none" and not count:
            told = {"file": device.coverage_file, "tcpserver": f"port {device.coverage_port}"}
            raise DeviceError(
                f"Expected {device.package} to have executed probes as it started, found none in "
                f"{told[device.coverage_source]}. Build it with enableAndroidTestCoverage, as "
                "docs/android.md says."
            )
        screen = reading.observation.activity or "an activity that is not told"
        total = link.total_probes or "an unknown number of (device.coverage_classes would tell)"
        return f"{screen}, {count} of {total} probes"
