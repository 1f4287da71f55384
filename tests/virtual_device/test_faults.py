"""Every fault as a client sees it over the real adb server, and the plan that brings them about."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator

import pytest
from PIL import Image

from jamel.config import FaultsConfig
from jamel.coverage.jacoco import read_exec
from jamel.envs.adb_connection import AdbShell
from jamel.envs.ui_tree import parse_hierarchy
from jamel.errors import AdbMissing, CoverageError, DeviceError, DeviceLost
from jamel.types import Element
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.faults import BREAKS, KINDS, FaultPlan
from jamel.virtual_device.server import AdbServer, VirtualDevice

DUMP = "uiautomator dump /dev/tty"
FILE = "/sdcard/window_dump.xml"


@pytest.fixture
def device() -> Iterator[VirtualDevice]:
    running = VirtualDevice(App(build_app(2)))
    running.start()
    yield running
    running.close()


@pytest.fixture
def shell(device: VirtualDevice) -> AdbShell:
    return AdbShell(device.serial, device.adb.port, 5.0)


def elements(shell: AdbShell) -> tuple[Element, ...]:
    return parse_hierarchy(shell.run(DUMP).stdout)[0]


def button(shell: AdbShell, name: str) -> str:
    """The `input tap` that presses a system dialog's button."""
    found = next(e for e in elements(shell) if e.resource_id == f"android:id/{name}")
    left, top, right, bottom = found.bounds_px
    return f"input tap {(left + right) // 2} {(top + bottom) // 2}"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("never_idle", "ERROR: could not get idle state."),
        ("null_root", "ERROR: null root node returned by UiTestAutomationBridge."),
    ],
)
def test_a_failed_dump_exits_with_0_and_leaves_the_old_file(device, shell, kind, said):
    assert b"UI hierchary dumped to:" in shell.run(f"uiautomator dump {FILE}").stdout
    old = shell.run(f"cat {FILE}").stdout
    setattr(device.faults, kind, 1)
    found = shell.run(f"input keyevent HOME; uiautomator dump {FILE} 2>&1")
    assert (found.text(), found.code) == (said, 0)
    assert shell.run(f"cat {FILE}").stdout == old
    shell.run(f"uiautomator dump {FILE}")
    assert shell.run(f"cat {FILE}").stdout != old


def test_a_stale_dump_succeeds_with_the_screen_before(device, shell):
    before = shell.run(DUMP).stdout
    device.faults.stale_xml = 1
    assert shell.run(f"input keyevent HOME; {DUMP}").stdout == before
    assert b"launcher" in shell.run(DUMP).stdout


def test_a_web_page_tells_nothing_for_once():
    spec = next(s for s in map(build_app, range(200)) if s.look == "web")
    running = VirtualDevice(App(spec))
    running.start()
    try:
        shell = AdbShell(running.serial, running.adb.port, 5.0)
        whole = elements(shell)
        running.faults.empty_webview = 1
        bare = elements(shell)
        assert bare[-1].cls == "android.webkit.WebView" and bare == whole[: len(bare)]
        assert elements(shell) == whole and len(whole) > len(bare) + 3
    finally:
        running.close()


def test_a_black_screenshot(device, shell):
    device.faults.black_screenshot = 1
    for colours in (1, 3):
        with Image.open(io.BytesIO(shell.run("screencap -p").stdout)) as picture:
            assert picture.size == device.device.app.size_px
            found = picture.getcolors(1 << 24)
        assert len(found) >= colours and (colours > 1 or found[0][1] == (0, 0, 0))


def test_coverage_files_are_cut_short_empty_or_anothers(device, shell):
    cat = f"run-as {device.device.app.package} cat files/coverage.ec"
    whole = shell.run(cat).stdout
    device.faults.truncated_coverage = 3
    parts = [shell.run(cat).stdout for _ in range(3)]
    assert all(whole.startswith(part) for part in parts)
    assert 0 < len(parts[0]) < len(parts[1]) < len(parts[2]) < len(whole)
    device.faults.empty_coverage = 1
    empty = shell.run(cat)
    assert (empty.stdout, empty.code) == (b"", 0)
    with pytest.raises(CoverageError):
        read_exec(empty.stdout)
    device.faults.other_build_coverage = 1
    other, ours = read_exec(shell.run(cat).stdout).classes, read_exec(whole).classes
    assert not set(other) & set(ours) and len(other) == len(ours)
    assert shell.run(cat).stdout == whole


