"""The app's process: background and foreground, death and what was saved, ANR, crashes."""

from __future__ import annotations

import random

import pytest

from jamel.suites import app_spec
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.apps.features import module_of
from jamel.virtual_device.apps.furniture import initial
from jamel.virtual_device.device import Device
from jamel.virtual_device.server import VirtualDevice
from tests.virtual_device.conftest import Adb, field_of, link_of, run, tap

PACKAGE = build_app(3).package
LAUNCH = f"monkey -p {PACKAGE} -c android.intent.category.LAUNCHER 1"
AWAY = "input keyevent HOME"


@pytest.fixture
def typed(searching: Device) -> Device:
    """A device whose app shows a page with something typed into its field."""
    run(searching, f"{tap(field_of(searching))}; input text unsaved; input keyevent BACK")
    return searching


def alive(device: Device) -> bool:
    return run(device, f"pidof {PACKAGE}")[0] == 0


def scroll(device: Device) -> int:
    place: int = device.app.snapshot().nav["scroll"]
    return place


@pytest.mark.parametrize(
    "death",
    [f"am kill {PACKAGE}", "am kill-all", "cmd activity kill com.other; am kill --user 0 "
     f"{PACKAGE}"],
)  # fmt: skip
def test_death_in_the_background_is_not_seen(typed: Device, death: str) -> None:
    before, stack = typed.observe(), typed.app.back_stack
    assert run(typed, death)[0] == 0 and alive(typed), "what is in front is not killed"
    assert run(typed, f"{AWAY}; {death}")[0] == 0 and not alive(typed)
    assert "com.android.launcher3" in run(typed, "dumpsys window | grep mCurrentFocus")[1]
    assert "SearchActivity" in run(typed, "dumpsys activity activities")[1], "the task is kept"
    processes = typed.processes
    run(typed, LAUNCH)
    assert typed.processes == processes + 1 and alive(typed)
    assert typed.observe() == before and typed.app.back_stack == stack
    assert field_of(typed).text == "unsaved"


@pytest.mark.parametrize(
    "death", [f"am force-stop {PACKAGE}", f"{AWAY}; am force-stop {PACKAGE}",
              f"{AWAY}; am kill {PACKAGE}; am force-stop {PACKAGE}"],
)  # fmt: skip
def test_after_a_forced_stop_it_starts_anew(typed: Device, death: str) -> None:
    run(typed, f"{death}; {LAUNCH}")
    assert typed.app.back_stack == [f"{PACKAGE}.HubActivity"]
    run(typed, link_of(typed, "search"))
    assert field_of(typed).text != "unsaved"
    assert "SearchActivity" not in run(typed, f"am force-stop {PACKAGE}; dumpsys activity "
                                              "activities | grep Hist")[1]  # fmt: skip


def test_what_kills_it_in_front_loses_what_was_not_saved(typed: Device) -> None:
    typed.is_root = True
    assert run(typed, f"kill -9 $(pidof {PACKAGE})")[0] == 0 and not alive(typed)
    run(typed, LAUNCH)
    assert typed.app.back_stack == [f"{PACKAGE}.HubActivity"]


def test_a_signal_in_the_background_loses_nothing(typed: Device) -> None:
    typed.is_root = True
    before = typed.observe()
    run(typed, f"{AWAY}; kill -9 $(pidof {PACKAGE}); {LAUNCH}")
    assert typed.observe() == before


def test_the_icon_brings_back_the_place_in_a_list(searching: Device) -> None:
    run(searching, link_of(searching, "contacts"))
    box = next(e for e in searching.observe().elements if e.scrollable).bounds_px
    run(searching, f"input swipe 300 {box[3] - 20} 300 {box[1] + 20} 300")
    before, place = searching.observe(), scroll(searching)
    run(searching, f"{AWAY}; am kill {PACKAGE}")
    icon = next(e for e in searching.observe().elements if searching.app.spec.title in e)
    run(searching, tap(icon))
    assert place == scroll(searching) > 0 and searching.observe() == before


def test_a_snapshot_knows_that_state_was_saved(typed: Device) -> None:
    before = typed.observe()
    run(typed, f"{AWAY}; am kill {PACKAGE}")
    typed.save_snapshot("dead")
    run(typed, LAUNCH)
    run(typed, f"am force-stop {PACKAGE}")
    assert typed.load_snapshot("dead") and not alive(typed)
    run(typed, LAUNCH)
    assert typed.observe() == before


