"""What a profile's real devices lack, from the emulator's executable to the coverage file.

Looks in the order in which things are mended; what needs an earlier thing is not looked at until
that is there. Starts the app and, when asked, one AVD, as a round does: one that is reset from a
snapshot which nobody made saves it first. Changes no other data. Knows nothing of the rest of the
machine.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

from jamel.config import DeviceConfig, EmulatorConfig
from jamel.devices import Android, world_of
from jamel.devices.android import read_named_files
from jamel.doctor.check import Check, finding
from jamel.doctor.device import diagnose_device
from jamel.envs.emulator import find_emulator, list_avds
from jamel.envs.fleet import check_avds
from jamel.envs.room import available_cores, available_memory_mb, check_room
from jamel.errors import DeviceError, JamelError
from jamel.virtual_device.server import AdbServer, adb_executable

KVM = Path("/dev/kvm")
BOOT_ADVICE = "run `jamel doctor --android --boot` to start one AVD and look inside"


def diagnose_android(device: DeviceConfig, boot: bool = False, at_most: int = 99) -> list[Check]:
    """Every check of a profile's device section.

    Args:
        device: the section; it has to name real devices.
        at_most: how many sessions there will be at once.
        boot: start the first AVD, to look at the app on it. Takes minutes.
    """
    if not isinstance(world_of(device), Android):
        advice = "name serials or avds, and a package, in the section device of the profile"
        return [Check("profile", False, "the embedded device", advice)]
    named = ", ".join(device.serials or device.avds)
    checks = [Check("profile", True, f"{device.package} on {named}"), _adb(device)]
    if device.apk or device.coverage_classes:
        checks.append(finding("files", lambda: ", ".join(read_named_files(device))))
    if device.avds:
        checks += _emulator(device, min(len(device.avds), at_most))
    if not all(check.passed for check in checks if check.needed):
        return checks
    if not device.avds:
        return checks + [one for name in device.serials for one in diagnose_device(device, name)]
    if not boot:
        return [*checks, Check("app", False, "not looked at", BOOT_ADVICE, needed=False)]
    return [*checks, *_booted(device)]


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

    return finding("adb server", look)


def _emulator(device: DeviceConfig, count: int) -> list[Check]:
    config = device.emulator
    executable = finding("emulator", lambda: find_emulator(config.executable))
    checks = [executable]
    if executable.passed:
        checks.append(finding("AVDs", lambda: _avds(device, executable.found)))
    return [*checks, _acceleration(), finding("room", lambda: _room(config, count))]


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
        with world_of(device).running(1) as running:
            return diagnose_device(running, running.serials[0])
    except DeviceError as error:
        message = str(error)
        return [finding("boot", lambda: _raise(DeviceError(message)))]


def _raise(error: JamelError) -> str:
    raise error
