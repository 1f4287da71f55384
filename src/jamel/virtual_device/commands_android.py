"""The device's Android commands: input, uiautomator, screencap, wm, am, monkey

Outputs are spelled as real devices spell them, failures included: `uiautomator dump` reports its
errors with exit code 0 and leaves an old file behind. Knows nothing of adb.
"""

from __future__ import annotations

import io
import re
import struct
import time
from collections.abc import Callable

from PIL import Image

from jamel.virtual_device.device import Device
from jamel.virtual_device.faults import VanishedError
from jamel.virtual_device.shell import Call, Command
from jamel.virtual_device.windows import swallow

LONG_PRESS_MS = 500
DISPLAY_ID = 4619827259835644672
KEYS_POWER = ("26", "KEYCODE_POWER", "POWER")
KEYS_SLEEP = ("223", "KEYCODE_SLEEP", "SLEEP")
KEYS_WAKE = ("224", "KEYCODE_WAKEUP", "WAKEUP")
KEYS_BACK, KEYS_HOME = ("4", "KEYCODE_BACK", "BACK"), ("3", "KEYCODE_HOME", "HOME")


_WHILE_BOOTING = ("getprop", "setprop", "reboot")


def locked(command: Callable[[Call, Device], int]) -> Command:
    def run(call: Call) -> int:
        device: Device = call.shell.device
        if device.faults.slow_s:
            time.sleep(device.faults.slow_s)
        with device.lock:
            if not device.is_booted and call.name not in _WHILE_BOOTING:
                return call.fail("cmd: Can't find service: activity", 20)
            return command(call, device)

    return run


# -- touches ------------------------------------------------------------------------------------


_SOURCES = ("keyboard", "dpad", "mouse", "touchpad", "touchnavigation", "gamepad", "touchscreen",
            "trackball", "stylus", "joystick", "rotaryencoder")  # fmt: skip


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
        call.print("Usage: input [<source>] [-d DISPLAY_ID] <command> [<arg>...]")
        return 255
    try:
        return _touch(call, device, args[0], args[1:])
    except (IndexError, ValueError):
        return call.fail(f"Error: Invalid arguments for command: {args[0]}", 255)


def _touch(call: Call, device: Device, what: str, args: list[str]) -> int:
    if swallow(device, what, args):
        return 0
    device.wake()
    if not device.running:
        return 0
    app = device.app
    if what == "tap":
        x, y = _px(args[0]), _px(args[1])
        app.tap(x, y)
    elif what in ("swipe", "draganddrop"):
        x1, y1, x2, y2 = (_px(a) for a in args[:4])
        held = int(args[4]) if len(args) > 4 else 300
        if (x1, y1) == (x2, y2) and held >= LONG_PRESS_MS:
            app.long_press(x1, y1)
        else:
            app.swipe(x1, y1, x2, y2)
    elif what == "text":
        return _text(call, device, args[0])
    elif what in ("keyevent", "keycombination"):
        keys = [key for key in args if not key.startswith("--")]
        for key in keys if what == "keyevent" else ():
            _press(device, key)
        return 0 if keys else call.fail(f"Error: Invalid arguments for command: {what}", 255)
    elif what not in ("press", "roll", "scroll", "motionevent"):
        return call.fail(f"Unknown command: {what}", 255)
    return 0


def _px(text: str) -> int:
    return int(float(text))


def _text(call: Call, device: Device, text: str) -> int:
    if not text.isascii():
        call.err(b"Exception occurred while executing 'text':\n")
        return call.fail("java.lang.NullPointerException: Attempt to get length of null array", 255)
    device.app.type_text(text.replace("%s", " "))
    return 0