@pytest.mark.parametrize(
    ("kind", "title", "name"),
    [
        ("anr_dialog", "Application Not Responding: {}", "aerr_wait"),
        ("crash_dialog", "Application Error: com.google.android.gms", "aerr_close"),
    ],
)
def test_a_system_dialog_takes_the_focus_and_the_touches(device, shell, kind, title, name):
    package = device.device.app.package
    before = elements(shell)
    setattr(device.faults, kind, 1)
    dialog = elements(shell)
    assert f"android:id/{name}" in {element.resource_id for element in dialog} and dialog != before
    assert f" {title.format(package)}}}" in shell.run("dumpsys window").stdout.decode()
    covered = device.device.app.exec_data()
    shell.run("input tap 5 5; input keyevent BACK; input swipe 500 900 500 200")
    assert elements(shell) == dialog and device.device.app.exec_data() == covered
    shell.run(button(shell, name))
    assert elements(shell) == before and device.device.running


def test_closing_an_app_that_does_not_respond_ends_it(device, shell):
    device.faults.anr_dialog = 1
    shell.run(button(shell, "aerr_close"))
    assert shell.run(f"pidof {device.device.app.package}").code == 1


def test_the_keyboard_covers_the_lower_part_until_back(device, shell):
    before = elements(shell)
    device.faults.keyboard = 1
    assert elements(shell) == before
    assert b"mInputShown=true" in shell.run("dumpsys input_method").stdout
    height_px = device.device.app.size_px[1]
    saved = device.device.app.snapshot()
    shell.run(f"input tap 300 {height_px - 40}")
    assert device.device.app.snapshot() == saved
    shell.run("input keyevent KEYCODE_BACK")
    assert b"mInputShown=false" in shell.run("dumpsys input_method").stdout
    assert device.device.app.snapshot() == saved
    shell.run("input keyevent KEYCODE_BACK")
    assert device.device.app.snapshot() != saved


def test_a_slow_answer_comes_late(device, shell):
    device.faults.plan = FaultPlan(FaultsConfig(rate=1.0, kinds=("slow",), slow_s=0.3))
    began = time.monotonic()
    assert shell.run("input keyevent HOME").code == 0
    assert time.monotonic() - began >= 0.3


def test_a_command_whose_client_gave_up_is_not_run_later(device):
    device.faults.plan = FaultPlan(FaultsConfig(rate=1.0, kinds=("slow",), slow_s=1.0))
    saved = device.device.app.snapshot()
    with pytest.raises(DeviceLost, match=r"0\.3 s"):
        AdbShell(device.serial, device.adb.port, 0.3).run("input keyevent BACK")
    time.sleep(1.2)
    assert device.device.app.snapshot() == saved


def states(device: VirtualDevice, until_s: float = 60.0) -> list[str]:
    """The states adb lists for the device, one after the other, until it is well or for ever."""
    seen: list[str] = []
    deadline = time.monotonic() + until_s
    while time.monotonic() < deadline:
        listed = device.adb.request("host:devices")[8:].decode().split()
        state = dict(zip(listed[::2], listed[1::2], strict=True)).get(device.serial, "gone")
        if [state] != seen[-1:]:
            seen.append(state)
        if state == "device" and len(seen) > 1:
            break
        time.sleep(0.01)
    return seen


@pytest.mark.parametrize(
    ("kind", "listed"),
    [("vanish", "gone"), ("offline", "offline"), ("unauthorized", "unauthorized")],
)
def test_the_connection_drops_in_the_middle_and_comes_back(device, shell, kind, listed):
    setattr(device.faults, kind, 1)
    saved = device.device.app.snapshot()
    with pytest.raises(DeviceLost, match="in the middle of a command"):
        shell.run("input keyevent BACK")
    seen = states(device)
    assert listed in seen and seen[-1] == "device"
    assert device.device.app.snapshot() == saved
    assert shell.run("echo here").stdout == b"here\n"


def test_a_reboot_ends_the_app_and_takes_time(device, shell, monkeypatch):
    # Long enough to be looked at on a machine that is busy.
    monkeypatch.setattr("jamel.virtual_device.device.BOOT_S", 3.0)
    boot_id = shell.run("cat /proc/sys/kernel/random/boot_id").stdout
    device.faults.reboot = 1
    with pytest.raises(DeviceLost):
        shell.run("input keyevent BACK")
    assert states(device)[-1] == "device"
    shell.await_device()
    package = device.device.app.package
    assert shell.run("getprop sys.boot_completed").stdout == b"\n"
    assert "Can't find service" in shell.run(f"pm path {package} 2>&1").text()
    deadline = time.monotonic() + 60
    while shell.run("getprop sys.boot_completed").stdout != b"1\n":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert shell.run("cat /proc/sys/kernel/random/boot_id").stdout != boot_id
    assert shell.run(f"pidof {package}").code == 1 and b"launcher" in shell.run(DUMP).stdout


