"""A profile that names real devices: sessions on them, one at a time each, and what is missing."""

import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from jamel.collect import collect
from jamel.config import Config, load_config, override, parse_config
from jamel.devices import Embedded, Web, open_env, world_of
from jamel.envs.lease import lease_device
from jamel.episodes import read_session
from jamel.errors import AdbMissing, AppMissing, ConfigError, CoverageError, DeviceMissing
from jamel.evaluate import evaluate, plan
from jamel.label import label
from jamel.suites import ROOT
from jamel.train import train
from jamel.trials import run_jobs
from jamel.validate import validate
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.server import VirtualDevice

RANDOM = {"random": None}


@pytest.fixture(scope="module")
def phones():
    """Two devices with the same app; to the profile they are as foreign as real ones."""
    running = [VirtualDevice(App(build_app(77))) for _ in range(2)]
    for phone in running:
        phone.start()
    yield running
    for phone in running:
        phone.close()


def profile(phones: list[VirtualDevice], **keys: object) -> Config:
    device = {
        "transport": "adb",
        "serials": [phone.serial for phone in phones],
        "package": phones[0].device.app.package,
        "adb_port": phones[0].adb.port,
        "coverage_broadcast": "edu.gatech.m3.emma.COLLECT_COVERAGE",
        "step_timeout_s": 10,
    }
    collect = {"apps": 2, "steps": 6, "workers": 1, "agents": ["random"]}
    return parse_config({"device": device | keys, "collect": collect}, source="test")


@pytest.mark.parametrize("source", ["file", "tcpserver"])
def test_sessions_are_spread_over_the_devices_and_labelled(phones, tmp_path, source):
    config = profile(phones, coverage_source=source)
    shards = collect(config, tmp_path / "round")
    sessions = [read_session(path) for path in shards]
    assert [session.device for session in sessions] == [phone.serial for phone in phones]
    assert {session.app for session in sessions} == {f"{config.device.package}/0"}
    assert all(len(session.transitions()) == 6 for session in sessions)
    assert all(session.total_probes > 100 and session.coverage for session in sessions)
    assert len(label(config, shards, tmp_path / "labels")) == 2


def test_without_a_class_list_everything_but_shares_works(phones, tmp_path):
    config = profile(phones, coverage_source="tcpserver", coverage_file="files/none.ec")
    config = override(config, "label", {"kind": "return"}, "test")
    config = override(config, "train", {"updates": 2, "further_updates": 2, "decisions": 4}, "test")
    shards = collect(config, tmp_path / "sessions" / "round-0")
    labels = label(config, shards, tmp_path / "labels" / "round-0")
    checked = validate(tmp_path / "sessions", tmp_path / "labels", tmp_path / "checked")
    assert checked.passed and not checked.quarantined
    assert checked.unsized == (f"{config.device.package}/0",)
    model = train(config, shards, labels, tmp_path / "model").path
    few = {"agents": ("random", "jamel"), "budget": 4, "seeds": (0,), "workers": 1}
    results = evaluate(override(config, "evaluate", few, "test"), {"random": None, "jamel": model})
    assert all(0 < row["coverage"] <= 100 for row in results["rows"])


def test_a_class_list_on_this_machine_is_the_apps_size_and_build(phones, tmp_path):
    listed = tmp_path / "coverage.classes"
    listed.write_bytes(phones[0].device.manifest().replace(b"\n", b"-mine\n", 1))
    keys = {"coverage_source": "tcpserver", "coverage_file": "files/none.ec"}
    config = profile(phones, coverage_classes=str(listed), **keys)
    with closing(open_env(config.device, "any/0")) as env:
        env.reset()
        assert env.total_probes == phones[0].device.app.total_probes
        assert env.build.endswith("-mine") and env.coverage().count() > 0
    listed.write_text("other\n7\ta/A\t9\n")
    other = pytest.raises(CoverageError, match=r"build other.*another build's")
    with closing(open_env(config.device, "any/0")) as env, other:
        env.reset()
    with pytest.raises(CoverageError, match="coverage_classes"):
        open_env(profile(phones, coverage_classes="absent", **keys).device, "any/0")


