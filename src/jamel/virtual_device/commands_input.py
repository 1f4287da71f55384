"""`input`: touches, keys and text, for the window that is in front.

A dialog of the system takes everything, the soft keyboard what is touched below its top and the
first BACK, the app or the launcher the rest. `input text` inserts where a field's cursor is, which
here is always at its end. Knows nothing of what an app does about a touch.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from jamel.virtual_device import keyboard
from jamel.virtual_device.commands_android import locked
from jamel.virtual_device.device import Device
from jamel.virtual_device.shell import Call, Command
from jamel.virtual_device.windows import swallow

LONG_PRESS_MS = 500
_SOURCES = ("keyboard", "dpad", "mouse", "touchpad", "touchnavigation", "gamepad", "touchscreen",
            "trackball", "stylus", "joystick", "rotaryencoder")  # fmt: skip
_USAGE = "Usage: input [<source>] [-d DISPLAY_ID] <command> [<arg>...]"
_CODES = {"HOME": 3, "BACK": 4, "POWER": 26, "SPACE": 62, "DEL": 67, "ESCAPE": 111,
          "SLEEP": 223, "WAKEUP": 224}  # fmt: skip
_HOME, _BACK, _POWER, _SPACE, _DELETE, _ESCAPE, _SLEEP, _WAKE = _CODES.values()
_LETTERS, _DIGITS = 29, 7
"""The key codes of A and of 0 (KeyEvent of the Android sources)."""


def _input(call: Call, device: Device) -> int:
    args = list(call.args)
    if args[:1] and args[0] in _SOURCES:
        args.pop(0)
    if args[:1] == ["-d"]:
        if not re.fullmatch(r"\d+|DEFAULT_DISPLAY|INVALID_DISPLAY", "".join(args[1:2])):
            return call.fail("Error: Invalid arguments for display ID.", 255)
        args = args[2:]
    if args[:1] and args[0] in _SOURCES:
        args.pop(0)
    if not args:
        call.print(_USAGE)
        return 255
    what, rest = args[0], args[1:]
    if what not in _VERBS:
        return call.fail(f"Unknown command: {what}", 255)
    try:
        return _give(call, device, what, rest)
    except (IndexError, ValueError):
        return call.fail(f"Error: Invalid arguments for command: {what}", 255)


_TOUCHES = ("tap", "swipe", "draganddrop")
_VERBS = (*_TOUCHES, "text", "keyevent", "keycombination", "press", "roll", "scroll", "motionevent")


def _give(call: Call, device: Device, what: str, args: list[str]) -> int:
    if swallow(device, what, args):
        return 0
    if what in _TOUCHES:
        _touch(device, _gesture(what, args))
    elif what == "motionevent":
        _move(device, args[0].upper(), (_px(args[1]), _px(args[2])))
    elif what == "text":
        return _text(call, device, args[0])
    elif what in ("keyevent", "keycombination"):
        keys = [key for key in args if not key.startswith("--")]
        for key in keys if what == "keyevent" else ():
            _press(device, _key_code(key))
        return 0 if keys else call.fail(f"Error: Invalid arguments for command: {what}", 255)
    return 0


# -- touches ------------------------------------------------------------------------------------


class _Gesture(NamedTuple):
    """From where to where a finger moves, in pixels, and for how long."""

    x1_px: int
    y1_px: int
    x2_px: int
    y2_px: int
    held_ms: int


def _gesture(what: str, args: list[str]) -> _Gesture:
    x1_px, y1_px = _px(args[0]), _px(args[1])
    if what == "tap":
        return _Gesture(x1_px, y1_px, x1_px, y1_px, 0)
    return _Gesture(x1_px, y1_px, _px(args[2]), _px(args[3]), int((*args, "300")[4]))


def _px(text: str) -> int:
    return int(float(text))


def _move(device: Device, what: str, at_px: tuple[int, int]) -> None:
    """A finger comes down, moves and goes up in calls of their own. Raises ValueError."""
    if what not in ("DOWN", "UP", "MOVE", "CANCEL"):
        raise ValueError(what)
    down, device.finger = device.finger, at_px if what == "DOWN" else device.finger
    if what in ("UP", "CANCEL"):
        device.finger = None
    if what == "UP" and down is not None:
        _touch(device, _Gesture(*down, *at_px, 0))


def _touch(device: Device, gesture: _Gesture) -> None:
    start, end = gesture[:2], gesture[2:4]
    if not device.screen_on:
        return
    if keyboard.covers(device, gesture.y1_px):
        if start == end:
            keyboard.press(device, *start)
        return
    device.wake()
    if not device.running:
        return
    field = False
    if start != end:
        device.app.swipe(*gesture[:4])
    elif gesture.held_ms >= LONG_PRESS_MS:
        field = device.app.long_press(*start)
    elif gesture.held_ms:
        device.app.swipe(*gesture[:4])
    else:
        field = device.app.tap(*start)
    device.touched(field)


# -- keys ---------------------------------------------------------------------------------------


def _text(call: Call, device: Device, text: str) -> int:
    if not text.isascii():
        call.err(b"Exception occurred while executing 'text':\n")
        return call.fail("java.lang.NullPointerException: Attempt to get length of null array", 255)
    _insert(device, text.replace("%s", " "))
    return 0


def _insert(device: Device, text: str) -> None:
    if device.running:
        device.app.type_text((device.app.field or "") + text)


def _key_code(key: str) -> int:
    """A key's code by number or name, 0 for one that means nothing here."""
    name = key.removeprefix("KEYCODE_")
    if name.isdigit():
        return int(name) if key == name else _DIGITS + int(name)
    if len(name) == 1 and "A" <= name <= "Z":
        return _LETTERS + ord(name) - ord("A")
    return _CODES.get(name, 0)


def _press(device: Device, code: int) -> None:
    if code in (_BACK, _ESCAPE) and keyboard.is_shown(device):
        keyboard.hide(device)
    elif code == _SLEEP or (code == _POWER and device.screen_on):
        device.screen_on = device.keyboard = False
    elif code in (_WAKE, _POWER):
        device.screen_on = True
    elif device.running:
        _press_in_app(device, code)
        device.touched(False)


def _press_in_app(device: Device, code: int) -> None:
    # Keys that move a cursor do nothing: it is always at the end.
    if code == _BACK:
        device.app.back()
    elif code == _HOME:
        device.app.home()
    elif code == _DELETE:
        device.app.erase(1)
    elif device.app.field is not None and (typed := _character(code)):
        _insert(device, typed)


def _character(code: int) -> str:
    if _LETTERS <= code < _LETTERS + 26:
        return chr(ord("a") + code - _LETTERS)
    if _DIGITS <= code < _DIGITS + 10:
        return str(code - _DIGITS)
    return " " if code == _SPACE else ""


INPUT_COMMANDS: dict[str, Command] = {"input": locked(_input)}
