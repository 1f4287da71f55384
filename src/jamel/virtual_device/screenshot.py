"""An observation as the PNG that `screencap -p` would give: what a person can recognise.

Drawn from the elements alone, so that equal screens give equal bytes. Sizes are in units of a
screen 1080 px wide. Knows nothing of apps.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from jamel.types import Element, Observation
from jamel.virtual_device.keyboard import area_px, keys
from jamel.virtual_device.typography import fit, width_px, wrap

if TYPE_CHECKING:
    from PIL import ImageDraw

PAPER, CARD, FIELD, LINE = (244, 246, 250), (255, 255, 255), (233, 237, 243), (211, 217, 226)
INK, GREY, FAINT = (30, 34, 42), (98, 106, 120), (172, 178, 188)
ACCENT, TINT, DARK, SHADE = (26, 98, 214), (219, 231, 252), (46, 51, 61), (150, 155, 164)
SKY, SUN, HILL = (203, 222, 246), (250, 214, 130), (126, 166, 142)
SMALLEST_PX = 9
MAX_SIDE_PX = 8192
TEXT, SMALL, TINY = 40, 30, 20
GLYPHS = {
    "navigate up": "←", "back": "←", "menu": "☰", "drawer": "☰", "option": "⋮",
    "more": "⋮", "pause": "❚❚", "play": "▶", "next": "▸▸", "previous": "◂◂", "shuffle": "⇄",
    "repeat": "↻", "turn": "↻", "refresh": "↻", "love": "♥", "star": "★", "sort": "⇅",
    "send": "➤", "edit": "✎", "delete": "✕", "remove": "✕", "bin": "✕", "clear": "✕",
    "cancel": "✕", "forget": "✕", "add": "+", "new": "+", "louder": "+", "quieter": "−",
    "less": "−", "history": "↺", "filter": "▽", "earlier": "‹", "later": "›",
}  # fmt: skip


def screenshot_png(observation: Observation, keyboard: bool = False) -> bytes:
    """The screen as a PNG of the device's size in pixels, with the soft keyboard over it or not."""
    from PIL import Image, ImageDraw

    width, height = (min(max(1, side), MAX_SIDE_PX) for side in observation.size_px)
    image = Image.new("RGB", (width, height), PAPER)
    picture = _Picture(ImageDraw.Draw(image), observation.elements, (width, height))
    picture.paint()
    if keyboard:
        picture.paint_keyboard()
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def black_png(size_px: tuple[int, int]) -> bytes:
    """What a display that shows nothing looks like."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", size_px).save(out, "PNG", compress_level=1)
    return out.getvalue()


class _Picture:
    """Draws elements in document order, so that children lie over their parents."""

    def __init__(
        self, draw: ImageDraw.ImageDraw, elements: tuple[Element, ...], size_px: tuple[int, int]
    ) -> None:
        self.draw = draw
        self.elements = elements
        self.width, self.height = size_px
        self.scale = min(self.width, self.height) / 1080
        self.children: dict[int, list[int]] = {}
        self.bars: set[int] = set()
        self.place = {id(element): index for index, element in enumerate(elements)}
        for index, element in enumerate(elements):
            if element.parent >= 0:
                self.children.setdefault(element.parent, []).append(index)

    def px(self, units: float) -> int:
        return max(1, round(units * self.scale))

    def paint(self) -> None:
        roots = [element for element in self.elements if element.parent < 0]
        if roots and not any(self._is_window(element) for element in roots):
            self._fill((0, 0, self.width, self.height), SHADE)
        for index, element in enumerate(self.elements):
            left, top, right, bottom = element.bounds_px
            if right - left >= SMALLEST_PX and bottom - top >= SMALLEST_PX:
                self._surface(index, element)
                self._label(element)

    def paint_keyboard(self) -> None:
        self._fill(area_px((self.width, self.height)), LINE)
        for label, (left, top, right, bottom) in keys((self.width, self.height)):
            gap, middle = self.px(6), ((left + right) // 2, (top + bottom) // 2)
            box = (left + gap, top + gap, right - gap, bottom - gap)
            self.draw.rounded_rectangle(box, self.px(12), CARD if len(label) == 1 else FIELD)
            self._text(label, middle, right - left - 2 * gap, self.px(TEXT), INK, "mm")

    def _is_window(self, element: Element) -> bool:
        left, top, right, bottom = element.bounds_px
        return right - left >= 0.95 * self.width and bottom - top >= 0.9 * self.height

    # -- surfaces: what an element looks like without its text ----------------------------------

    def _surface(self, index: int, element: Element) -> None:
        name = element.cls.rpartition(".")[2]
        if name == "EditText":
            self._rounded(element, FIELD, ACCENT if element.focused else SHADE, 4)
        elif element.checkable:
            self._check(element, name)
        elif name == "ImageView" and not element.clickable:
            if not self._is_glyph(element):
                self._photo(element)
        elif (element.clickable or element.long_clickable) and not self._is_window(element):
            self._control(index, element, name)
        elif self._is_toolbar(element):
            left, _, right, bottom = element.bounds_px
            self._fill((left, 0, right, bottom), CARD)
            self._fill((left, bottom - self.px(3), right, bottom), LINE)
        elif element.parent >= 0 and self._is_panel(element):
            self._rounded(element, CARD, CARD, 1, inset=0)
        elif name == "FrameLayout" and self._is_snackbar(index, element):
            self.bars.add(index)
            self._rounded(element, DARK, DARK, 1, inset=8)

    def _is_toolbar(self, element: Element) -> bool:
        left, top, right, bottom = element.bounds_px
        high = self.px(100) < bottom - top < self.px(220)
        plain = not (element.clickable or element.text or element.content_desc)
        return plain and high and 0 < top < self.px(120) and right - left > 0.9 * self.width

    def _is_glyph(self, element: Element) -> bool:
        """An image that only fills a small button."""
        holder = self._holder(element)
        if holder is None:
            return False
        left, _, right, _ = holder.bounds_px
        return right - left < 0.4 * self.width

    def _holder(self, element: Element) -> Element | None:
        """The widget that an element is a part of, if any."""
        for _ in range(4):
            if element.parent < 0:
                return None
            element = self.elements[element.parent]
            if element.clickable or element.checkable:
                return None if self._is_window(element) else element
        return None

    def _within(self, element: Element) -> list[Element]:
        """All elements below one."""
        found, todo = [], [self._at(element)]
        while todo:
            below = self.children.get(todo.pop(), [])
            found += [self.elements[index] for index in below]
            todo += below
        return found

    def _control(self, index: int, element: Element, name: str) -> None:
        left, top, right, bottom = element.bounds_px
        bare = not element.text and not any(e.text for e in self._within(element))
        if bare and (bottom - top) > 0.2 * self.height:
            self._fill((left, top, right, bottom), SHADE)
        elif name == "Button" and not (bare and right - left < 0.4 * self.width):
            self._rounded(element, ACCENT if element.enabled else FAINT, LINE, 0)
        elif bare and (right - left) < 0.4 * self.width:
            self._round_button(element)
        elif name == "TextView":
            self._rounded(element, SUN, SUN, 0, inset=0)
        elif self._one_centred_text(index, element):
            fill = TINT if element.enabled else FIELD
            self._rounded(element, fill, ACCENT if element.selected else LINE, 3)
        else:
            self._rounded(element, TINT if element.selected else CARD, LINE, 2)

    def _round_button(self, element: Element) -> None:
        if element.selected or element.parent < 0 or not self._in_toolbar(element):
            self._rounded(element, TINT if element.enabled else FIELD, LINE, 2)

    def _in_toolbar(self, element: Element) -> bool:
        return self._is_toolbar(self.elements[element.parent])

    def _at(self, element: Element) -> int:
        return self.place.get(id(element), -1)

    def _is_panel(self, element: Element) -> bool:
        """The box of a dialog, sheet or menu: it fills an inset root or stands on the bottom."""
        parent = self.elements[element.parent]
        if parent.parent >= 0 or element.clickable or not self.children.get(self._at(element)):
            return False
        return not self._is_window(element)

    def _is_snackbar(self, index: int, element: Element) -> bool:
        left, top, right, bottom = element.bounds_px
        inside = [self.elements[child] for child in self.children.get(index, ())]
        low = bottom - top < self.px(130) and right - left > 0.9 * self.width
        return low and len(inside) == 1 and bool(inside[0].text)

    def _one_centred_text(self, index: int, element: Element) -> bool:
        inside = [other for other in self._within(element) if other.text]
        return len(inside) == 1 and _middle(inside[0]) == _middle(element)

    def _check(self, element: Element, name: str) -> None:
        left, top, right, bottom = element.bounds_px
        side = max(8, min(self.px(52), bottom - top - 8, right - left - 8))
        x2, middle = right - self.px(28), (top + bottom) // 2
        fill = (ACCENT if element.enabled else FAINT) if element.checked else CARD
        outline = GREY if element.enabled else FAINT
        if name in ("Switch", "ToggleButton"):
            x1 = max(left, x2 - side * 7 // 4)
            track = (x1, middle - side // 2, x2, middle + side // 2)
            self.draw.rounded_rectangle(track, side // 2, fill, outline, 3)
            knob, at = side // 2 - 8, x2 - side // 2 if element.checked else x1 + side // 2
            if knob > 2:
                colour = CARD if element.checked else outline
                self.draw.ellipse((at - knob, middle - knob, at + knob, middle + knob), colour)
            return
        box = (x2 - side, middle - side // 2, x2, middle + side // 2)
        self.draw.rounded_rectangle(box, side // 5, fill, outline, 3)
        if element.checked:
            self._text("✓", ((box[0] + x2) // 2, middle), side, side * 3 // 4, CARD, "mm")

    def _photo(self, element: Element) -> None:
        left, top, right, bottom = element.bounds_px
        self._rounded(element, SKY, LINE, 2)
        wide, high = right - left, bottom - top
        sun = max(4, min(wide, high) // 10)
        x, y = left + wide * 3 // 4, top + high * 3 // 10
        self.draw.ellipse((x - sun, y - sun, x + sun, y + sun), SUN)
        base = bottom - 12
        peaks = ((left + wide * 0.12, 0.34, 0.45), (left + wide * 0.38, 0.42, 0.68))
        for start, share, rise in peaks:
            end = start + wide * share
            peak = ((start + end) / 2, base - high * rise * 0.8)
            self.draw.polygon(((start, base), peak, (end, base)), HILL, CARD)

    # -- labels ---------------------------------------------------------------------------------

    def _label(self, element: Element) -> None:
        name = element.cls.rpartition(".")[2]
        if element.text:
            self._own_text(element, name)
        elif element.clickable and not element.checkable and name != "EditText":
            self._description(element)
        elif element.checkable and element.content_desc:
            if not self._said_below(element):
                self._own_text(element._replace(text=element.content_desc), name)
        elif element.content_desc and name != "ImageView" and not self._holder(element):
            self._own_text(element._replace(text=element.content_desc.replace("\n", " · ")), name)

    def _said_below(self, element: Element) -> bool:
        """Whether texts within an element already say what it is described as."""
        return any(other.text in element.content_desc for other in self._within(element)
                   if other.text)  # fmt: skip

    def _own_text(self, element: Element, name: str) -> None:
        left, top, right, bottom = element.bounds_px
        text = "•" * len(element.text) if element.password else element.text
        pad = min(self.px(20), (right - left) // 20)
        holder = self._holder(element)
        room = right - left - pad - (self.px(130) if element.checkable else pad)
        colour = self._colour(element, name)
        size = min(self.px(TEXT), int((bottom - top) * 0.62))
        middle = (top + bottom) // 2
        centred = name == "Button" or (holder is not None and self._alone_inside(element, holder))
        if centred:
            parts = ((left + right) // 2, middle), room, size, colour, "mm"
        elif holder is not None and not holder.checkable:
            middle, size, colour = self._in_row(element, holder, size, colour)
            parts = (left + self.px(8), middle), room, size, colour, "lm"
        else:
            inset = self.px(4) if holder is not None and holder.checkable else pad
            parts = (left + inset, middle), room, size, colour, "lm"
        self._text(text, *parts, bold=self._is_title(element))

    def _alone_inside(self, element: Element, holder: Element) -> bool:
        return _middle(element) == _middle(holder) and not holder.checkable

    def _in_row(
        self, element: Element, row: Element, size: int, colour: tuple[int, int, int]
    ) -> tuple[int, int, tuple[int, int, int]]:
        """A row's lone title stands in its middle; a second line is smaller and grey.

        On a card, where lines stand below each other, each stands where it is.
        """
        inside = [e for e in self._within(row) if e.text]
        top, bottom = row.bounds_px[1], row.bounds_px[3]
        said = bool(row.content_desc) and not self._said_below(row)
        if len(inside) > 2 and len({e.bounds_px[0] for e in inside}) == 1:
            first = element is inside[0]
            return _middle(element)[1], min(size, self.px(SMALL)), colour if first else GREY
        if len(inside) == 1 and not said:
            return (top + bottom) // 2, self.px(TEXT), colour
        if element is min(inside, key=lambda e: e.bounds_px[1]) and not said:
            return top + (bottom - top) * 3 // 10, size, colour
        return top + (bottom - top) * 7 // 10, min(size, self.px(SMALL)), GREY

    def _is_title(self, element: Element) -> bool:
        """The first text of a toolbar or of a dialog's panel."""
        if element.parent < 0 or element.clickable:
            return False
        parent = self.elements[element.parent]
        wide = element.bounds_px[2] - element.bounds_px[0] > 0.25 * self.width
        bar = self._is_toolbar(parent)
        first = element.bounds_px[1] == parent.bounds_px[1]
        panel = parent.parent >= 0 and self._is_panel(parent) and first
        return wide and (bar or panel)

    def _colour(self, element: Element, name: str) -> tuple[int, int, int]:
        if element.parent in self.bars:
            return CARD
        holder = self._holder(element)
        if name == "Button" or (holder is not None and holder.cls.endswith(".Button")):
            return CARD
        return INK if element.enabled else FAINT

    def _description(self, element: Element) -> None:
        if self._said_below(element):
            return
        left, top, right, bottom = element.bounds_px
        middle = ((left + right) // 2, (top + bottom) // 2)
        room = right - left - self.px(12)
        colour = ACCENT if element.enabled else FAINT
        narrow = room < 0.4 * self.width and not self._starts_with_image(element)
        glyph = _glyph(element.content_desc) if narrow else ""
        if not element.content_desc or glyph:
            if narrow and not any(other.text for other in self._within(element)):
                self._text(glyph or "◌", middle, room, self.px(56), colour, "mm")
        elif element.cls.endswith(".Button") and not narrow:
            self._text(element.content_desc, middle, room, self.px(TEXT), CARD, "mm")
        elif narrow:
            self._words(element.content_desc, middle, room, colour)
        elif bottom - top < 0.2 * self.height:
            self._row_description(element, element.content_desc.replace("\n", " · "), room)

    def _starts_with_image(self, element: Element) -> bool:
        """Whether an image at its start leaves room for words beside it, as in a list's row."""
        left, _, right, _ = element.bounds_px
        images = [e.bounds_px for e in self._within(element) if e.cls.endswith("ImageView")]
        return any(box[2] - left < (right - left) / 2 for box in images)

    def _row_description(self, element: Element, text: str, room: int) -> None:
        left, top, _, bottom = element.bounds_px
        inside = self._within(element)
        y = (top + bottom) // 2
        if any(other.text for other in inside):
            y = top + (bottom - top) * 3 // 10
        images = [e.bounds_px[2] for e in inside if e.cls.endswith("ImageView")]
        left = max(
            [left, *(edge for edge in images if edge < (left + element.bounds_px[2]) // 2)]
        ) + self.px(32)
        ink = INK if element.enabled else FAINT
        self._text(text, (left, y), room - self.px(32), self.px(TEXT), ink, "lm")

    def _words(
        self, text: str, middle: tuple[int, int], room: int, colour: tuple[int, int, int]
    ) -> None:
        small = room < self.px(220)
        size = self.px(TINY + 6 if small else TEXT)
        rows = wrap(text, room, size, 2 if small else 1)
        for number, line in enumerate(rows):
            y = middle[1] + int((number - (len(rows) - 1) / 2) * size * 1.3)
            self._text(line, (middle[0], y), room, size, colour, "mm")

    # -- strokes --------------------------------------------------------------------------------

    def _text(
        self, text: str, at: tuple[int, int], room: int, size: int, colour: tuple[int, int, int],
        anchor: str, *, bold: bool = False,
    ) -> None:  # fmt: skip
        runs = fit(text, room, size, self.px(TINY), bold)
        x, y = at[0] - (width_px(runs) / 2 if anchor == "mm" else 0), at[1]
        for run in runs:
            self.draw.text((x, y), run.text, colour, run.font, anchor="lm")
            x += run.width_px

    def _fill(self, box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> None:
        if box[0] < box[2] and box[1] < box[3]:
            self.draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), colour)

    def _rounded(
        self, element: Element, fill: tuple[int, int, int], line: tuple[int, int, int],
        width: int, inset: int = 6,
    ) -> None:  # fmt: skip
        left, top, right, bottom = element.bounds_px
        inset = min(self.px(inset) if inset else 0, (right - left) // 4, (bottom - top) // 4)
        box = (left + inset, top + inset, right - inset - 1, bottom - inset - 1)
        self.draw.rounded_rectangle(box, self.px(22), fill, line, width)


def _middle(element: Element) -> tuple[int, int]:
    left, top, right, bottom = element.bounds_px
    return (left + right) // 2, (top + bottom) // 2


def _glyph(description: str) -> str:
    lowered = description.lower()
    return next((glyph for words, glyph in GLYPHS.items() if lowered.startswith(words)), "")
