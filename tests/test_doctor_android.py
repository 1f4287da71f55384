"""`jamel doctor --android`: each thing that can be missing is found, and told how to be mended."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from emulators import Sdk
from standin_emulator import APP_SEED

from jamel.config import Config, DeviceConfig, parse_config
from jamel.doctor import Check, android, diagnose_android
from jamel.doctor import device as device_looks
from jamel.envs.adb_connection import AdbShell, ShellResult
from jamel.envs.emulator_console import console_command
from jamel.errors import DeviceError
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.server import VirtualDevice


@pytest.fixture(scope="module")
def phone() -> Iterator[VirtualDevice]:
    device = VirtualDevice(App(build_app(APP_SEED)))
    device.start()
    yield device
    device.close()


@pytest.fixture
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sdk:
    return Sdk(tmp_path / "sdk", monkeypatch)


def profile(phone: VirtualDevice, **keys: object) -> Config:
    device = {
        "transport": "adb",
        "serials": [phone.serial],
        "package": phone.device.app.package,
        "adb_port": phone.adb.port,
        "step_timeout_s": 10,
    }
    return parse_config({"device": device | keys}, source="test")


def failed(checks: list[Check]) -> Check:
    """The one needed check that fails, which has to be the last one looked at."""
    bad = [check for check in checks if check.needed and not check.passed]
    assert len(bad) == 1 and bad[0].advice
    return bad[0]


def test_a_device_that_has_everything(phone: VirtualDevice) -> None:
    checks = diagnose_android(profile(phone).device)
    assert all(check.passed for check in checks if check.needed)
    names = [check.name.removesuffix(f" on {phone.serial}") for check in checks]
    assert names == ["profile", "adb server", "adb", "boot", "screen", "quiet", "package",
                     "debuggable", "activity", "coverage"]  # fmt: skip
    assert f" of {phone.device.app.total_probes} probes" in checks[-1].found


def test_looking_keeps_the_apps_data(phone: VirtualDevice) -> None:
    first = next(e for e in phone.device.observe().elements if e.clickable)
    left, top, right, bottom = first.bounds_px
    phone.device.app.tap((left + right) // 2, (top + bottom) // 2)
    before = len(phone.device.app.exec_data())
    diagnose_android(profile(phone).device)
    assert len(phone.device.app.exec_data()) >= before


@pytest.mark.parametrize(
    ("keys", "name", "found", "advice"),
    [
        (
            {"adb_port": 1},
            "adb server",
            "an adb server on port 1, found none",
            "adb -P 1 start-server",
        ),
        ({"serials": ["R5CT"]}, "adb on R5CT", "a device R5CT at", "device.serials"),
        ({"package": "com.absent"}, "package on", "com.absent to be installed", "install -t"),
        ({"apk": "no.apk"}, "files", "APK at no.apk", "set device.apk"),
        ({"coverage_classes": "no.classes"}, "files", "in no.classes", "jamel device classes"),
        ({"coverage_file": "files/no.ec"}, "coverage on", "files/no.ec", "instrumented"),
    ],
)
def test_what_a_device_lacks(
    phone: VirtualDevice, keys: dict, name: str, found: str, advice: str
) -> None:
    check = failed(diagnose_android(profile(phone, **keys).device))
    assert check.name.startswith(name) and found in check.found and advice in check.advice


def test_a_device_that_still_boots(phone: VirtualDevice) -> None:
    phone.device.settings["prop/sys.boot_completed"] = "0"
    try:
        check = failed(diagnose_android(profile(phone).device))
    finally:
        del phone.device.settings["prop/sys.boot_completed"]
    assert check.name.startswith("boot on") and "no sys.boot_completed" in check.found


def test_a_device_that_is_asleep(phone: VirtualDevice) -> None:
    phone.device.screen_on = False
    try:
        check = failed(diagnose_android(profile(phone).device))
    finally:
        phone.device.screen_on = True
    assert check.name.startswith("screen on") and "asleep" in check.found
    assert "svc power stayon" in check.advice


def test_what_would_make_a_users_device_quieter(phone: VirtualDevice) -> None:
    def quiet() -> Check:
        checks = diagnose_android(profile(phone).device)
        return next(check for check in checks if check.name.startswith("quiet"))

    shell = AdbShell(phone.serial, phone.adb.port, 5.0)
    shell.run("settings put global window_animation_scale 0.0")
    check = quiet()
    assert not check.passed and not check.needed and "hide_error_dialogs" in check.found
    assert "window_animation_scale" not in check.found
    (sets,) = re.findall(r"shell '(.*)'", check.advice)
    shell.run(sets)
    assert quiet().passed


def test_the_snapshot_that_sessions_return_to(phone: VirtualDevice) -> None:
    section = profile(phone, reset="snapshot", reset_snapshot="clean").device
    check = failed(diagnose_android(section))
    assert check.name.startswith("snapshot on") and "avd snapshot save clean" in check.advice
    console_command(phone.serial, "avd snapshot save clean", 5.0)
    assert all(check.passed for check in diagnose_android(section) if check.needed)


class Answering:
    """A device that gives one answer to everything, as the real ones were seen to."""

    serial = "R5CT10ABCDE"

    def __init__(self, out: bytes, code: int) -> None:
        self.result = ShellResult(out, b"", code)

    def run(self, script: str) -> ShellResult:
        return self.result


NO_ACTIVITY = (
    b"Error type 3\nError: Activity class {com.example/com.example.Absent} does not exist."
)


@pytest.mark.parametrize("code", [0, 1])
def test_an_activity_that_is_none(code: int) -> None:
    """Older versions of `am` exit with 0."""
    device = DeviceConfig(
        package="com.example", activity=".Absent", transport="adb", serials=("a",)
    )
    with pytest.raises(DeviceError, match=r"Expected \.Absent to start.* Set device\.activity"):
        device_looks._activity(device, Answering(NO_ACTIVITY, code))


def test_a_release_build() -> None:
    device = DeviceConfig(package="com.example", transport="adb", serials=("a",))
    refusal = b"run-as: package not debuggable: com.example"
    with pytest.raises(DeviceError, match=r"not debuggable: com\.example.*Install a debug build"):
        device_looks._debuggable(device, Answering(refusal, 1))


def test_the_embedded_device_is_no_real_one() -> None:
    check = failed(diagnose_android(Config().device))
    assert check.found == "the embedded device" and "serials or avds" in check.advice


def test_avds(sdk: Sdk) -> None:
    device = sdk.profile(avds=["small"]).device
    checks = diagnose_android(device)
    assert [check.name for check in checks if check.needed] == [
        "profile", "adb server", "emulator", "AVDs", *(["acceleration"] * checks[4].needed), "room",
    ]  # fmt: skip
    assert all(check.passed for check in checks if check.needed)
    assert "--boot" in checks[-1].advice and not sdk.starts("small")
    looked = diagnose_android(device, boot=True)
    assert [check.name.split(" on ")[0] for check in looked][-2:] == ["activity", "coverage"]
    assert all(check.passed for check in looked if check.needed) and not sdk.running()


@pytest.mark.parametrize(
    ("keys", "name", "advice"),
    [
        ({"avds": ["absent"]}, "AVDs", "avdmanager create avd -n absent"),
        ({"emulator": {"max_memory_mb": 20}}, "room", "device.emulator.memory_mb"),
        ({"emulator": {"executable": "nowhere"}}, "emulator", "sdkmanager emulator"),
    ],
)
def test_what_avds_lack(sdk: Sdk, keys: dict, name: str, advice: str) -> None:
    check = failed(diagnose_android(sdk.profile(**keys).device))
    assert check.name == name and advice in check.advice and not sdk.starts("small")


def test_there_has_to_be_room_for_as_many_as_work_at_once(sdk: Sdk) -> None:
    device = sdk.profile(emulator={"max_cores": 1}).device
    assert failed(diagnose_android(device, at_most=2)).name == "room"
    assert all(check.passed for check in diagnose_android(device, at_most=1) if check.needed)


def test_an_avd_that_does_not_start(sdk: Sdk) -> None:
    device = sdk.profile(avds=["small"], emulator={"options": ["-colour"]}).device
    check = failed(diagnose_android(device, boot=True))
    assert check.name == "boot" and "unknown option: -colour" in check.found + check.advice


@pytest.mark.parametrize("there", [True, False])
def test_acceleration_is_named_with_the_way_to_it(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kvm"
    path.touch() if there else None
    monkeypatch.setattr(android, "KVM", path)
    monkeypatch.setattr(android.os, "access", lambda *_: False)
    monkeypatch.setattr(android.platform, "system", lambda: "Linux")
    check = android._acceleration()
    assert not check.passed and not check.needed
    assert ("usermod -aG kvm" if there else "nested") in check.advice


def test_the_command(phone: VirtualDevice, tmp_path: Path) -> None:
    raw = {"device": profile(phone, package="com.absent").device.model_dump(mode="json")}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(raw))
    # --boot is --android with one thing more, which devices that run have no need of.
    command = [sys.executable, "-m", "jamel.cli", "doctor", "--boot", "--json", "found.json"]
    done = subprocess.run(
        [*command, "--config", "mine.yaml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1 and "MISSING" in done.stdout, done.stderr
    rows = json.loads((tmp_path / "found.json").read_text())
    assert [row["passed"] for row in rows if row["needed"]] == [True] * 5 + [False]
