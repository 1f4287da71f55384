"""How a new session begins on a device: each policy brings the app back, or says why it cannot."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from emulators import Sdk
from standin_emulator import APP_SEED

from jamel.collect import collect
from jamel.config import DeviceConfig, parse_config
from jamel.devices import open_env
from jamel.envs.adb_connection import AdbShell
from jamel.envs.android import AndroidEnv
from jamel.envs.emulator_console import console_command
from jamel.envs.reset import AppReset
from jamel.episodes import read_session
from jamel.errors import AppMissing, ConfigError, DeviceError
from jamel.types import Action, ActionKind
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.server import VirtualDevice, adb_executable


@pytest.fixture
def phone() -> Iterator[VirtualDevice]:
    device = VirtualDevice(App(build_app(APP_SEED)))
    device.start()
    yield device
    device.close()


@pytest.fixture
def apk(phone: VirtualDevice, tmp_path: Path) -> Path:
    """The APK that the device has installed, as its user would have it from a build."""
    serial, port = phone.serial, str(phone.adb.port)
    path = AdbShell(serial, phone.adb.port, 10).run(f"pm path {phone.device.app.package}").stdout
    target = tmp_path / "app.apk"
    command = [adb_executable(), "-P", port, "-s", serial, "pull"]
    done = subprocess.run(
        [*command, path.decode().strip().removeprefix("package:"), str(target)],
        capture_output=True, env={**os.environ, "HOME": str(tmp_path)}, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done
    return target


def section(phone: VirtualDevice, **keys: object) -> DeviceConfig:
    device = {
        "transport": "adb",
        "serials": [phone.serial],
        "package": phone.device.app.package,
        "adb_port": phone.adb.port,
        "step_timeout_s": 10,
    }
    return parse_config({"device": device | keys}, source="test").device


def used(env: AndroidEnv) -> tuple[object, object, object]:
    """First screen, coverage at the start, coverage after some use that leaves traces."""
    first, _ = env.reset(options={"new_session": True})
    start, observation = env.coverage(), first
    for number in range(12):
        inside = [i for i, e in enumerate(observation.elements) if e.clickable]
        if not inside:
            break
        tap = Action(ActionKind.TAP, inside[number % len(inside)])
        observation, *_ = env.step(tap)
    return first, start, env.coverage()


def assert_resets(device: DeviceConfig) -> None:
    """Two sessions begin alike although the first one changed what the app keeps."""
    with closing(open_env(device, "any/0")) as env:
        first, start, after = used(env)
        again, restart, _ = used(env)
    assert first == again and start == restart
    assert after.count() > start.count() > 0
    # Without a reset the same app begins elsewhere: its coverage goes on.
    with closing(open_env(device, "any/0")) as env:
        kept = env.link.decode(env.link.restart(False).coverage)
    assert kept.count() > start.count()


def test_clear_data(phone: VirtualDevice) -> None:
    assert_resets(section(phone))


def test_snapshot(phone: VirtualDevice) -> None:
    shell = AdbShell(phone.serial, phone.adb.port, 10)
    shell.run(f"pm clear {phone.device.app.package}")
    console_command(phone.serial, "avd snapshot save clean", 10)
    device = section(phone, reset="snapshot", reset_snapshot="clean")
    assert_resets(device)
    absent = section(phone, reset="snapshot", reset_snapshot="absent")
    with closing(open_env(absent, "any/0")) as env, pytest.raises(DeviceError) as caught:
        env.reset()
    assert "refused `avd snapshot load absent`" in str(caught.value)


def test_reinstall(phone: VirtualDevice, apk: Path, tmp_path: Path) -> None:
    assert_resets(section(phone, reset="reinstall", apk=str(apk)))
    absent = section(phone, reset="reinstall", apk=str(tmp_path / "absent.apk"))
    with closing(open_env(absent, "any/0")) as env, pytest.raises(AppMissing) as caught:
        env.reset()
    assert "absent.apk, found: No such file" in str(caught.value)


def test_an_apk_is_pushed_once(
    phone: VirtualDevice, apk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[str] = []
    push = AppReset._push

    def counted(self: AppReset, data: bytes, target: str) -> None:
        pushed.append(target)
        push(self, data, target)

    monkeypatch.setattr(AppReset, "_push", counted)
    device = section(phone, reset="reinstall", apk=str(apk))
    for _ in range(2):
        with closing(open_env(device, "any/0")) as env:
            env.reset()
    assert len(pushed) == 1 and pushed[0].startswith("/data/local/tmp/jamel-")


def test_avds_keep_a_snapshot_of_their_own_to_return_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = Sdk(tmp_path / "sdk", monkeypatch)
    sdk.strike("small", "SIGKILL", 9)
    rounds = {"apps": 2, "workers": 1, "agents": ["least-tried"]}
    config = sdk.profile(rounds, avds=["small"], reset="snapshot", emulator={"read_only": False})
    one, other = (read_session(path) for path in collect(config, tmp_path / "round"))
    # The second session, on a replacement of the emulator, begins as the first one did.
    assert len(sdk.starts("small")) == 2 and "-read-only" not in sdk.command("small")
    assert one.transitions()[0].observation == other.transitions()[0].observation
    assert one.start_probes == other.start_probes


def test_a_phone_has_no_snapshots() -> None:
    with pytest.raises(DeviceError, match="found R5CT10ABCDE, which has no console"):
        console_command("R5CT10ABCDE", "avd snapshot load x", 1)


REAL = {"transport": "adb", "package": "com.example"}


@pytest.mark.parametrize(
    ("keys", "advice"),
    [
        ({"serials": ["a"], "reset": "reinstall"}, "Set device.apk"),
        ({"serials": ["a"], "reset": "snapshot"}, "Set device.reset_snapshot"),
        ({"avds": ["a"], "reset": "snapshot"}, "device.emulator.read_only: false"),
        ({"avds": ["a", "a"], "emulator": {"read_only": False}}, "read_only: true"),
        ({"avds": ["a"], "serials": ["b"]}, "Leave one of them out"),
        ({"serials": ["a"], "adb_port": 0}, "Set device.adb_port"),
    ],
)
def test_half_a_policy_is_refused(keys: dict, advice: str) -> None:
    with pytest.raises(ConfigError, match=f"test: device: .*{advice}"):
        parse_config({"device": REAL | keys}, source="test")
