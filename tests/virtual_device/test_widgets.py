"""What apps put over and into their screens, driven by touches alone as any client drives them."""

from __future__ import annotations

import pytest

from jamel.types import Element, Observation
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.apps.limits import Limits
from jamel.virtual_device.device import Device
from tests.virtual_device.conftest import link_of, run, tap


def device_with(*kinds: str) -> Device:
    """A device whose app has these features and shows the first."""
    limits = Limits(kinds=kinds, features=(len(kinds), len(kinds)), looks=("native",))
    device = Device(App(build_app(1, noise="none", limits=limits)))
    run(device, link_of(device, kinds[0]))
    return device


def texts(observation: Observation) -> list[str]:
    return [text for e in observation.elements for text in (e.text, e.content_desc) if text]


def labelled(device: Device, text: str) -> Element:
    """What takes a touch on the element that says `text`."""
    elements = device.observe().elements
    element = next(e for e in elements if text in (e.text, e.content_desc))
    while not (element.clickable or element.long_clickable):
        element = elements[element.parent]
    return element


@pytest.fixture
def contacts() -> Device:
    return device_with("contacts")


def test_a_list_goes_on_below_the_fold(contacts: Device) -> None:
    before = contacts.observe()
    box = next(e for e in before.elements if e.scrollable).bounds_px
    people = contacts.app.spec.features[1].cfg[0][1]
    assert people[0] in texts(before) and people[-1] not in texts(before)
    for _ in range(40):
        run(contacts, f"input swipe 300 {box[3] - 20} 300 {box[1] + 20} 300")
    end = contacts.observe()
    assert people[-1] in texts(end) and people[0] not in texts(end)
    assert all(e.bounds_px[3] <= box[3] for e in end.elements if e.text == people[-1])
    run(contacts, f"input swipe 300 {box[1] + 20} 300 {box[3] - 20} 300")
    assert texts(contacts.observe()) != texts(end)


def test_a_spinner_drops_down_and_keeps_what_was_chosen() -> None:
    device = device_with("diary")
    run(device, tap(labelled(device, "Write")))
    run(device, tap(labelled(device, "Mood")))
    dropped, moods = device.observe(), dict(device.app.spec.features[1].cfg)["moods"]
    assert set(moods) <= set(texts(dropped)) and "Save" not in texts(dropped)
    assert len([e for e in dropped.elements if e.selected]) == 1
    root = dropped.elements[0].bounds_px
    assert root[0] > 0 and root[3] < dropped.size_px[1], "it covers a part of the screen"
    run(device, tap(labelled(device, moods[-1])))
    assert moods[-1] in texts(device.observe()) and moods[0] not in texts(device.observe())


def test_a_long_press_opens_a_menu_and_a_tap_does_not(contacts: Device) -> None:
    name = contacts.app.spec.features[1].cfg[0][1][0]
    point = tap(labelled(contacts, name)).removeprefix("input tap ")
    page = contacts.observe()
    run(contacts, f"input swipe {point} {point} 800")
    menu = contacts.observe()
    assert {"Block", "Delete contact"} <= set(texts(menu)) and contacts.app.activity
    run(contacts, "input keyevent BACK")
    assert contacts.observe() == page
    run(contacts, f"input tap {point}")
    assert "Delete contact" not in texts(contacts.observe())
    assert texts(contacts.observe()) != texts(page)


@pytest.mark.parametrize("touch", ["input tap 5 400", "input swipe 300 900 300 200 300",
                                   "input swipe 5 400 5 400 900"])  # fmt: skip
def test_a_dialog_swallows_what_is_beside_it(contacts: Device, touch: str) -> None:
    name = contacts.app.spec.features[1].cfg[0][1][0]
    point = tap(labelled(contacts, name)).removeprefix("input tap ")
    run(contacts, f"input swipe {point} {point} 800")
    before, covered = texts(contacts.observe()), contacts.app.exec_data()
    run(contacts, touch)
    assert texts(contacts.observe()) == before and contacts.app.exec_data() == covered


def test_a_toast_stays_until_the_next_touch() -> None:
    device = device_with("scanner")
    run(device, tap(labelled(device, "Enter by hand")))
    assert "Try the camera first" in texts(device.observe())
    assert "Try the camera first" in texts(device.observe())
    run(device, "input tap 5 5")
    assert "Try the camera first" not in texts(device.observe())


def test_a_date_picker_turns_its_months_and_takes_a_day() -> None:
    device = device_with("booking")
    cfg = dict(device.app.spec.features[1].cfg)
    day = "14" if cfg["closed"] != 14 else "15"
    run(device, tap(labelled(device, cfg["places"][0])))
    run(device, tap(labelled(device, "Arrival")))
    shown = texts(device.observe())
    assert "Select date" in shown and "March" in shown
    assert [text for text in shown if text.isdigit()] == [str(n) for n in range(1, 31)]
    run(device, tap(labelled(device, "Next month")))
    assert "April" in texts(device.observe())
    run(device, tap(labelled(device, day)))
    assert "Select date" not in texts(device.observe())
    assert f"{day} April" in texts(device.observe())
