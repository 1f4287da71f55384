"""An observation as the PNG that `screencap -p` would give: what a person can recognise.

Drawn from the elements alone, so that equal screens give equal bytes. Knows nothing of apps.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

from jamel.types import Element, Observation

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

PAPER, INK, FAINT, ACCENT = (250, 250, 252), (32, 33, 36), (154, 160, 166), (26, 115, 232)
CARD, FIELD, LINE = (255, 255, 255), (241, 243, 244), (218, 220, 224)
MAX_CHARACTERS = 80
MARGIN_PX = 18
RADIUS_PX = 14
SMALLEST_PX = 9


def screenshot_png(observation: Observation) -> bytes:
    """The screen as a PNG of the device's size in pixels."""
    from PIL import Image, ImageDraw

    width, height = (max(1, side) for side in observation.size_px)
    image = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(image)
    for element in observation.elements:
        _draw_element(draw, element, width)
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _draw_element(draw: ImageDraw.ImageDraw, element: Element, screen_width: int) -> None:
    left, top, right, bottom = element.bounds_px
    if right - left < SMALLEST_PX or bottom - top < SMALLEST_PX:
        return
    name = element.cls.rpartition(".")[2]
    box = (left + 3, top + 3, right - 4, bottom - 4)
    if name == "EditText":
        outline = ACCENT if element.focused else LINE
        draw.rounded_rectangle(box, RADIUS_PX, FIELD, outline, 4)
    elif name == "Button":
        draw.rounded_rectangle(box, RADIUS_PX, ACCENT if element.enabled else FAINT)
    elif element.checkable:
        _draw_check(draw, element)
    elif element.clickable or element.resource_id.endswith(("/panel", "/toolbar")):
        draw.rounded_rectangle(box, RADIUS_PX, CARD, ACCENT if element.selected else LINE, 2)
    elif name in ("ImageView", "ImageButton"):
        draw.ellipse(box, LINE)
    _draw_label(draw, element, name, screen_width)


def _draw_check(draw: ImageDraw.ImageDraw, element: Element) -> None:
    left, top, right, bottom = element.bounds_px
    size = max(8, min(right - left, bottom - top, 64) // 2)
    middle = (top + bottom) // 2
    box = (right - MARGIN_PX - size, middle - size // 2, right - MARGIN_PX, middle + size // 2)
    draw.rounded_rectangle(box, 6, ACCENT if element.checked else CARD, INK, 3)


def _draw_label(
    draw: ImageDraw.ImageDraw, element: Element, name: str, screen_width: int
) -> None:  # fmt: skip
    label = "•" * len(element.text) if element.password else element.text
    described = not label and element.clickable
    label = (label or (element.content_desc if described else "")).split("\n")[0]
    if not label:
        return
    left, top, right, bottom = element.bounds_px
    room = (right - left - MARGIN_PX) / (0.55 * len(label))
    size = int(max(14, min((bottom - top) * 0.42, screen_width / 24, room)))
    font = _font(size)
    # An average glyph is half as wide as it is high; what would not fit is left out.
    fits = max(1, int((right - left - MARGIN_PX) / (size * 0.5)))
    colour = CARD if name == "Button" else (ACCENT if described else INK)
    colour = colour if element.enabled else FAINT
    at = (left + MARGIN_PX, (top + bottom) // 2)
    draw.text(at, label[: min(fits, MAX_CHARACTERS)], colour, font, anchor="lm")


@lru_cache(maxsize=64)
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    font = ImageFont.load_default(size_px)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow is built without FreeType"
    return font