def _press(device: Device, key: str) -> None:
    # Other keys do nothing: `type_text` replaces a field's content, so DEL and MOVE_END, which
    # empty a field on a real device, have nothing left to do here.
    if key in KEYS_BACK:
        device.app.back()
    elif key in KEYS_HOME:
        device.app.home()
    elif key in KEYS_SLEEP or (key in KEYS_POWER and device.screen_on):
        device.screen_on = False
    elif key in KEYS_WAKE or key in KEYS_POWER:
        device.screen_on = True


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
    data = device.faults.dumped(hierarchy_xml(device.observe())).encode()
    if target in ("/dev/tty", "/dev/stdout"):
        call.out(data)
    else:
        call.files.write(call.path(target), data)
    call.print(f"UI hierchary dumped to: {target}")
    return 0


def _screencap(call: Call, device: Device) -> int:
    from jamel.virtual_device.screenshot import screenshot_png

    args = list(call.args)
    if "-d" in args:
        display = args[args.index("-d") + 1 :][:1]
        del args[args.index("-d") : args.index("-d") + 2]
        if display != ["0"] and display != [str(DISPLAY_ID)]:
            return call.fail(f"Display Id '{''.join(display)}' is not valid.", 1)
    names = [a for a in args if not a.startswith("-")]
    if set(args) - set(names) - {"-p", "-a"}:
        return call.fail("usage: screencap [-ahp] [-d display-id] [FILENAME]", 1)
    data = screenshot_png(device.observe())
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
    if what not in ("size", "density"):
        call.print(f"Unknown command: {what}" if what else "Window manager (window) commands:")
        return 255
    if rest and rest != ["reset"]:
        # Apps here are laid out for one screen; a device that cannot change it says so.
        kind = "java.lang.UnsupportedOperationException: the display has one mode"
        return call.fail(f"\nException occurred while executing '{what}':\n{kind}", 255)
    if not rest and what == "size":
        width, height = device.app.size_px
        call.print(f"Physical size: {width}x{height}")
    elif not rest:
        call.print("Physical density: 420")
    return 0


# -- activities and packages --------------------------------------------------------------------


def _am(call: Call, device: Device) -> int:
    what, args = (call.args[0] if call.args else ""), call.args[1:]
    if what in ("start", "start-activity"):
        return _am_start(call, device, args)
    if what in ("force-stop", "kill"):
        if not args:
            return call.fail(_EXCEPTION.format(what, "Argument expected after"), 255)
        front = device.observe().package == device.app.package
        if args[-1] == device.app.package and (what == "force-stop" or not front):
            device.stop()
        return 0
    if what == "broadcast":
        device.receive(_after(args, "-a"), _after(args, "-p"))
        call.print("Broadcasting: Intent { flg=0x400000 }\nBroadcast completed: result=0")
        return 0
    if [what, *args[:1]] == ["stack", "list"]:
        return _am_stack_list(call, device)
    if [what, *args[:1]] == ["task", "lock"]:
        call.print("Activity manager is in lockTaskMode")
        return 0
    if what in ("get-current-user", "kill-all", "idle-maintenance", "wait-for-broadcast-idle"):
        call.print({"get-current-user": "0", "wait-for-broadcast-idle": "All broadcast queues are "
                    "idle!"}.get(what, ""))  # fmt: skip
        return 0
    if what in ("instrument", "startservice", "start-service"):
        component = args[-1] if args else ""
        return call.fail(f"Error: Not found; no service started: {component}", 255)
    call.print(f"Unknown command: {what}" if what else "Activity manager (activity) commands:")
    return 255


_EXCEPTION = "\nException occurred while executing '{}':\njava.lang.IllegalArgumentException: {}"


def _am_stack_list(call: Call, device: Device) -> int:
    observation = device.observe()
    front = f"{observation.package}/{observation.activity}"
    width, height = device.app.size_px
    bounds = f"[0,0][{width},{height}]"
    call.print(f"RootTask id=7 bounds={bounds} displayId=0 userId=0")
    call.print(f"  taskId=7: {front} bounds={bounds} userId=0 visible=true "
               f"topActivity=ComponentInfo{{{front}}}")  # fmt: skip
    return 0


