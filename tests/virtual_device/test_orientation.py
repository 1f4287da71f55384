"""Turning the display by settings, `wm` and console: the activity is new, its state is not."""

from __future__ import annotations

import io
import re

import pytest
from adbutils import AdbClient
from PIL import Image

from jamel.envs.adb_link import AdbLink
from jamel.envs.android import AndroidEnv
from jamel.envs.base import candidates
from jamel.envs.ui_tree import parse_hierarchy
from jamel.types import ActionKind
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.device import Device
from jamel.virtual_device.keyboard import hide
from jamel.virtual_device.server import VirtualDevice
from tests.virtual_device.conftest import Adb, field_of, link_of, run, tap

SETTINGS = "settings put system accelerometer_rotation 0; settings put system user_rotation {}"
WAYS = {
    "settings": SETTINGS,
    "content": "content insert --uri content://settings/system --bind "
    "name:s:accelerometer_rotation --bind value:i:0; content insert --uri "
    "content://settings/system --bind name:s:user_rotation --bind value:i:{}",
    "wm": "wm user-rotation lock {}",
    "cmd": "cmd window user-rotation -d 0 lock {}",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("turns", [1, 3])
def test_every_way_turns_the_display(searching: Device, way: str, turns: int) -> None:
    width, height = searching.app.size_px
    run(searching, f"{tap(field_of(searching))}; input text kept")
    before = searching.app.back_stack
    assert run(searching, WAYS[way].format(turns))[0] == 0
    observation = searching.observe()
    assert observation.size_px == searching.app.size_px == (height, width)
    assert searching.app.back_stack == before and field_of(searching).text == "kept"
    assert run(searching, "wm size")[1] == f"Physical size: {width}x{height}\n"
    assert run(searching, "wm user-rotation")[1] == f"lock {turns}\n"
    shown = run(searching, "dumpsys display")[1]
    assert f"orientation={turns}" in shown and f"Rect(0, 0 - {height}, {width})" in shown
    assert f"SurfaceOrientation: {turns}\n" in run(searching, "dumpsys input")[1]
    windows = run(searching, "dumpsys window displays")[1]
    assert f"cur={height}x{width}" in windows and f"init={width}x{height}" in windows
    assert f"mRotation=ROTATION_{turns * 90} " in windows
    dump = run(searching, "uiautomator dump /dev/tty")[1]
    assert parse_hierarchy(dump.encode()) == (observation.elements, turns)
    for element in observation.elements:
        left, top, right, bottom = element.bounds_px
        assert 0 <= left <= right <= height and 0 <= top <= bottom <= width, element
    assert run(searching, WAYS[way].format(0))[0] == 0
    assert searching.app.size_px == (width, height) and field_of(searching).text == "kept"


def test_the_sensor_turns_what_is_not_locked(phone: VirtualDevice, cli: Adb) -> None:
    natural = phone.device.app.size_px
    assert cli("emu", "rotate")[0] == 0
    client = AdbClient(host="127.0.0.1", port=phone.adb.port).device(phone.serial)
    assert client.rotation() == 1 and tuple(client.window_size()) == natural[::-1]
    assert client.screenshot(error_ok=False).size == natural[::-1]
    assert cli("shell", "wm user-rotation")[1] == b"free\n"
    assert cli("shell", "wm user-rotation lock 0; wm user-rotation")[1] == b"lock 0\n"
    assert client.rotation() == 0 and tuple(client.window_size()) == natural
    cli("emu", "rotate")
    assert client.rotation() == 0
    assert cli("shell", "wm user-rotation free")[0] == 0 and client.rotation() == 2
    assert tuple(client.window_size()) == natural
    picture = Image.open(io.BytesIO(cli("exec-out", "screencap -p")[1]))
    assert picture.size == natural


def test_wrong_requests_are_refused_as_android_does(searching: Device) -> None:
    for script in ("wm user-rotation lock 4", "wm user-rotation lock x"):
        code, _, err = run(searching, script)
        assert code == 255 and re.match(r'Error: For input string: "[4x]"', err)
    assert run(searching, "wm user-rotation sideways")[2].startswith("Error: argument needs to be")
    assert run(searching, "settings put system accelerometer_rotation 0; "
                          "settings put system user_rotation nonsense")[0] == 0  # fmt: skip
    assert searching.rotation == 0


@pytest.mark.parametrize("seed", range(4))
def test_touches_mean_the_same_on_a_turned_display(seed: int) -> None:
    """Tapping what is shown does what acting on the element does, as upright."""
    turned, by_hand = Device(App(build_app(seed))), App(build_app(seed))
    run(turned, "wm user-rotation lock 1")
    by_hand.turn(turned.app.size_px)
    for pick in range(25):
        assert turned.observe() == by_hand.observe()
        taps = [a for a in candidates(by_hand.observe()) if a.kind is ActionKind.TAP]
        hide(turned)
        if not taps:
            run(turned, "input keyevent BACK")
            by_hand.back()
            continue
        action = taps[pick * 7 % len(taps)]
        run(turned, tap(by_hand.observe().elements[action.element]))
        by_hand.apply(action)


def test_a_snapshot_is_as_the_display_was(searching: Device) -> None:
    searching.save_snapshot("upright")
    upright = searching.observe()
    run(searching, "wm user-rotation lock 1")
    turned = searching.observe()
    searching.save_snapshot("turned")
    assert searching.load_snapshot("upright") and searching.rotation == 0
    assert searching.observe() == upright
    assert searching.load_snapshot("turned") and searching.rotation == 1
    assert searching.observe() == turned != upright


def test_a_toast_does_not_survive_and_the_scroll_does(searching: Device) -> None:
    run(searching, link_of(searching, "contacts"))
    box = next(e for e in searching.observe().elements if e.scrollable).bounds_px
    run(searching, f"input swipe 300 {box[3] - 20} 300 {box[1] + 20} 300")
    assert searching.app.snapshot().nav["scroll"] > 0
    scrolled = searching.app.snapshot().nav["scroll"]
    run(searching, "wm user-rotation lock 1; wm user-rotation lock 0")
    assert searching.app.snapshot().nav["scroll"] == scrolled


def test_a_session_runs_on_a_turned_device(phone: VirtualDevice, cli: Adb) -> None:
    app = phone.device.app
    width, height = app.size_px
    cli("shell", SETTINGS.format(1))
    link = AdbLink(phone.serial, phone.adb.port, app.package, activity=app.activities[0])
    env = AndroidEnv(link)
    observation, _ = env.reset()
    assert observation.size_px == (height, width)
    twin = App(build_app(3))
    twin.turn((height, width))
    twin.clear_data()
    assert observation == twin.observe()
    for pick in range(8):
        actions = candidates(observation)
        action = actions[pick * 5 % len(actions)]
        observation, *_ = env.step(action)
        twin.apply(action)
        assert observation == twin.observe()
