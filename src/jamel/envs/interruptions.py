"""What comes between an agent and its app: failed dumps and pictures, dialogs, the keyboard.

Pure functions of what a device printed; knows no device.
"""

from __future__ import annotations

import io
import re

from PIL import Image

from jamel.types import Observation, centre_px

CRASH_BUTTONS = ("android:id/aerr_wait", "android:id/aerr_close")
"""Of the ANR and crash dialogs, in order of preference: waiting keeps the app's process."""
TITLES = ("android:id/alertTitle", "android:id/message")
_ERROR = re.compile(rb"ERROR: ([^\r\n]{1,80})")
BLACK = "all black"
_BARE_PAGE = re.compile(rb'<node [^>]*\bclass="android\.webkit\.WebView"[^>]*(?:/>|></node>)')
_KEYBOARD = re.compile(rb"mInputShown=true")


def dump_problem(screen: bytes) -> str:
    """Why a dump failed, in uiautomator's words where it used any."""
    found = _ERROR.search(screen)
    return found[1].decode("ascii", "replace").rstrip(". ") if found else "an unreadable dump"


def has_bare_page(screen: bytes) -> bool:
    """Whether a dump has a WebView with nothing below it: its page has not told its content yet,
    or never does."""
    return _BARE_PAGE.search(screen) is not None


def picture_problem(png: bytes) -> str:
    """What is wrong with a screenshot: cut short, or BLACK; "" for nothing."""
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
            lightest = picture.convert("L").getextrema()[1]
    except (OSError, SyntaxError, ValueError):
        return "no whole PNG"
    return "" if lightest else BLACK


def in_the_way(observation: Observation, windows: bytes) -> tuple[str, str]:
    """The shell command that puts away what covers the app, and what to note; or two empty ones.

    Args:
        observation: the screen.
        windows: the lines of dumpsys on the focused window and the soft keyboard.
    """
    for name in CRASH_BUTTONS:
        for element in observation.elements:
            if element.resource_id == name:
                x_px, y_px = centre_px(element.bounds_px)
                return f"input tap {x_px} {y_px}", f"closed a dialog: {_title(observation)}"
    if _KEYBOARD.search(windows):
        return "input keyevent KEYCODE_BACK", "closed the soft keyboard"
    return "", ""


def _title(observation: Observation) -> str:
    titles = [e.text for e in observation.elements if e.resource_id in TITLES and e.text]
    return titles[0][:80] if titles else "untitled"