def _am_start(call: Call, device: Device, args: list[str]) -> int:
    package = device.app.package
    options, component = _intent(args)
    call.print(f"Starting: Intent {{ {_described(options, component)} }}")
    if not component:
        intent = _described(options, component)
        return call.fail(f"Error: Activity not started, unable to resolve Intent {{ {intent} }}")
    name, _, activity = component.partition("/")
    if name != package or not device.is_installed:
        call.err(b"Error type 3\n")
        return call.fail(f"Error: Activity class {{{component}}} does not exist.")
    if "-S" in args:
        device.stop()
    launched = device.start()
    if not launched:
        call.err(b"Warning: Activity not started, its current task has been brought to the front\n")
    if "-W" in args:
        state = "COLD" if launched else "HOT"
        full = package + activity if activity.startswith(".") else activity
        call.print(f"Status: ok\nLaunchState: {state}\nActivity: {package}/{full}")
        call.print("TotalTime: 0\nWaitTime: 1\nComplete")
    return 0


_WITH_VALUE = {"-a": "act", "-d": "dat", "-t": "typ", "-c": "cat", "-p": "pkg", "-f": "flg",
               "-n": "cmp", "--user": ""}  # fmt: skip
_EXTRAS = re.compile(r"-e|--e(s|i|l|f|z|u|cn|ia|la|sa)")


def _intent(args: list[str]) -> tuple[dict[str, str], str]:
    """The intent's fields, and the component that is meant."""
    fields: dict[str, str] = {}
    loose, rest = "", iter(args)
    for arg in rest:
        if arg in _WITH_VALUE:
            fields[_WITH_VALUE[arg]] = next(rest, "")
        elif _EXTRAS.fullmatch(arg):
            next(rest, "")
            next(rest, "")
            fields["(has extras)"] = ""
        elif not arg.startswith("-"):
            loose = arg
    if "://" in loose:
        fields.setdefault("dat", loose)
    elif "/" in loose:
        fields.setdefault("cmp", loose)
    elif loose:
        fields.setdefault("pkg", loose)
    component = fields.get("cmp", "")
    if not component and "pkg" in fields and "dat" not in fields:
        component = f"{fields['pkg']}/"
    return fields, component


def _described(fields: dict[str, str], component: str) -> str:
    fields = {"act": "android.intent.action.MAIN", **fields} if component else fields
    texts = [f"cat=[{v}]" if k == "cat" else f"{k}={v}" if v else k for k, v in fields.items() if k]
    return " ".join(texts)


def _after(args: list[str], flag: str) -> str:
    return args[args.index(flag) + 1] if flag in args and args.index(flag) + 1 < len(args) else ""


def _monkey(call: Call, device: Device) -> int:
    # Its events are random on a real device too, save for the launch that every script is after.
    count = call.args[-1] if call.args else ""
    if not count.isdigit():
        call.print("** Error: Count not specified" if not count else f"** Error: {count}")
        return 255
    package = _after(call.args, "-p")
    if package != device.app.package or not device.is_installed:
        call.print("** No activities found to run, monkey aborted.")
        return 252
    device.start()
    call.print(f"Events injected: {count}")
    call.print("## Network stats: elapsed time=0ms (0ms mobile, 0ms wifi, 0ms not connected)")
    return 0


def _cmd(call: Call, device: Device) -> int:
    service, rest = (call.args[0] if call.args else ""), call.args[1:]
    names = {"package": "pm", "activity": "am", "window": "wm", "settings": "settings"}
    if service not in names:
        return call.fail(f"cmd: Can't find service: {service}", 20)
    return call.shell.call([names[service], *rest], call.streams)


def _reboot(call: Call, device: Device) -> int:
    device.reboot()
    raise VanishedError


ANDROID_COMMANDS: dict[str, Command] = {
    "input": locked(_input), "uiautomator": locked(_uiautomator), "wm": locked(_wm),
    "screencap": locked(_screencap), "am": locked(_am), "monkey": locked(_monkey),
    "cmd": locked(_cmd), "reboot": locked(_reboot),
}  # fmt: skip
