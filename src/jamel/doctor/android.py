"""What a profile's real devices lack, from the emulator's executable to the coverage file.

Looks in the order in which things are mended; what needs an earlier thing is not looked at until
that is there. Starts the app and, when asked, one AVD; changes no data. Knows nothing of the rest
of the machine.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from jamel.config import DeviceConfig, EmulatorConfig
from jamel.devices import is_real, link_options, read_named_files, running_devices
from jamel.doctor.check import Check
from jamel.envs.adb_connection import AdbShell
from jamel.envs.adb_link import AdbLink
from jamel.envs.boot import is_ready
from jamel.envs.emulator import find_emulator, list_avds
from jamel.envs.emulator_console import console_port
from jamel.envs.fleet import check_avds
from jamel.envs.room import available_cores, available_memory_mb, check_room
from jamel.errors import DeviceError, JamelError
from jamel.virtual_device.server import AdbServer, adb_executable

KVM = Path("/dev/kvm")
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z])")
BOOT_ADVICE = "run `jamel doctor --android --boot` to start one AVD and look inside"


def diagnose_android(device: DeviceConfig, boot: bool = False, at_most: int = 99) -> list[Check]:
    """Every check of a profile's device section.

    Args:
        device: the section; it has to name real devices.
        at_most: how many sessions there will be at once.
        boot: start the first AVD, to look at the app on it. Takes minutes.
    """
    if not is_real(device):
        advice = "name serials or avds, and a package, in the section device of the profile"
        return [Check("profile", False, "the embedded device", advice)]
    named = ", ".join(device.serials or device.avds)
    checks = [Check("profile", True, f"{device.package} on {named}"), _adb(device)]
    if device.apk or device.coverage_classes:
        checks.append(_finding("files", lambda: ", ".join(read_named_files(device))))
    if device.avds:
        checks += _emulator(device, min(len(device.avds), at_most))
    if not all(check.passed for check in checks if check.needed):
        return checks
    if not device.avds:
        return [*checks, *(found for serial in device.serials for found in _device(device, serial))]
    if not boot:
        return [*checks, Check("app", False, "not looked at", BOOT_ADVICE, needed=False)]
    return [*checks, *_booted(device)]


def _finding(name: str, look: Callable[[], str]) -> Check:
    """A look that tells what it found, or raises what is to be done about it."""
    try:
        return Check(name, True, look())
    except JamelError as error:
        found, *advice = _SENTENCE.split(str(error), maxsplit=1)
        return Check(name, False, found, "".join(advice))


# -- this machine -------------------------------------------------------------------------------


def _adb(device: DeviceConfig) -> Check:
    def look() -> str:
        if not device.adb_port:
            return f"{adb_executable()}, a private server"
        if not AdbServer.at(device.adb_port).request("host:version").startswith(b"OKAY"):
            raise DeviceError(
                f"Expected an adb server on port {device.adb_port}, found something else. Set "
                "device.adb_port."
            )
        return f"a server on port {device.adb_port}"

    return _finding("adb server", look)


def _emulator(device: DeviceConfig, count: int) -> list[Check]:
    config = device.emulator
    executable = _finding("emulator", lambda: find_emulator(config.executable))
    checks = [executable]
    if executable.passed:
        checks.append(_finding("AVDs", lambda: _avds(device, executable.found)))
    return [*checks, _acceleration(), _finding("room", lambda: _room(config, count))]


def _avds(device: DeviceConfig, executable: str) -> str:
    check_avds(device.avds, list_avds(executable))
    return ", ".join(device.avds)


def _room(config: EmulatorConfig, count: int) -> str:
    check_room(config, count)
    memory_mb = config.max_memory_mb or available_memory_mb()
    cores = config.max_cores or available_cores()
    return (
        f"{count} of {config.memory_mb} MB and {config.cores} cores in {memory_mb} MB and {cores}"
    )


def _acceleration() -> Check:
    """KVM on Linux; other systems bring an accelerator of their own along."""
    if platform.system() != "Linux":
        return Check("acceleration", True, f"that of {platform.system()}")
    path = KVM
    if os.access(path, os.R_OK | os.W_OK):
        return Check("acceleration", True, f"{path} usable")
    found = "no right to use it" if path.exists() else f"no {path}"
    advice = "without it a boot takes ten minutes or more: " + (
        "`sudo usermod -aG kvm $USER`, then log in again"
        if path.exists()
        else "enable virtualisation in the firmware, or nested in the virtual machine"
    )
    return Check("acceleration", False, found, advice, needed=False)


# -- a device -----------------------------------------------------------------------------------


def _booted(device: DeviceConfig) -> list[Check]:
    try:
        with running_devices(device, 1) as running:
            return _device(running, running.serials[0])
    except DeviceError as error:
        message = str(error)
        return [_finding("boot", lambda: _raise(DeviceError(message)))]


def _raise(error: JamelError) -> str:
    raise error


def _device(device: DeviceConfig, serial: str) -> list[Check]:
    """What is wrong with one device, as far as can be seen."""
    checks = []
    for name, look in _looks(device, serial):
        checks.append(_finding(f"{name} on {serial}", look))
        if not checks[-1].passed:
            break
    return checks


def _looks(device: DeviceConfig, serial: str) -> Iterator[tuple[str, Callable[[], str]]]:
    shell = AdbShell(serial, device.adb_port, device.step_timeout_s)
    yield "adb", lambda: _attached(shell)
    yield "boot", lambda: _boot(shell)
    yield "package", lambda: _package(device, shell)
    yield "debuggable", lambda: _debuggable(device, shell)
    if device.reset == "snapshot" and not device.avds:
        yield "snapshots", lambda: _snapshots(serial)
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


def _package(device: DeviceConfig, shell: AdbShell) -> str:
    found = shell.run(f"pm path {device.package}").text().split("\n")[0]
    if not found.startswith("package:"):
        raise DeviceError(
            f"Expected {device.package} to be installed, found nothing of it. Set device.apk, or "
            f"run `adb -s {shell.serial} install -t APK`."
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


def _snapshots(serial: str) -> str:
    if console_port(serial) is None:
        raise DeviceError(
            f"Expected an emulator for reset: snapshot, found {serial}. Set device.reset to "
            "clear_data or reinstall."
        )
    return "an emulator"


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
