"""AVDs as devices: started, used in parallel, replaced when dead or frozen, and ended."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from emulators import Sdk, becomes_true, is_running

from jamel.collect import collect
from jamel.devices import open_env, world_of
from jamel.envs.fleet import Fleet
from jamel.episodes import read_session
from jamel.errors import DeviceError, DeviceLost, DeviceMissing, SessionLost

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@pytest.fixture
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sdk:
    return Sdk(tmp_path / "sdk", monkeypatch)


def test_a_killed_emulator_is_replaced_and_the_round_finishes(sdk: Sdk, tmp_path: Path) -> None:
    sdk.strike("wide", "SIGKILL", 4)
    config = sdk.profile()
    shards = collect(config, tmp_path / "round")
    sessions = [read_session(path) for path in shards]
    assert [len(session.transitions()) for session in sessions] == [12, 12]
    assert {session.app for session in sessions} == {f"{config.device.package}/0"}
    assert all(session.total_probes > 100 and session.coverage for session in sessions)
    # One of them died at its fourth touch and came back under the same serial.
    assert not (sdk.avds / "wide.avd" / "strike").exists()
    assert [len(sdk.starts(avd)) for avd in ("small", "wide")] == [1, 2]
    (first, port), (second, again) = sdk.starts("wide")
    assert first != second and port == again
    assert becomes_true(lambda: not sdk.running())


def test_an_interrupted_session_is_the_same_as_an_undisturbed_one(sdk: Sdk, tmp_path: Path) -> None:
    config = sdk.profile({"apps": 1, "workers": 1}, avds=["small"])
    undisturbed = read_session(collect(config, tmp_path / "calm")[0])
    sdk.strike("small", "SIGKILL", 3)
    struck = read_session(collect(config, tmp_path / "struck")[0])
    assert len(sdk.starts("small")) == 3
    assert [step.action for step in struck.transitions()] == [
        step.action for step in undisturbed.transitions()
    ]
    assert struck.coverage.keys() == undisturbed.coverage.keys()


def test_a_frozen_emulator_is_replaced(sdk: Sdk, tmp_path: Path) -> None:
    sdk.strike("small", "SIGSTOP", 3)
    config = sdk.profile({"apps": 1, "workers": 1}, avds=["small"])
    (shard,) = collect(config, tmp_path / "round")
    assert len(read_session(shard).transitions()) == 12
    assert len(sdk.starts("small")) == 2 and becomes_true(lambda: not sdk.running())


def test_one_that_dies_again_and_again_ends_the_round_with_a_sentence(
    sdk: Sdk, tmp_path: Path
) -> None:
    sdk.strike("small", "SIGKILL", 2)
    emulator = {"replacements": 0, "boot_timeout_s": 12}
    config = sdk.profile({"apps": 1, "workers": 1}, avds=["small"], tries=2, emulator=emulator)
    with pytest.raises(SessionLost, match=r"Expected emulator-56\d\d to be ready within 12 s"):
        collect(config, tmp_path / "round")
    assert not list(tmp_path.rglob("*.parquet")) and not sdk.running()


def test_nothing_outlives_a_collecting_process_that_is_killed(sdk: Sdk, tmp_path: Path) -> None:
    sdk.profile({"steps": 100_000})
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "jamel.cli", "collect", "--config"]
    (tmp_path / "configs").mkdir()
    with subprocess.Popen(
        [*command, str(sdk.root / "profile.yaml")], cwd=tmp_path, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        both = ("small", "wide")
        touched = [sdk.avds / f"{avd}.avd" for avd in both]
        assert becomes_true(lambda: all(list(f.glob("*.touches")) for f in touched), 60)
        assert len(sdk.running()) == 2
        process.send_signal(signal.SIGKILL)
    assert becomes_true(lambda: not sdk.running())
    # Neither is the private adb server, whose home goes with it.
    assert becomes_true(lambda: not list(tmp_path.glob("jamel-adb-*")))


def test_emulators_run_as_the_profile_says_and_only_while_needed(sdk: Sdk) -> None:
    emulator = {"gpu": "host", "options": ["-no-audio"], "snapshot": ""}
    device = sdk.profile(emulator=emulator).device
    with world_of(device).running(1) as running:
        assert running.serials == ("emulator-5600",) or running.serials[0] > "emulator-5600"
        (pid,) = sdk.running()
        command = sdk.command("small")
        with closing(open_env(running, "any/0")) as env:
            env.reset()
    assert command.startswith(f"-avd small -port {running.serials[0][9:]} -gpu host -memory 16")
    assert command.endswith("-no-snapshot-load -no-window -read-only -no-audio")
    assert not is_running(pid) and not sdk.starts("wide")


def test_a_snapshot_that_does_not_come_up_is_left_for_a_cold_boot(sdk: Sdk) -> None:
    sdk.poison("small")
    device = sdk.profile(avds=["small"]).device
    with world_of(device).running(1) as running, closing(open_env(running, "any/0")) as env:
        env.reset()
        assert len(sdk.starts("small")) == 2 and "-no-snapshot-load" in sdk.command("small")


def test_two_at_a_time_take_different_ports(sdk: Sdk) -> None:
    device = sdk.profile(avds=["small", "small"]).device
    with world_of(device).running(1) as one, world_of(device).running(1) as other:
        assert one.serials != other.serials and len(sdk.running()) == 2


def test_what_cannot_be_started_is_a_sentence(sdk: Sdk) -> None:
    def message(error: type[Exception], **device: object) -> str:
        with pytest.raises(error) as caught, Fleet(sdk.profile(**device).device, 2):
            pass
        assert not sdk.running()
        return str(caught.value)

    absent = message(DeviceMissing, avds=["absent"])
    assert absent.startswith("Expected the AVD absent, found small, wide. Make it with `avdmanager")
    tight = message(DeviceError, emulator={"max_memory_mb": 31})
    assert "32 MB and 2 cores for 2 emulators, found 31 MB" in tight and "room for 1" in tight
    assert "room for 1" in message(DeviceError, emulator={"max_cores": 1})
    wrong = message(DeviceLost, emulator={"options": ["-colour", "red"]})
    assert "its emulator ended and said: 'unknown option: -colour'" in wrong
    assert "-avd" in wrong
    nothing = message(DeviceMissing, emulator={"executable": "emulator-of-old"})
    assert "`emulator-of-old` on PATH or below ANDROID_HOME" in nothing


def test_a_slow_boot_is_waited_for_no_longer_than_allowed(sdk: Sdk) -> None:
    config = sdk.profile(avds=["small"], emulator={"boot_timeout_s": 0.2})
    began = time.monotonic()
    with pytest.raises(DeviceMissing, match=r"ready within 0\.2 s"), Fleet(config.device, 1):
        pass
    assert time.monotonic() - began < 30 and not sdk.running()
