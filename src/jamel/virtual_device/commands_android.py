"""The device's Android commands about screens: uiautomator, screencap, wm; and cmd, reboot.

Outputs are spelled as real devices spell them, failures included: `uiautomator dump` reports its
errors with exit code 0 and leaves an old file behind. Knows nothing of adb.
"""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable

from PIL import Image

from jamel.virtual_device.device import Device
from jamel.virtual_device.device_settings import free_rotation, lock_rotation, locked_rotation
from jamel.virtual_device.faults import VanishedError
from jamel.virtual_device.keyboard import is_shown
from jamel.virtual_device.shell import Call, Command

DISPLAY_ID = 4619827259835644672
_WITHOUT_SERVICES = ("getprop", "setprop", "reboot", "ps", "pidof", "kill", "top")


def locked(command: Callable[[Call, Device], int]) -> Command:
    """The command with the device to itself; what it changed takes effect as it ends."""

    def run(call: Call) -> int:
        device: Device = call.shell.device
        if device.faults.slow_s:
            time.sleep(device.faults.slow_s)
        with device.lock:
            if not device.serves and call.name not in _WITHOUT_SERVICES:
                return call.fail("cmd: Can't find service: activity", 20)
            code = command(call, device)
            device.settle()
            return code

    return run


# -- screens ------------------------------------------------------------------------------------


def _uiautomator(call: Call, device: Device) -> int:
    from jamel.virtual_device.render import hierarchy_xml

    if call.args[:1] != ["dump"]:
        call.print("Usage: uiautomator <subcommand> [options]\n\nAvailable subcommands:\n")
        call.print("help: displays help message\ndump: creates an XML dump of current UI hierarchy")
        return 1
    if device.faults.take("never_idle"):
        return call.fail("ERROR: could not get idle state.", 0)
    if device.faults.take("null_root"):
        return call.fail("ERROR: null root node returned by UiTestAutomationBridge.", 0)
    targets = [a for a in call.args[1:] if not a.startswith("-")]
    target = targets[0] if targets else "/sdcard/window_dump.xml"
    xml = hierarchy_xml(device.observe(), device.rotation)
    data = device.faults.dumped(xml).encode()
    if target in ("/dev/tty", "/dev/stdout"):
        call.out(data)
    else:
        call.files.write(call.path(target), data)
    call.print(f"UI hierchary dumped to: {target}")
    return 0


def _screencap(call: Call, device: Device) -> int:
    from jamel.virtual_device.screenshot import black_png, screenshot_png

    args = list(call.args)
    if "-d" in args:
        display = args[args.index("-d") + 1 :][:1]
        del args[args.index("-d") : args.index("-d") + 2]
        if display != ["0"] and display != [str(DISPLAY_ID)]:
            return call.fail(f"Display Id '{''.join(display)}' is not valid.", 1)
    names = [a for a in args if not a.startswith("-")]
    if set(args) - set(names) - {"-p", "-a"}:
        return call.fail("usage: screencap [-ahp] [-d display-id] [FILENAME]", 1)
    dark = device.faults.take("black_screenshot")
    data = (
        black_png(device.app.size_px)
        if dark
        else screenshot_png(device.observe(), is_shown(device))
    )
    if "-p" not in args and not (names and names[0].endswith(".png")):
        data = _raw(data)
    if names:
        call.files.write(call.path(names[0]), data)
    else:
        call.out(data)
    return 0


def _raw(png: bytes) -> bytes:
    """Width, height, format RGBA_8888 and colour space sRGB, little-endian, then the pixels."""
    with Image.open(io.BytesIO(png)) as picture:
        rgba = picture.convert("RGBA")
        return struct.pack("<4I", rgba.width, rgba.height, 1, 1) + rgba.tobytes()


def _wm(call: Call, device: Device) -> int:
    what, rest = (call.args[0] if call.args else ""), call.args[1:]
    if what in ("user-rotation", "set-user-rotation"):
        return _user_rotation(call, device, rest)
    if what not in ("size", "density"):
        call.print(f"Unknown command: {what}" if what else "Window manager (window) commands:")
        return 255
    if rest and rest != ["reset"]:
        # Apps here are laid out for one screen; a device that cannot change it says so.
        kind = "java.lang.UnsupportedOperationException: the display has one mode"
        return call.fail(f"\nException occurred while executing '{what}':\n{kind}", 255)
    if not rest and what == "size":
        width, height = device.natural_px
        call.print(f"Physical size: {width}x{height}")
    elif not rest:
        call.print("Physical density: 420")
    return 0


def _user_rotation(call: Call, device: Device, args: list[str]) -> int:
    if args[:1] == ["-d"]:
        args = args[2:]
    if not args:
        chosen = locked_rotation(device.settings)
        call.print("free" if chosen is None else f"lock {chosen}")
    elif args[0] == "free":
        free_rotation(device.settings)
    elif args[0] != "lock":
        return call.fail("Error: argument needs to be either -d, free or lock.", 255)
    else:
        chosen_text = args[1] if len(args) > 1 else str(device.rotation)
        if chosen_text not in ("0", "1", "2", "3"):
            return call.fail(f'Error: For input string: "{chosen_text}"', 255)
        lock_rotation(device.settings, int(chosen_text))
    return 0


def _cmd(call: Call, device: Device) -> int:
    service, rest = (call.args[0] if call.args else ""), call.args[1:]
    names = {"package": "pm", "activity": "am", "window": "wm", "settings": "settings",
             "input": "input", "input_method": "ime"}  # fmt: skip
    if service not in names:
        return call.fail(f"cmd: Can't find service: {service}", 20)
    return call.shell.call([names[service], *rest], call.streams)


def _reboot(call: Call, device: Device) -> int:
    device.reboot()
    raise VanishedError


ANDROID_COMMANDS: dict[str, Command] = {
    "uiautomator": locked(_uiautomator), "wm": locked(_wm), "screencap": locked(_screencap),
    "cmd": locked(_cmd), "reboot": locked(_reboot),
}  # fmt: skip
