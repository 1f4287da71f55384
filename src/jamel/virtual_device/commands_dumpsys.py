"""`dumpsys`: what the system's services tell, as far as clients are known to read it.

Each text has the lines that adbutils, uiautomator2, DroidBot and android-env look for, spelled as
Android 14 spells them. A service that is not here is missing, which dumpsys reports with exit 0.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from jamel.types import Observation
from jamel.virtual_device.apk import ApkManifest
from jamel.virtual_device.apps.app import LAUNCHER
from jamel.virtual_device.commands_android import DISPLAY_ID, locked
from jamel.virtual_device.device import Device
from jamel.virtual_device.exits import describe
from jamel.virtual_device.intents import MAIN, VIEW
from jamel.virtual_device.keyboard import area_px, is_shown
from jamel.virtual_device.packages import Package
from jamel.virtual_device.shell import Call, Command
from jamel.virtual_device.windows import window_title


def _dumpsys(call: Call, device: Device) -> int:
    args, skipped = list(call.args), list[str]()
    while args and args[0].startswith("-") and args[0] not in ("-l", "--help"):
        flag = args.pop(0)
        if flag in ("-t", "-T", "--priority", "--skip") and args:
            value = args.pop(0)
            skipped += value.split(",") if flag == "--skip" else []
    if args[:1] == ["-l"]:
        call.print("Currently running services:\n" + "\n".join(f"  {name}" for name in _SERVICES))
        return 0
    for name in args[:1] or [name for name in _SERVICES if name not in skipped]:
        service = _SERVICES.get(name)
        if service is None:
            return call.fail(f"Can't find service: {name}", 0)
        if not args:
            call.print(f"{'-' * 79}\nDUMP OF SERVICE {name}:")
        call.print(service(device, args[1:]))
    return 0


def _front(device: Device, observation: Observation) -> str:
    return window_title(device) or f"{observation.package}/{observation.activity}"


def _window(device: Device, args: list[str]) -> str:
    front = _front(device, device.observe())
    width, height = device.app.size_px
    turned, shown = device.rotation * 90, str(is_shown(device)).lower()
    left, top, right, bottom = area_px(device.app.size_px)
    lines = [
        "WINDOW MANAGER WINDOWS (dumpsys window windows)",
        "  Window #1 Window{3c6b1a u0 InputMethod}:",
        f"    mDisplayId=0 mSession=Session{{a1b2c3 1500:u0a10091}} mBaseLayer=151000 "
        f"mHasSurface={shown}",
        f"    mFrame=[{left},{top}][{right},{bottom}]",
        f"    isOnScreen={shown}", f"    isVisible={shown}",
        f"  Window #0 Window{{5a1c2d u0 {front}}}:",
        f"    mDisplayId=0 mSession=Session{{b7c8d9 {device.pid}:u0a10100}} mBaseLayer=21000 "
        "mHasSurface=true",
        f"    mFrame=[0,0][{width},{height}]", "    isOnScreen=true", "    isVisible=true",
        f"  mCurrentFocus=Window{{5a1c2d u0 {front}}}",
        f"  mFocusedApp=ActivityRecord{{9e3f01 u0 {front} t7}}",
        "  mInputMethodWindow=Window{3c6b1a u0 InputMethod}",
        f"  mScreenOn={str(device.screen_on).lower()} isKeyguardShowing=false",
        f"  mRotation=ROTATION_{turned} mCurrentRotation=ROTATION_{turned}",
        "  Display: mDisplayId=0 init={}x{} 420dpi ".format(*device.natural_px)
        + f"cur={width}x{height} app={width}x{height}",
    ]  # fmt: skip
    return "\n".join(lines)


def _activity(device: Device, args: list[str]) -> str:
    observation = device.observe()
    front = _front(device, observation)
    if args[:1] == ["processes"]:
        return f"  Process LRU list:\n    #0: {device.pid}:{observation.package}/u0a100"
    if args[:1] == ["lastanr"]:
        anr = device.last_anr or "  <no ANR has occurred since boot>"
        return f"ACTIVITY MANAGER LAST ANR (dumpsys activity lastanr)\n{anr}"
    if args[:1] == ["exit-info"]:
        known = device.packages.installed.get(device.app.package)
        if known is None or args[1:] not in ([], [device.app.package]):
            return describe("".join(args[1:]), 0, [])
        return describe(device.app.package, known.uid, list(device.exits))
    top = f"  ACTIVITY {front} 9e3f01 pid={device.pid}"
    if args[:1] == ["activities"]:
        return "\n".join(
            [
                "ACTIVITY MANAGER ACTIVITIES (dumpsys activity activities)",
                "Display #0 (activities from top to bottom):",
                *_tasks(device, observation),
                f"    mResumedActivity: ActivityRecord{{9e3f01 u0 {front} t7}}",
                f"  topResumedActivity=ActivityRecord{{9e3f01 u0 {front} t7}}",
                f"  ResumedActivity: ActivityRecord{{9e3f01 u0 {front} t7}}",
            ]
        )
    if args and args[0] not in ("top", "all", observation.package, front):
        return f"No activities match: {args[0]}"
    resumed = f"  ResumedActivity: ActivityRecord{{9e3f01 u0 {front} t7}}"
    task = f"TASK {observation.package} id=7 userId=0"
    return "\n".join([task, resumed, top, "    View Hierarchy:", *_views(observation)])


def _tasks(device: Device, observation: Observation) -> list[str]:
    """The app's task, the activity on top first, above or below the launcher's; a question of
    the system on top of all."""
    package = device.app.package
    stack = [f"{package}/{name}" for name in device.app.back_stack]
    alive = device.running or device.saved
    if device.app.in_front and observation.package != package:
        stack.append(f"{observation.package}/{observation.activity}")
    app = [f"  * Task{{c0ffee #7 type=standard A=10100:{package}}}"]
    app += [
        f"    * Hist  #{number}: ActivityRecord{{9e3f{number:02x} u0 {name} t7}}"
        for number, name in reversed(list(enumerate(stack)))
    ]
    home = [
        "  * Task{beef01 #1 type=home}",
        f"    * Hist  #0: ActivityRecord{{7a0b00 u0 {'/'.join(LAUNCHER)} t1}}",
    ]
    in_front = device.running and device.app.in_front
    return [*app, *home] if in_front else [*home, *(app if alive else ())]


def _views(observation: Observation) -> list[str]:
    """The view hierarchy, two blanks a level, as `dumpsys activity top` draws it."""
    depths: list[int] = []
    lines = []
    for element in observation.elements:
        depths.append(depths[element.parent] + 1 if element.parent >= 0 else 0)
        left, top, right, bottom = element.bounds_px
        flags = f"V.{'E' if element.enabled else '.'}{'C' if element.clickable else '.'}"
        name = element.resource_id.rpartition("/")[2]
        label = f" #7f0a0000 app:id/{name}" if name else ""
        where = f"{left},{top}-{right},{bottom}"
        lines.append(f"{'  ' * (3 + depths[-1])}{element.cls}{{1a2b3c {flags} {where}{label}}}")
    return lines


def _display(device: Device, args: list[str]) -> str:
    width, height = device.app.size_px
    return (
        "DISPLAY MANAGER (dumpsys display)\n"
        "  mViewports=[DisplayViewport{type=INTERNAL, valid=true, isActive=true, displayId=0, "
        f"uniqueId='local:{DISPLAY_ID}', physicalPort=0, orientation={device.rotation}, "
        f"logicalFrame=Rect(0, 0 - {width}, {height}), "
        f"physicalFrame=Rect(0, 0 - {width}, {height}), "
        f"deviceWidth={width}, deviceHeight={height}}}]\n"
        f"  mScreenState={'ON' if device.screen_on else 'OFF'}"
    )


def _input(device: Device, args: list[str]) -> str:
    width, height = device.app.size_px
    turns = device.rotation
    return (
        "INPUT MANAGER (dumpsys input)\n\nInput Reader State (Nums of device: 2):\n"
        "  Device 1: virtio_input_multi_touch_1\n    Touch Input Mapper (mode - DIRECT):\n"
        f"      Viewport INTERNAL: displayId=0, orientation={turns}, logicalFrame=[0, 0, {width}, "
        f"{height}], deviceSize=[{width}, {height}]\n"
        f"      PhysicalWidth: {device.natural_px[0]}px\n"
        f"      PhysicalHeight: {device.natural_px[1]}px\n"
        f"      SurfaceOrientation: {turns}\n      InputDeviceOrientation: Rotation{turns * 90}"
    )


def _input_method(device: Device, args: list[str]) -> str:
    shown = str(is_shown(device)).lower()
    return (
        "Current Input Method Manager state:\n  Client states for all users:\n"
        "  mCurMethodId=com.android.inputmethod.latin/.LatinIME\n"
        f"  mShowRequested={shown} mShowExplicitlyRequested={shown} mShowForced=false "
        f"mInputShown={shown}\n  mInputShown={shown}\n  mSystemReady=true "
        f"mInteractive={str(device.screen_on).lower()}"
    )


def _battery(device: Device, args: list[str]) -> str:
    return (
        "Current Battery Service state:\n  AC powered: true\n  USB powered: false\n"
        "  Wireless powered: false\n  Dock powered: false\n  Max charging current: 0\n"
        "  Max charging voltage: 0\n  Charge counter: 10000\n  status: 4\n  health: 2\n"
        "  present: true\n  level: 100\n  scale: 100\n  voltage: 5000\n  temperature: 250\n"
        "  technology: Li-ion"
    )


def _power(device: Device, args: list[str]) -> str:
    on = str(device.screen_on).lower()
    state = "Awake" if device.screen_on else "Asleep"
    return (
        f"POWER MANAGER (dumpsys power)\n\nPower Manager State:\n  mWakefulness={state}\n"
        f"  mHoldingDisplaySuspendBlocker={on}\nDisplay Power: state="
        f"{'ON' if device.screen_on else 'OFF'}"
    )


def _package(device: Device, args: list[str]) -> str:
    names = args[:1] or list(device.packages.installed)
    found = [device.packages.installed[n] for n in names if n in device.packages.installed]
    if not found:
        return f"Unable to find package: {names[0]}"
    resolver = [line for package in found for line in _resolver(package.manifest)]
    texts = [_package_text(package, device.granted(package.manifest.package)) for package in found]
    return "\n".join(["Activity Resolver Table:", *resolver, "", "Packages:", *texts])


def _resolver(manifest: ApkManifest) -> list[str]:
    """The intent filters of a package's activities."""
    lines, scheme = ["  Schemes:"] if manifest.links else [], ""
    for number, link in enumerate(sorted(manifest.links, key=lambda link: link.scheme)):
        lines += [f"      {link.scheme}:"] if link.scheme != scheme else []
        scheme = link.scheme
        lines += [
            f"        4f2a{number:02x} {manifest.package}/{link.activity} filter 9b3f{number:02x}",
            f'          Action: "{VIEW}"',
            '          Category: "android.intent.category.DEFAULT"',
            '          Category: "android.intent.category.BROWSABLE"',
            f'          Scheme: "{link.scheme}"', f'          Authority: "{link.host}": -1',
        ]  # fmt: skip
    if manifest.activity:
        lines += [
            "  Non-Data Actions:", f"      {MAIN}:",
            f"        4f2b00 {manifest.package}/{manifest.activity} filter 9b4000",
            f'          Action: "{MAIN}"', '          Category: "android.intent.category.LAUNCHER"',
        ]  # fmt: skip
    return lines


