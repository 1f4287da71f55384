"""Screenshots: the device's size, equal for equal screens, and no screen too odd to draw."""

import io
import random
from pathlib import Path

import pytest
from PIL import Image

import jamel.virtual_device.apps as virtual_apps
from jamel.envs.android import make_env
from jamel.envs.base import candidates
from jamel.types import Element, Observation
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.screenshot import GLYPHS, screenshot_png
from jamel.virtual_device.typography import drawable, fit, width_px, wrap

APPS = Path(virtual_apps.__file__).parent


def test_a_screen_is_drawn_at_its_size_and_the_same_each_time() -> None:
    observation = App(build_app(4)).observe()
    data = screenshot_png(observation)
    assert data == screenshot_png(observation)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG" and image.size == observation.size_px
        assert len(image.getcolors(1 << 20) or []) > 3


def test_impossible_bounds_and_odd_texts_are_survived() -> None:
    flags = (True, False, False, True, True, True, True, True)
    elements = tuple(
        Element("a.EditText", text, "", text, bounds, *flags, password, -1)
        for text in ("", "\x00\ufffd", "漢字👍\nz" * 500, "\u202eabc")
        for bounds in ((0, 0, 0, 0), (9, 9, 1, 1), (-500, -5, 9000, 20), (0, 0, 5, 5))
        for password in (True, False)
    )
    assert screenshot_png(Observation("p", "a", elements, (200, 100))).startswith(b"\x89PNG")
    assert screenshot_png(Observation("p", "a", (), (0, 0))).startswith(b"\x89PNG")


def test_both_transports_give_the_same_picture() -> None:
    spec = build_app(6)
    fast, wire = make_env(spec, screenshots=True), make_env(spec, "adb", screenshots=True)
    try:
        observation, _ = fast.reset()
        assert observation.screenshot_png and wire.reset()[0] == observation
        rng = random.Random(1)
        for _ in range(3):
            action = rng.choice(candidates(observation))
            observation = fast.step(action)[0]
            assert wire.step(action)[0] == observation
    finally:
        wire.close()


def test_there_is_a_glyph_for_everything_that_apps_show() -> None:
    shown = "".join(path.read_text(encoding="utf-8") for path in APPS.rglob("*.py"))
    odd = {character for character in shown if not character.isascii()} | set(
        "".join(GLYPHS.values())
    )
    assert len(odd) > 60
    assert {c for c in odd if not drawable(c)} <= {"💉"}


@pytest.mark.parametrize("room_px", [20, 60, 200, 900])
@pytest.mark.parametrize(
    "text", ["OK", "Cart, 0 items", "Allow スキャン to take pictures? " * 4, ""]
)
def test_no_text_is_wider_than_its_room(text: str, room_px: int) -> None:
    for bold in (False, True):
        assert width_px(fit(text, room_px, 40, 20, bold)) <= max(room_px, 30)
    assert "".join(wrap(text, room_px, 26, 2)).replace(" ", "") == drawable(text).replace(" ", "")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_can_be_touched_can_be_seen(seed: int) -> None:
    app, rng = App(build_app(seed)), random.Random(seed)
    for _ in range(12):
        app.apply(rng.choice(candidates(app.observe())))
        observation = app.observe()
        with Image.open(io.BytesIO(screenshot_png(observation))) as image:
            for element in observation.elements:
                if element.clickable and (element.text or element.content_desc != "Close"):
                    colours = image.crop(element.bounds_px).getcolors(1 << 20)
                    assert len(colours) > 1, element
