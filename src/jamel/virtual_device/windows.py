"""Windows that come over an app unasked: the ANR and crash dialogs, the soft keyboard.

As AOSP draws them (app_anr_dialog.xml, app_error_dialog.xml): `android:id/aerr_wait` and
`android:id/aerr_close` are what clients look for. Each swallows the touches it gets. Knows nothing
of when they come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jamel.types import Element, Observation

if TYPE_CHECKING:
    from jamel.virtual_device.device import Device

KEYBOARD_TOP = 0.62
"""The share of the screen's height above the soft keyboard."""
SYSTEM_PACKAGE = "com.google.android.gms"
_BUTTONS = {
    "anr_dialog": (("aerr_close", "Close app"), ("aerr_wait", "Wait")),
    "crash_dialog": (("aerr_app_info", "App info"), ("aerr_close", "Close")),
}
_BACK = ("4", "KEYCODE_BACK", "BACK")


def window_title(device: Device) -> str:
    """The focused window's name as dumpsys has it, "" while nothing is over the app."""
    if device.faults.window == "anr_dialog":
        return f"Application Not Responding: {device.app.package}"
    if device.faults.window == "crash_dialog":
        return f"Application Error: {SYSTEM_PACKAGE}"
    return ""


def covered(device: Device) -> Observation | None:
    """The dialog over the app; None without one (the keyboard is in no dump of the app)."""
    kind = device.faults.window
    if kind not in _BUTTONS:
        return None
    width, height = device.app.size_px
    left, right = width // 10, width - width // 10
    top, row = height * 2 // 5, height // 16
    title = "Google Play services keeps stopping"
    if kind == "anr_dialog":
        title = f"{device.app.package} isn't responding"
    elements = [
        _element("FrameLayout", "", "android:id/content", (left, top, right, top + 3 * row), -1),
        _element("TextView", title, "android:id/alertTitle", (left, top, right, top + row), 0),
    ]
    for number, (name, text) in enumerate(_BUTTONS[kind], 1):
        bounds_px = (left, top + number * row, right, top + (number + 1) * row)
        elements.append(_element("Button", text, f"android:id/{name}", bounds_px, 0))
    return Observation("android", "", tuple(elements), device.app.size_px)


def swallow(device: Device, what: str, args: list[str]) -> bool:
    """Whether the window in front takes an `input`; buttons and BACK do what they say."""
    kind = device.faults.window
    if not kind:
        return False
    pressed = what == "keyevent" and any(key in _BACK for key in args)
    if kind == "keyboard":
        if pressed:
            device.faults.window = ""
            return True
        return what in ("tap", "swipe") and float(args[1]) >= device.app.size_px[1] * KEYBOARD_TOP
    if what == "tap":
        _press(device, int(float(args[0])), int(float(args[1])))
    return True


def _press(device: Device, x_px: int, y_px: int) -> None:
    dialog = covered(device)
    for element in dialog.elements if dialog else ():
        left, top, right, bottom = element.bounds_px
        if element.clickable and left <= x_px < right and top <= y_px < bottom:
            if device.faults.window == "anr_dialog" and element.resource_id.endswith("aerr_close"):
                device.stop()
            device.faults.window = ""


def _element(
    cls: str, text: str, name: str, bounds_px: tuple[int, int, int, int], parent: int
) -> Element:
    button = cls == "Button"
    flags = (button, False, False, False, False, True, False, False, False)
    return Element(f"android.widget.{cls}", text, name, "", bounds_px, *flags, parent)
