"""The soft keyboard: it comes with a touched field, covers what is below, types, and goes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from jamel.types import centre_px
from jamel.virtual_device.device import Device
from jamel.virtual_device.keyboard import area_px, keys
from jamel.virtual_device.server import VirtualDevice
from tests.virtual_device.conftest import Adb, field_of, link_of, run, tap

SHOWN = "dumpsys input_method | grep -c mInputShown=true"


def shown(device: Device) -> bool:
    assert run(device, "dumpsys input_method")[1].count("mInputShown=") >= 1
    return run(device, SHOWN)[1] != "0\n"


def key(device: Device, label: str) -> str:
    x_px, y_px = centre_px(dict(keys(device.app.size_px))[label])
    return f"input tap {x_px} {y_px}"


def typed(device: Device) -> str:
    return field_of(device).text


def test_over_adb_as_a_client_sees_it(phone: VirtualDevice, cli: Adb) -> None:
    device = phone.device
    cli("shell", link_of(device, "search"))
    assert b"mInputShown=false" in cli("shell", "dumpsys input_method")[1]
    before = cli("exec-out", "uiautomator dump /dev/tty")[1]
    plain = Image.open(io.BytesIO(cli("exec-out", "screencap -p")[1])).convert("RGB")
    cli("shell", tap(field_of(device)))
    assert b"mInputShown=true" in cli("shell", "dumpsys input_method")[1]
    windows = cli("shell", "dumpsys window windows")[1].decode()
    ime = windows.partition(" u0 InputMethod}:")[2].partition("Window #0")[0]
    assert "isVisible=true" in ime and "mHasSurface=true" in ime
    # Its keys are in no dump of the app: the field alone has changed.
    after = cli("exec-out", "uiautomator dump /dev/tty")[1]
    assert after.count(b"<node") == before.count(b"<node")
    drawn = Image.open(io.BytesIO(cli("exec-out", "screencap -p")[1])).convert("RGB")
    covered = ImageChops.difference(plain, drawn).crop(area_px(plain.size)).getbbox()
    assert covered is not None and covered[2] - covered[0] > 0.9 * plain.width
    cli("shell", "input keyevent 4")
    assert b"mInputShown=false" in cli("shell", "dumpsys input_method")[1]
    assert phone.device.app.activity.endswith("SearchActivity")
    cli("shell", "input keyevent 4")
    assert not phone.device.app.activity.endswith("SearchActivity")


def test_its_keys_type_and_swallow_what_is_meant_for_the_app(searching: Device) -> None:
    run(searching, tap(field_of(searching)))
    stack = searching.app.back_stack
    run(searching, "; ".join(key(searching, label) for label in ("h", "i", "Space", "m")))
    assert typed(searching) == "hi m"
    run(searching, f"{key(searching, 'Del')}; {key(searching, 'Shift')}; {key(searching, '?123')}")
    assert typed(searching) == "hi " and searching.app.back_stack == stack
    _, top, right, bottom = area_px(searching.app.size_px)
    run(searching, f"input swipe {right // 2} {bottom - 5} {right // 2} {top + 5} 100")
    assert typed(searching) == "hi " and shown(searching)
    run(searching, key(searching, "Done"))
    assert not shown(searching) and searching.app.back_stack == stack
    # What it covered can be touched again; the field kept the focus, and a touch brings it back.
    run(searching, "input text x")
    assert typed(searching) == "hi x" and not shown(searching)
    run(searching, tap(field_of(searching)))
    assert shown(searching)


@pytest.mark.parametrize(
    "script",
    [
        "input keyevent HOME",
        "input keyevent SLEEP",
        "input keyevent ESCAPE",
        "am start -a android.intent.action.MAIN -c android.intent.category.HOME",
        "am force-stop {0.app.package}",
        "pm clear {0.app.package}",
        "settings put system accelerometer_rotation 0; settings put system user_rotation 1",
        "input tap 40 110",  # Navigate up.
    ],
)
def test_it_goes_with_what_it_was_for(searching: Device, script: str) -> None:
    run(searching, tap(field_of(searching)))
    assert shown(searching)
    run(searching, script.format(searching))
    assert not shown(searching)


def test_it_goes_with_another_page_and_stays_down(searching: Device) -> None:
    run(searching, tap(field_of(searching)))
    run(searching, link_of(searching, "scanner"))
    assert not shown(searching)
    run(searching, link_of(searching, "search"))
    assert not shown(searching) and searching.app.field is None


def test_a_snapshot_knows_whether_it_was_up(searching: Device) -> None:
    run(searching, tap(field_of(searching)))
    searching.save_snapshot("up")
    run(searching, "input keyevent BACK")
    searching.save_snapshot("down")
    assert searching.load_snapshot("up") and shown(searching)
    run(searching, "input keyevent BACK")
    assert searching.app.activity.endswith("SearchActivity")
    assert searching.load_snapshot("down") and not shown(searching)


def test_text_is_inserted_and_keys_edit_as_on_a_keyboard(searching: Device) -> None:
    run(searching, "input text lost")
    run(searching, f"{tap(field_of(searching))}; input text one; input text %stwo")
    assert typed(searching) == "one two"
    run(searching, "input keyevent KEYCODE_MOVE_END 67 DEL KEYCODE_DEL KEYCODE_X KEYCODE_7 62 29")
    assert typed(searching) == "one x7 a"
    run(searching, f"input keyevent {'67 ' * 20}")
    assert typed(searching) == "What are you looking for?"
    run(searching, "input keyevent HOME; input text lost")
    assert run(searching, link_of(searching, "search"))[0] == 0
    assert typed(searching) == "What are you looking for?"


def test_a_finger_that_comes_down_and_goes_up_is_a_touch(searching: Device) -> None:
    x_px, y_px = centre_px(field_of(searching).bounds_px)
    run(searching, f"input motionevent DOWN {x_px} {y_px}")
    assert not shown(searching)
    run(searching, f"input motionevent UP {x_px} {y_px}")
    assert shown(searching)
    run(searching, "input keyevent BACK; input motionevent UP 9 9")
    run(searching, link_of(searching, "contacts"))
    box = next(e for e in searching.observe().elements if e.scrollable).bounds_px
    run(searching, f"input motionevent DOWN 300 {box[3] - 20}; input motionevent MOVE 300 "
                   f"{box[1] + 90}; input motionevent UP 300 {box[1] + 20}")  # fmt: skip
    assert searching.app.snapshot().nav["scroll"] > 0


@given(st.integers(320, 4096), st.integers(320, 4096))
def test_keys_lie_beside_each_other_on_every_display(width: int, height: int) -> None:
    left, top, right, bottom = area_px((width, height))
    boxes = [box for _, box in keys((width, height))]
    for x1, y1, x2, y2 in boxes:
        assert left <= x1 < x2 <= right and top <= y1 < y2 <= bottom
        point = centre_px((x1, y1, x2, y2))
        under = [b for b in boxes if b[0] <= point[0] < b[2] and b[1] <= point[1] < b[3]]
        assert under == [(x1, y1, x2, y2)]
