"""Screenshots: the device's size, equal for equal screens, and no screen too odd to draw."""

import io
import random

from PIL import Image

from jamel.envs.android import make_env
from jamel.envs.base import candidates
from jamel.types import Element, Observation
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.screenshot import screenshot_png


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
