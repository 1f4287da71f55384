"""The soft keyboard: where its keys are, and what a touch on one does.

It comes up when a text field is touched, covers the lower part of the screen, takes the touches
there, and is in no dump of the app, as on a real device: it is a window of another process. Knows
nothing of how it is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jamel.virtual_device.device import Device

TOP = 0.62
"""The share of the screen's height above it."""
DELETE, DONE, SPACE = "Del", "Done", "Space"
_ROWS: tuple[tuple[tuple[str, float], ...], ...] = (
    tuple((key, 1.0) for key in "qwertyuiop"),
    (("", 0.5), *((key, 1.0) for key in "asdfghjkl"), ("", 0.5)),
    (("Shift", 1.5), *((key, 1.0) for key in "zxcvbnm"), (DELETE, 1.5)),
    (("?123", 1.5), (",", 1.0), (SPACE, 4.5), (".", 1.0), (DONE, 2.0)),
)
"""Keys with their widths; each row is ten wide."""

Box = tuple[int, int, int, int]


def area_px(size_px: tuple[int, int]) -> Box:
    """The keyboard's window on a display of this size."""
    width, height = size_px
    return 0, int(height * TOP), width, height


def keys(size_px: tuple[int, int]) -> list[tuple[str, Box]]:
    """Each key's label and bounds in pixels."""
    left, top, right, bottom = area_px(size_px)
    high, found = (bottom - top) / len(_ROWS), []
    for number, row in enumerate(_ROWS):
        start = 0.0
        for label, width in row:
            box = (
                left + int(start * (right - left) / 10), top + int(number * high),
                left + int((start + width) * (right - left) / 10), top + int((number + 1) * high),
            )  # fmt: skip
            found += [(label, box)] if label else []
            start += width
    return found


def is_shown(device: Device) -> bool:
    """Whether it is up, because a field was touched or, as a fault, unasked."""
    return device.keyboard or device.faults.window == "keyboard"


def hide(device: Device) -> None:
    """Put it away; the field keeps the focus."""
    device.keyboard = False
    if device.faults.window == "keyboard":
        device.faults.window = ""


def covers(device: Device, y_px: int) -> bool:
    """Whether a touch at this height is the keyboard's."""
    return is_shown(device) and y_px >= area_px(device.app.size_px)[1]


def press(device: Device, x_px: int, y_px: int) -> None:
    """Touch it: a letter goes into the focused field, other keys do what they say, or nothing."""
    pressed = ""
    for label, (left, top, right, bottom) in keys(device.app.size_px):
        if left <= x_px < right and top <= y_px < bottom:
            pressed = " " if label == SPACE else label
    if pressed == DONE:
        hide(device)
    elif pressed == DELETE:
        device.app.erase(1)
    elif len(pressed) == 1 and device.app.field is not None:
        device.app.type_text(device.app.field + pressed)