def _package_text(package: Package, granted: dict[str, bool]) -> str:
    manifest = package.manifest
    name, path = manifest.package, package.path.rpartition("/")[0]
    first, last = (
        time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(when))
        for when in (package.installed_s, package.updated_s)
    )
    states = [
        f"        {name}: granted={str(has).lower()}, flags=[ {'USER_SET ' if has else ''}]"
        for name, has in sorted(granted.items())
    ]
    lines = [
        f"  Package [{name}] (4f2a1c):", f"    userId={package.uid}", f"    codePath={path}",
        f"    versionCode={manifest.version_code} minSdk=21 targetSdk=34",
        f"    versionName={manifest.version_name}",
        "    flags=[ DEBUGGABLE HAS_CODE ALLOW_CLEAR_USER_DATA ]",
        "    pkgFlags=[ DEBUGGABLE HAS_CODE ALLOW_CLEAR_USER_DATA ]",
        f"    dataDir=/data/user/0/{name}", f"    firstInstallTime={first}",
        f"    lastUpdateTime={last}",
        "    signatures=PackageSignatures{7c1d2e version:2, signatures:[5f1ab2c3], past "
        "signatures:[]}",
        "    requested permissions:", *(f"      {name}" for name in manifest.permissions),
        "    User 0: ceDataInode=131 installed=true hidden=false stopped=false enabled=0",
        "      runtime permissions:", *states,
    ]  # fmt: skip
    return "\n".join(lines)


