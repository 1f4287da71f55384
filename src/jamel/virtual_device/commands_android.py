"""The device's Android commands: input, uiautomator, screencap, am, pm, wm, dumpsys …

Outputs are spelled as real devices spell them, failures included: `uiautomator dump` reports its
errors with exit code 0 and leaves an old file behind. Knows nothing of adb.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from jamel.virtual_device.device import Device
from jamel.virtual_device.shell import Call, Command
from jamel.virtual_device.windows import swallow, window_title

LONG_PRESS_MS = 500
KEYS_BACK, KEYS_HOME = ("4", "KEYCODE_BACK", "BACK"), ("3", "KEYCODE_HOME", "HOME")
PROPERTIES = {
    "ro.product.name": "jamel_virtual", "ro.product.model": "JamelVirtual",
    "ro.product.device": "jamel_virtual", "ro.product.brand": "jamel",
    "ro.product.manufacturer": "jamel", "ro.build.version.sdk": "34",
    "ro.build.version.release": "14", "ro.product.cpu.abi": "x86_64", "ro.kernel.qemu": "1",
    "ro.hardware": "ranchu", "ro.debuggable": "1", "init.svc.bootanim": "stopped",
    "dev.bootcomplete": "1", "sys.boot_completed": "1",
}  # fmt: skip


def _locked(command: Callable[[Call, Device], int]) -> Command:
    def run(call: Call) -> int:
        device: Device = call.shell.device
        if device.faults.slow_s:
            time.sleep(device.faults.slow_s)
        with device.lock:
            if not device.booted and command not in (_getprop, _setprop):
                return call.fail("cmd: Can't find service: activity", 20)
            return command(call, device)

    return run


# -- touches ------------------------------------------------------------------------------------


def _input(call: Call, device: Device) -> int:
    args = list(call.args)
    if args[:1] == ["-d"]:
        args = args[2:]
    if args and args[0] in ("touchscreen", "keyboard", "mouse"):
        args.pop(0)
    try:
        return _touch(call, device, args[0], args[1:])
    except (IndexError, ValueError):
        return call.fail(f"Error: Invalid arguments for command: {' '.join(args)}", 255)


def _touch(call: Call, device: Device, what: str, args: list[str]) -> int:
    if swallow(device, what, args):
        return 0
    device.wake()
    app = device.app
    if what == "tap":
        app.tap(_px(args[0]), _px(args[1]))
    elif what in ("swipe", "draganddrop"):
        x1, y1, x2, y2 = (_px(a) for a in args[:4])
        held = int(args[4]) if len(args) > 4 else 300
        if (x1, y1) == (x2, y2) and held >= LONG_PRESS_MS:
            app.long_press(x1, y1)
        else:
            app.swipe(x1, y1, x2, y2)
    elif what == "text":
        return _text(call, device, args[0])
    elif what == "keyevent":
        for key in (a for a in args if not a.startswith("--")):
            _press(device, key)
    else:
        return call.fail(f"Error: Unknown command: {what}", 255)
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


# -- screens ------------------------------------------------------------------------------------


def _uiautomator(call: Call, device: Device) -> int:
    from jamel.virtual_device.render import hierarchy_xml

    if call.args[:1] != ["dump"]:
        return call.fail("Error: only 'uiautomator dump' is known", 1)
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
        del args[args.index("-d") : args.index("-d") + 2]
    names = [a for a in args if not a.startswith("-")]
    if "-p" not in args and not (names and names[0].endswith(".png")):
        return call.fail("screencap: only PNG (-p) is supported")
    data = screenshot_png(device.observe())
    if names:
        call.files.write(call.path(names[0]), data)
    else:
        call.out(data)
    return 0


def _wm(call: Call, device: Device) -> int:
    if call.args[:1] == ["size"]:
        width, height = device.app.size_px
        call.print(f"Physical size: {width}x{height}")
        return 0
    if call.args[:1] == ["density"]:
        call.print("Physical density: 420")
        return 0
    return call.fail(f"Unknown command: {' '.join(call.args)}", 255)


# -- activities and packages --------------------------------------------------------------------


def _am(call: Call, device: Device) -> int:
    what, args = (call.args[0] if call.args else ""), call.args[1:]
    if what == "start":
        return _am_start(call, device, args)
    if what in ("force-stop", "kill"):
        if args[-1:] == [device.app.package]:
            device.stop()
        return 0
    if what == "broadcast":
        call.print("Broadcasting: Intent { flg=0x400000 }\nBroadcast completed: result=0")
        return 0
    return call.fail(f"Error: unknown command '{what}'", 255)


def _am_start(call: Call, device: Device, args: list[str]) -> int:
    package = device.app.package
    component = _after(args, "-n") or _after(args, "-p") or (args[-1] if args else "")
    call.print(f"Starting: Intent {{ act=android.intent.action.MAIN cmp={component} }}")
    name, _, activity = component.partition("/")
    if name != package:
        call.err(b"Error type 3\n")
        return call.fail(f"Error: Activity class {{{component}}} does not exist.")
    if "-S" in args:
        device.stop()
    if not device.start():
        call.print("Warning: Activity not started, its current task has been brought to the front")
    if "-W" in args:
        call.print(f"Status: ok\nActivity: {package}/{activity}\nComplete")
    return 0


def _after(args: list[str], flag: str) -> str:
    return args[args.index(flag) + 1] if flag in args and args.index(flag) + 1 < len(args) else ""


def _monkey(call: Call, device: Device) -> int:
    if _after(call.args, "-p") != device.app.package:
        return call.fail("** No activities found to run, monkey aborted.", 252)
    device.start()
    call.print("Events injected: 1")
    return 0


def _pm(call: Call, device: Device) -> int:
    package = device.app.package
    what, args = (call.args[0] if call.args else ""), call.args[1:]
    ours = args[-1:] == [package]
    if what == "list" and args[:1] == ["packages"]:
        wanted = [a for a in args[1:] if not a.startswith("-")]
        system = ("android", "com.android.launcher3") if "-3" not in args else ()
        for name in (*system, *(() if "-s" in args else (package,))):
            if all(w in name for w in wanted):
                call.print(f"package:{name}")
        return 0
    if what == "path":
        if ours:
            call.print(f"package:/data/app/{package}/base.apk")
        return 0 if ours else 1
    if what == "clear":
        if ours:
            device.clear()
        call.print("Success" if ours else "Failed")
        return 0 if ours else 1
    if what == "install":
        call.print("Success")
        return 0
    return call.fail(f"Unknown command: {what}", 255)


def _cmd(call: Call, device: Device) -> int:
    service, rest = (call.args[0] if call.args else ""), call.args[1:]
    names = {"package": "pm", "activity": "am", "window": "wm"}
    if service not in names:
        return call.fail(f"cmd: Can't find service: {service}", 20)
    return call.shell.call([names[service], *rest], call.streams)


# -- state --------------------------------------------------------------------------------------


def _dumpsys(call: Call, device: Device) -> int:
    what = call.args[0] if call.args else ""
    observation = device.observe()
    front = window_title(device) or f"{observation.package}/{observation.activity}"
    shown = str(device.faults.window == "keyboard").lower()
    width, height = device.app.size_px
    package = device.app.package
    texts = {
        "window": "WINDOW MANAGER WINDOWS (dumpsys window windows)\n"
        f"  mCurrentFocus=Window{{5a1c2d u0 {front}}}\n"
        f"  mFocusedApp=ActivityRecord{{9e3f01 u0 {front} t7}}",
        "activity": f"  ResumedActivity: ActivityRecord{{9e3f01 u0 {front} t7}}\n"
        f"  ACTIVITY {front} 9e3f01 pid=4242",
        "display": f"  DisplayViewport{{type=INTERNAL, valid=true, displayId=0, orientation=0, "
        f"deviceWidth={width}, deviceHeight={height}}}",
        "input_method": f"  mInputShown={shown}",
        "battery": "Current Battery Service state:\n  AC powered: true\n  level: 100",
        "package": f"  Package [{package}] (4f2a):\n    versionCode=1 minSdk=21 targetSdk=34\n"
        f"    versionName={device.app.build}\n    flags=[ DEBUGGABLE HAS_CODE ]\n"
        "    firstInstallTime=2024-01-01 00:00:00\n    lastUpdateTime=2024-01-01 00:00:00",
    }
    if what not in texts:
        return call.fail(f"Can't find service: {what}", 1)
    call.print(texts[what])
    return 0


def _getprop(call: Call, device: Device) -> int:
    properties = {
        **PROPERTIES,
        "sys.boot_completed": "1" if device.booted else "",
        **{k[5:]: v for k, v in device.settings.items() if k.startswith("prop/")},
    }
    if call.args:
        call.print(properties.get(call.args[0], "".join(call.args[1:2])))
    else:
        for name, value in sorted(properties.items()):
            call.print(f"[{name}]: [{value}]")
    return 0


def _setprop(call: Call, device: Device) -> int:
    if len(call.args) != 2:
        return call.fail("setprop: expected a name and a value")
    device.settings[f"prop/{call.args[0]}"] = call.args[1]
    return 0


def _settings(call: Call, device: Device) -> int:
    if call.args[:1] == ["get"] and len(call.args) == 3:
        call.print(device.settings.get("/".join(call.args[1:]), "null"))
        return 0
    if call.args[:1] == ["put"] and len(call.args) >= 4:
        device.settings["/".join(call.args[1:3])] = call.args[3]
        return 0
    return call.fail("Invalid command", 255)


def _run_as(call: Call) -> int:
    package = call.shell.device.app.package
    if call.args[:1] != [package]:
        return call.fail(f"run-as: unknown package: {''.join(call.args[:1])}")
    before = call.shell.cwd
    call.shell.cwd = f"/data/data/{package}"
    try:
        return call.shell.call(call.args[1:] or ["sh"], call.streams)
    finally:
        call.shell.cwd = before


def _pidof(call: Call, device: Device) -> int:
    running = device.running and call.args[:1] == [device.app.package]
    if running:
        call.print("4242")
    return 0 if running else 1


def _ps(call: Call, device: Device) -> int:
    call.print("USER           PID  PPID     VSZ    RSS WCHAN            ADDR S NAME")
    names = ["init", *([device.app.package] if device.running else [])]
    for number, name in zip(("1", "4242"), names, strict=False):
        call.print(f"shell {number:>12}     1   10000   5000 0                   0 S {name}")
    return 0


def _logcat(call: Call) -> int:
    """Nothing ever crashes here, so the log has its headings alone."""
    if "-c" not in call.args:
        call.print("--------- beginning of main")
    return 0


def _quiet(call: Call) -> int:
    """svc and the like: nothing to say, nothing to do."""
    return 0


ANDROID_COMMANDS: dict[str, Command] = {
    "input": _locked(_input), "uiautomator": _locked(_uiautomator), "wm": _locked(_wm),
    "screencap": _locked(_screencap), "am": _locked(_am), "monkey": _locked(_monkey),
    "pm": _locked(_pm), "cmd": _locked(_cmd), "dumpsys": _locked(_dumpsys),
    "getprop": _locked(_getprop), "setprop": _locked(_setprop), "settings": _locked(_settings),
    "pidof": _locked(_pidof), "run-as": _run_as, "ps": _locked(_ps),
    "logcat": _logcat, "svc": _quiet,
}  # fmt: skip