def test_a_process_killed_for_its_memory_is_gone_and_says_why(device, shell):
    package = device.device.app.package
    pid = shell.run(f"pidof {package}").stdout.strip()
    device.faults.process_death = 1
    assert shell.run("input swipe 1 1 2 2").code == 0
    told = shell.run(f"dumpsys activity exit-info {package}").stdout
    assert b"#0:" in told and b" pid=%b " % pid in told and b" reason=3 (LOW_MEMORY) " in told
    shell.run(f"am force-stop {package}; monkey -p {package} 1")
    assert shell.run(f"pidof {package}").stdout.strip() not in (b"", pid)
    assert shell.run(f"ls /proc/{pid.decode()}").code == 1
    assert shell.run(f"dumpsys activity exit-info {package}").stdout.count(b" reason=") == 2


def test_services_that_start_again_end_the_app_and_not_the_connection(device, shell, monkeypatch):
    monkeypatch.setattr("jamel.virtual_device.device.SERVICES_S", 1.5)
    package = device.device.app.package
    boot_id = shell.run("cat /proc/sys/kernel/random/boot_id").stdout
    server = shell.run("pidof system_server").stdout
    device.faults.framework_restart = 1
    found = shell.run(f"input tap 5 5; echo here; pidof {package}; pm path {package}")
    assert b"here\n" in found.stdout and b"Can't find service" in found.stderr
    assert shell.run("getprop sys.boot_completed; pidof system_server").stdout == b"1\n"
    deadline = time.monotonic() + 60
    while shell.run(f"pm path {package}").code != 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert shell.run("pidof system_server").stdout not in (b"", server)
    assert shell.run("cat /proc/sys/kernel/random/boot_id").stdout == boot_id
    assert b"launcher" in shell.run(DUMP).stdout


def test_a_dead_device_does_not_come_back(device, shell):
    who = "settings get secure android_id"
    identity = shell.run(who).stdout
    assert len(identity.strip()) == 16
    device.faults.death = 1
    with pytest.raises(DeviceLost):
        shell.run("input keyevent BACK")
    time.sleep(1)
    # Its ports, and with them its serial, may be another process's device by now.
    with contextlib.suppress(DeviceError):
        assert shell.run(who).stdout != identity


def test_a_killed_adb_server_is_gone_until_it_is_started_again():
    device = VirtualDevice(App(build_app(2)), AdbServer().start())
    try:
        serial, port = device.start(), device.adb.port
        shell = AdbShell(serial, port, 5.0)
        device.faults.adb_killed = 1
        with pytest.raises(DeviceLost):
            shell.run("input keyevent BACK")
        with pytest.raises(AdbMissing, match=f"port {port}"):
            shell.run("true")
        device.revive()
        shell.await_device()
        assert device.adb.port == port and shell.run("echo here").stdout == b"here\n"
    finally:
        device.close()
        device.adb.close()


def test_a_plan_is_a_function_of_seed_name_and_step():
    config = FaultsConfig(rate=0.05, seed=3)
    plan = [FaultPlan(config, "a").at(step) for step in range(1, 4001)]
    assert plan == [FaultPlan(config, "a").at(step) for step in range(1, 4001)]
    assert plan != [FaultPlan(config, "b").at(step) for step in range(1, 4001)]
    faults = [fault for fault in plan if fault]
    assert 150 < len(faults) < 250 and {fault.kind for fault in faults} == set(KINDS)
    breaks = [fault.moment for fault in faults if fault.kind in BREAKS]
    assert set(breaks) == {"before", "during", "after"}
    assert FaultPlan(FaultsConfig(), "a").at(1) is None


def test_only_touches_and_starts_are_steps(device, shell):
    device.faults.plan = FaultPlan(FaultsConfig(rate=1.0, kinds=("keyboard",)))
    shell.run("getprop; uiautomator dump; dumpsys window; echo input")
    assert device.faults.log == []
    shell.run("input tap 5 5")
    shell.run(f"monkey -p {device.device.app.package} -c android.intent.category.LAUNCHER 1")
    assert device.faults.log == [(1, "keyboard"), (2, "keyboard")]