def _meminfo(device: Device, args: list[str]) -> str:
    package = args[0] if args else ""
    if package and not (device.running and package == device.app.package):
        return f"No process found for: {package}"
    return (
        f"Applications Memory Usage (in Kilobytes):\n\n** MEMINFO in pid {device.pid} "
        f"[{device.app.package}] **\n"
        "                   Pss  Private  Private  SwapPss      Rss     Heap     Heap     Heap\n"
        "                 Total    Dirty    Clean    Dirty    Total     Size    Alloc     Free\n"
        "        TOTAL    45210    31008     4120        0    95000    22016    15104     6912"
    )


def _surface_flinger(device: Device, args: list[str]) -> str:
    return f'Display {DISPLAY_ID} (HWC display 0): port=0 pnpId=GGL displayName="EMU_display_0"'


def _battery_stats(device: Device, args: list[str]) -> str:
    uid = device.packages.installed.get(device.app.package)
    lines = ["9,0,i,vers,36,214,JAMEL,JAMEL"]
    lines += [f"9,0,i,uid,{uid.uid},{uid.manifest.package}"] if uid else []
    return "\n".join(lines)


_SERVICES: dict[str, Callable[[Device, list[str]], str]] = {
    "SurfaceFlinger": _surface_flinger, "activity": _activity, "battery": _battery,
    "batterystats": _battery_stats, "display": _display, "input": _input,
    "input_method": _input_method, "meminfo": _meminfo, "package": _package, "power": _power,
    "window": _window,
}  # fmt: skip

DUMPSYS_COMMANDS: dict[str, Command] = {"dumpsys": locked(_dumpsys)}
