"""Windows that come over an app unasked: the ANR and crash dialogs, and what they leave in the log.

As AOSP draws them (app_anr_dialog.xml, app_error_dialog.xml): `android:id/aerr_wait` and
`android:id/aerr_close` are what clients look for. Each swallows the touches it gets. Knows nothing
of when they come.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from jamel.types import Element, Observation
from jamel.virtual_device.anr import Anr, crash_of_system_app
from jamel.virtual_device.exits import ANR

if TYPE_CHECKING:
    from jamel.virtual_device.device import Device

SYSTEM_PACKAGE, SYSTEM_PID = "com.google.android.gms", 1650
_BUTTONS = {
    "anr_dialog": (("aerr_close", "Close app"), ("aerr_wait", "Wait")),
    "crash_dialog": (("aerr_app_info", "App info"), ("aerr_close", "Close")),
}


def window_title(device: Device) -> str:
    """The focused window's name as dumpsys has it, "" while nothing is over the app."""
    if device.faults.window == "anr_dialog":
        return f"Application Not Responding: {device.app.package}"
    if device.faults.window == "crash_dialog":
        return f"Application Error: {SYSTEM_PACKAGE}"
    return f"Application Error: {device.app.package}" if device.app.crashed else ""


def report(device: Device) -> None:
    """A dialog has come: the log and, of an app that does not respond, a file say why."""
    if device.faults.window == "crash_dialog":
        trace = crash_of_system_app(SYSTEM_PACKAGE, SYSTEM_PID)
        device.log.add("AndroidRuntime", trace, "E", buffer="crash", pid=SYSTEM_PID)
    elif device.faults.window == "anr_dialog":
        anr = Anr(device.app.package, device.app.activity, device.pid, time.time())
        device.log.add("ActivityManager", anr.log, "E", buffer="system")
        with contextlib.suppress(OSError):
            device.files.write(anr.path, anr.traces.encode(), make_parents=True)
        device.last_anr = anr.log


def covered(device: Device) -> Observation | None:
    """The dialog over the app; None without one."""
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
    """Whether a dialog of the system is in front and takes an `input`; its buttons work."""
    if device.faults.window not in _BUTTONS:
        return False
    if what == "tap":
        _press(device, int(float(args[0])), int(float(args[1])))
    return True


def _press(device: Device, x_px: int, y_px: int) -> None:
    dialog = covered(device)
    for element in dialog.elements if dialog else ():
        left, top, right, bottom = element.bounds_px
        if element.clickable and left <= x_px < right and top <= y_px < bottom:
            if device.faults.window == "anr_dialog" and element.resource_id.endswith("aerr_close"):
                device.stop(reason=ANR)
            device.faults.window = ""


def _element(
    cls: str, text: str, name: str, bounds_px: tuple[int, int, int, int], parent: int
) -> Element:
    button = cls == "Button"
    flags = (button, False, False, False, False, True, False, False, False)
    return Element(f"android.widget.{cls}", text, name, "", bounds_px, *flags, parent)