def test_an_evaluation_runs_on_them_too(phones):
    config = profile(phones)
    jobs = plan(override(config, "evaluate", {"seeds": (0, 1), "budget": 4}, "test"), RANDOM)
    runs = run_jobs(jobs, workers=1)
    assert [run.app for run in runs] == [f"{config.device.package}/0"] * 2
    assert all(len(run.covered) == 4 and run.reachable > max(run.covered) for run in runs)


def test_a_device_is_one_sessions_at_a_time(phones):
    serials = ("phone-a", "phone-b")
    first, second = lease_device(serials, 1), lease_device(serials, 1)
    assert [first.serial, second.serial] == ["phone-b", "phone-a"]
    threading.Timer(0.3, second.close).start()
    began = time.monotonic()
    third = lease_device(serials)
    assert third.serial == "phone-a" and time.monotonic() - began > 0.2
    for lease in (first, second, third):
        lease.close()
    first.close()


def test_a_killed_process_lets_its_device_go():
    script = (
        "import time; from jamel.envs.lease import lease_device; lease_device(['phone-c']); "
        "print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        holder.kill()
    lease_device(("phone-c",)).close()


def test_what_is_missing_is_a_sentence(phones, tmp_path):
    def message(error: type[Exception], **keys: object) -> str:
        with pytest.raises(error) as caught:
            collect(profile(phones, **keys), tmp_path / "none")
        return str(caught.value)

    port, serial = phones[0].adb.port, phones[0].serial
    no_adb = message(AdbMissing, adb_port=1)
    assert no_adb.startswith("Expected an adb server on port 1, found none.")
    assert "adb -P 1 start-server" in no_adb
    no_device = message(DeviceMissing, serials=["emulator-9998"])
    assert f"Expected a device emulator-9998 at the adb server on port {port}, found" in no_device
    assert serial in no_device and "device.serials" in no_device
    no_app = message(AppMissing, serials=[serial], package="com.absent")
    assert no_app.startswith(f"Expected com.absent on {serial}, but it is not installed.")
    assert "adb" in no_app and "install" in no_app
    assert not list(tmp_path.rglob("*.parquet"))
    # A session that could not start must not keep its device.
    lease_device((serial,)).close()


@pytest.mark.parametrize(
    ("keys", "advice"),
    [
        ({"transport": "adb", "serials": ["emulator-5554"]}, "Set device.package"),
        ({"transport": "adb", "package": "com.example"}, "Set device.serials"),
        ({"serials": ["emulator-5554"], "package": "com.example"}, "Set device.transport: adb"),
    ],
)
def test_half_a_real_device_is_refused(keys, advice):
    with pytest.raises(ConfigError, match=f"test: device: .*{advice}"):
        parse_config({"device": keys}, source="test")


def test_the_profile_that_ships():
    config = load_config(ROOT / "configs" / "android.yaml")
    assert config.device.serials and config.device.package and config.device.transport == "adb"
    assert world_of(config.device).app_names("test") == ["com.example.app/0"]


def test_a_page_in_the_present_folder_makes_no_profile_one_of_web_apps(tmp_path, monkeypatch):
    (tmp_path / "index.html").touch()
    monkeypatch.chdir(tmp_path)
    assert isinstance(world_of(Config().device), Embedded)
    assert isinstance(world_of(Config().device, "."), Web)


def test_apps_have_families():
    """Embedded apps by their toolkit, web apps by their package, a real app by itself."""
    embedded, web = (
        world_of(Config().device),
        world_of(load_config(ROOT / "configs/web.yaml").device),
    )
    families = {embedded.family(app) for app in embedded.app_names("test")}
    assert {"native", "compose", "flutter"} <= families and len(families) <= 5
    assert web.family("web-valid/miniwob-email-inbox") == "miniwob"
    phone = world_of(load_config(ROOT / "configs" / "android.yaml").device)
    assert phone.family("com.example.app/0") == "com.example.app"


def test_without_serials_the_apps_are_embedded():
    device = Config().device
    assert world_of(device).app_name("train", 3) == "train/3"
    assert world_of(device).app_names("test", 2) == ["test/0", "test/1"]
    env = open_env(device, "test/0")
    assert (
        env.device == "virtual" and world_of(device).known_probes("test/0", env) < env.total_probes
    )
