"""`am` and `monkey`: starting activities, by name or by address, ending processes, broadcasts.

Outputs and failures are spelled as ActivityManagerShellCommand and Monkey spell them. Knows nothing
of what an activity shows.
"""

from __future__ import annotations

from collections.abc import Callable

from jamel.virtual_device.commands_android import locked
from jamel.virtual_device.device import Device
from jamel.virtual_device.intents import (
    HOME,
    MAIN,
    Intent,
    activity_for,
    full_component,
    parse_intent,
)
from jamel.virtual_device.shell import Call, Command

_EXCEPTION = "\nException occurred while executing '{}':\njava.lang.IllegalArgumentException: {}"


def _am(call: Call, device: Device) -> int:
    what, args = (call.args[0] if call.args else ""), call.args[1:]
    verb = _VERBS.get(what)
    if verb is not None:
        return verb(call, device, args)
    call.print(f"Unknown command: {what}" if what else "Activity manager (activity) commands:")
    return 255


# -- starting -----------------------------------------------------------------------------------


def _start(call: Call, device: Device, args: list[str]) -> int:
    try:
        intent = parse_intent(args)
    except ValueError as error:
        return call.fail(f"Error: Unknown option: {error}", 255)
    if intent == Intent():
        return call.fail(_EXCEPTION.format("start", "No intent supplied"), 255)
    package, activity = full_component(intent.component)
    if "-S" in args and device.app.package in (package, intent.package):
        device.stop()
    if intent.component and not intent.action:
        intent = intent._replace(action=MAIN)
    call.print(f"Starting: Intent {{ {intent} }}")
    if intent.action == MAIN and HOME in intent.categories:
        device.app.home()
        device.touched(False)
        return 0
    own = device.packages.installed.get(device.app.package)
    if not intent.component:
        activity = activity_for(intent, own.manifest) if own else ""
        if not activity:
            return call.fail(
                f"Error: Activity not started, unable to resolve Intent {{ {intent} }}"
            )
    elif own is None or package != device.app.package or activity not in device.app.activities:
        call.err(b"Error type 3\n")
        return call.fail(f"Error: Activity class {{{intent.component}}} does not exist.")
    return _started(call, device, args, activity)


def _started(call: Call, device: Device, args: list[str], activity: str) -> int:
    launcher = activity == device.app.activities[0]
    launched = device.start("" if launcher else activity)
    if launcher and not launched:
        call.err(b"Warning: Activity not started, its current task has been brought to the front\n")
    if "-W" in args:
        state = "COLD" if launched else "HOT"
        call.print(f"Status: ok\nLaunchState: {state}\nActivity: {device.app.package}/{activity}")
        call.print("TotalTime: 0\nWaitTime: 1\nComplete")
    return 0


# -- ending -------------------------------------------------------------------------------------


def _force_stop(call: Call, device: Device, args: list[str]) -> int:
    if not args:
        return call.fail(_EXCEPTION.format("force-stop", "Argument expected after"), 255)
    if args[-1] == device.app.package:
        device.stop()
    return 0


def _kill(call: Call, device: Device, args: list[str]) -> int:
    """Only what is in the background and can be started again with its state."""
    if not args:
        return call.fail(_EXCEPTION.format("kill", "Argument expected after"), 255)
    if args[-1] == device.app.package and not device.app.in_front:
        device.stop(save=True)
    return 0


def _kill_all(call: Call, device: Device, args: list[str]) -> int:
    return _kill(call, device, [device.app.package])


def _crash(call: Call, device: Device, args: list[str]) -> int:
    if not args:
        return call.fail(_EXCEPTION.format("crash", "Argument expected after"), 255)
    if args[-1] == device.app.package and device.running:
        device.app.crash()
        device.note_crashes()
        device.touched(False)
    return 0


def _broadcast(call: Call, device: Device, args: list[str]) -> int:
    try:
        intent = parse_intent(args)
    except ValueError as error:
        return call.fail(f"Error: Unknown option: {error}", 255)
    device.receive(intent.action, intent.package or full_component(intent.component)[0])
    described = str(intent._replace(flags=intent.flags or "0x400000"))
    call.print(f"Broadcasting: Intent {{ {described} }}\nBroadcast completed: result=0")
    return 0


# -- the rest -----------------------------------------------------------------------------------


def _stack(call: Call, device: Device, args: list[str]) -> int:
    if args[:1] != ["list"]:
        return call.fail(f"Error: unknown command '{''.join(args[:1])}'", 255)
    observation = device.observe()
    front = f"{observation.package}/{observation.activity}"
    width, height = device.app.size_px
    bounds = f"[0,0][{width},{height}]"
    call.print(f"RootTask id=7 bounds={bounds} displayId=0 userId=0")
    call.print(f"  taskId=7: {front} bounds={bounds} userId=0 visible=true "
               f"topActivity=ComponentInfo{{{front}}}")  # fmt: skip
    return 0


def _task(call: Call, device: Device, args: list[str]) -> int:
    if args[:1] != ["lock"]:
        return call.fail(f"Error: unknown command '{''.join(args[:1])}'", 255)
    call.print("Activity manager is in lockTaskMode")
    return 0


def _no_service(call: Call, device: Device, args: list[str]) -> int:
    component = args[-1] if args else ""
    return call.fail(f"Error: Not found; no service started: {component}", 255)


def _says(text: str) -> Callable[[Call, Device, list[str]], int]:
    def verb(call: Call, device: Device, args: list[str]) -> int:
        call.print(text)
        return 0

    return verb


_VERBS: dict[str, Callable[[Call, Device, list[str]], int]] = {
    "start": _start, "start-activity": _start, "force-stop": _force_stop, "kill": _kill,
    "kill-all": _kill_all, "crash": _crash, "broadcast": _broadcast, "stack": _stack, "task": _task,
    "instrument": _no_service, "startservice": _no_service, "start-service": _no_service,
    "get-current-user": _says("0"), "idle-maintenance": _says(""),
    "wait-for-broadcast-idle": _says("All broadcast queues are idle!"),
}  # fmt: skip


def _monkey(call: Call, device: Device) -> int:
    # Its events are random on a real device too, save for the launch that every script is after.
    count = call.args[-1] if call.args else ""
    if not count.isdigit():
        call.print("** Error: Count not specified" if not count else f"** Error: {count}")
        return 255
    packages = [name for flag, name in zip(call.args, call.args[1:], strict=False) if flag == "-p"]
    if device.app.package not in packages or not device.is_installed:
        call.print("** No activities found to run, monkey aborted.")
        return 252
    device.start()
    call.print(f"Events injected: {count}")
    call.print("## Network stats: elapsed time=0ms (0ms mobile, 0ms wifi, 0ms not connected)")
    return 0


ACTIVITY_COMMANDS: dict[str, Command] = {"am": locked(_am), "monkey": locked(_monkey)}