@pytest.mark.parametrize("seed", range(6))
def test_only_what_is_on_the_back_stack_is_saved(seed: int) -> None:
    app, rng = App(app_spec(f"train/{seed}")), random.Random(seed)
    for _ in range(120):
        app.perform(app.observe(), rng.choice(app.candidates_fast()))
    saved, covered = app.snapshot(), app.probe_bytes()
    app.to_front()
    app.recreate()
    again, shown = app.snapshot(), {index for index, _ in saved.nav["stack"]}
    for name in ("stack", "scroll", "focus"):
        assert again.nav[name] == saved.nav[name]
    assert again.nav["toast"] == "" and again.shared == saved.shared
    assert app.probe_bytes() == covered
    for index, (old, new) in enumerate(zip(saved.features, again.features, strict=True)):
        module = module_of(app.spec.features[index].kind)
        kept = old if index in shown else {key: old[key] for key in module.KEEP}
        assert new == {**initial(module, dict(app.spec.features[index].cfg)), **kept}


def test_foreground_and_background(typed: Device) -> None:
    assert run(typed, f"{AWAY}; dumpsys activity top")[1].startswith("TASK com.android.launcher3")
    assert alive(typed)
    assert "brought to the front" in run(typed, f"am start {PACKAGE}")[2]
    assert field_of(typed).text == "unsaved"


def test_an_app_that_does_not_respond_leaves_traces(phone: VirtualDevice, cli: Adb) -> None:
    assert b"no ANR has occurred" in cli("shell", "dumpsys activity lastanr")[1]
    assert cli("shell", "ls /data/anr")[1] == b""
    phone.faults.anr_dialog = 1
    assert b"aerr_wait" in cli("exec-out", "uiautomator dump /dev/tty")[1]
    log = cli("logcat", "-d", "-b", "system", "-v", "brief", "-s", "ActivityManager:E")[1].decode()
    assert f": ANR in {PACKAGE} ({PACKAGE}/{PACKAGE}.HubActivity)" in log
    assert ": PID: 4242" in log and ": Reason: Input dispatching timed out" in log
    assert f"ANR in {PACKAGE}".encode() in cli("shell", "dumpsys activity lastanr")[1]
    (name,) = cli("shell", "ls /data/anr")[1].decode().split()
    traces = cli("exec-out", f"cat /data/anr/{name}")[1].decode()
    assert f"Cmd line: {PACKAGE}\n" in traces and '"main" prio=5 tid=1 ' in traces
    assert "  at android.app.ActivityThread.main(ActivityThread.java:" in traces
    cli("reboot")
    assert cli("wait-for-device")[0] == 0 and phone.device.last_anr == ""


def test_am_crash_shows_the_dialog_and_leaves_a_trace(phone: VirtualDevice, cli: Adb) -> None:
    device = phone.device
    cli("shell", link_of(device, "search"))
    cli("shell", tap(field_of(device)))
    assert device.keyboard
    assert cli("shell", f"am crash {PACKAGE}")[0] == 0
    assert not device.keyboard
    focus = cli("shell", "dumpsys window | grep mCurrentFocus")[1].decode()
    assert f"Application Error: {PACKAGE}" in focus
    log = cli("logcat", "-d", "-b", "crash", "-v", "raw")[1].decode()
    assert f"Process: {PACKAGE}, PID: 4242\n" in log
    assert "android.app.RemoteServiceException$CrashedByAdbException: shell-induced crash\n" in log
    close = next(e for e in device.observe().elements if e.resource_id == "android:id/aerr_close")
    cli("shell", f"input tap 5 5; {tap(close)}; {LAUNCH}")
    assert device.app.back_stack == [f"{PACKAGE}.HubActivity"]


def test_another_apps_crash_is_in_the_log(phone: VirtualDevice, cli: Adb) -> None:
    phone.faults.crash_dialog = 1
    cli("exec-out", "uiautomator dump /dev/tty")
    log = cli("logcat", "-d", "-b", "crash", "-v", "raw")[1].decode()
    assert "FATAL EXCEPTION: main\nProcess: com.google.android.gms, PID: 1650\n" in log
    assert "\tat com.google.android.gms." in log
    assert b"lastanr" not in log.encode() and phone.device.last_anr == ""
