"""`pm` and `cmd package`: listing, installing (streamed, by file, in sessions), removing, granting.

Outputs and failures are spelled as PackageManagerShellCommand spells them. Knows nothing of how an
APK's bytes arrive beyond reading them from standard input.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from jamel.virtual_device.apk import NotAnApk, read_apk
from jamel.virtual_device.commands_android import locked
from jamel.virtual_device.device import Device
from jamel.virtual_device.intents import activity_for, parse_intent
from jamel.virtual_device.shell import Call, Command

MAX_SESSIONS = 64
FEATURES = ("android.hardware.touchscreen", "android.hardware.wifi", "android.software.webview")
LIBRARIES = ("android.ext.shared", "android.test.base", "android.test.runner")
_VALUED = ("-i", "-S", "--user", "--abi", "--pkg", "--originating-uri", "--referrer",
           "--install-location", "--install-reason", "-p")  # fmt: skip


def _pm(call: Call, device: Device) -> int:
    if not call.args:
        call.print("Package manager (package) commands:\n  help\n    Print this help text.")
        return 255
    command = _VERBS.get(call.args[0])
    if command is None:
        call.print(f"Unknown command: {call.args[0]}")
        return 255
    return command(call, device, call.args[1:])


def _exception(call: Call, verb: str, kind: str, message: str) -> int:
    """What a shell command's uncaught exception looks like."""
    text = f"\nException occurred while executing '{verb}':\n{kind}: {message}"
    return call.fail(f"{text}\n\tat android.os.Binder.execTransact(Binder.java)", 255)


def _operands(args: list[str]) -> list[str]:
    """The arguments that are no options, and no option's value."""
    found, skip = [], False
    for arg in args:
        if not skip and not arg.startswith("-"):
            found.append(arg)
        skip = not skip and arg in _VALUED
    return found


def _value(args: list[str], flag: str) -> str:
    at = args.index(flag) + 1 if flag in args else len(args)
    return args[at] if at < len(args) else ""


# -- looking ------------------------------------------------------------------------------------


def _list(call: Call, device: Device, args: list[str]) -> int:
    what, rest = (args[0] if args else ""), args[1:]
    if what in ("package", "packages"):
        return _list_packages(call, device, rest)
    lines = {
        "features": [f"feature:{name}" for name in FEATURES],
        "libraries": [f"library:{name}" for name in LIBRARIES],
        "users": ["Users:", "\tUserInfo{0:Owner:4c13} running"],
        "instrumentation": [],
        "permission-groups": ["permission group:android.permission-group.CAMERA"],
    }
    if what not in lines:
        return call.fail(f"Error: unknown list type '{what}'", 255)
    for line in lines[what]:
        call.print(line)
    return 0


def _list_packages(call: Call, device: Device, args: list[str]) -> int:
    flags = {a for a in args if a.startswith("-")}
    unknown = flags - {"-f", "-d", "-e", "-s", "-3", "-i", "-l", "-u", "-U", "-a", "--user",
                       "--show-versioncode", "--uid", "--match-libraries"}  # fmt: skip
    if unknown:
        return call.fail(f"Error: Unknown option: {min(unknown)}", 255)
    names = device.packages.names(third_party="-s" not in flags, system="-3" not in flags)
    wanted = _operands(args)
    for name in names if "-d" not in flags else []:
        if all(part in name for part in wanted):
            call.print(_package_line(device, name, flags))
    return 0


def _package_line(device: Device, name: str, flags: set[str]) -> str:
    found = device.packages.installed.get(name)
    path = found.path if found else f"/system/app/{name}/{name}.apk"
    line = f"package:{path}={name}" if "-f" in flags else f"package:{name}"
    if "--show-versioncode" in flags:
        line += f" versionCode:{found.manifest.version_code if found else 34}"
    if "-i" in flags:
        line += "  installer=null"
    if "-U" in flags:
        line += f" uid:{found.uid if found else 1000}"
    return line


def _path(call: Call, device: Device, args: list[str]) -> int:
    name = (_operands(args) or [""])[0]
    found = device.packages.installed.get(name)
    if found:
        call.print(f"package:{found.path}")
    elif name in device.packages.names(third_party=False):
        call.print(f"package:/system/app/{name}/{name}.apk")
    else:
        return 1
    return 0


def _resolve(call: Call, device: Device, args: list[str]) -> int:
    try:
        intent = parse_intent(args)
    except ValueError as error:
        return call.fail(f"Error: Unknown option: {error}", 255)
    found = device.packages.installed.values()
    taking = [(p, activity_for(intent, p.manifest)) for p in found]
    taking = [(package, activity) for package, activity in taking if activity]
    if not taking:
        call.print("No activity found")
        return 0
    package, activity = taking[0]
    match = "0x208000" if intent.data else "0x108000"
    call.print(f"priority=0 preferredOrder=0 match={match} specificIndex=-1 isDefault=true")
    name = package.manifest.package
    if "--brief" in args:
        call.print(f"{name}/{activity}")
    else:
        call.print(f"ActivityInfo:\n  name={activity}\n  packageName={name}\n  enabled=true "
                   f"exported=true\n  ApplicationInfo:\n    packageName={name}")  # fmt: skip
    return 0


def _dump(call: Call, device: Device, args: list[str]) -> int:
    return call.shell.call(["dumpsys", "package", *args], call.streams)


# -- changing -----------------------------------------------------------------------------------


def _clear(call: Call, device: Device, args: list[str]) -> int:
    name = (_operands(args) or [""])[0]
    if name == device.app.package and device.is_installed:
        device.clear()
    elif name not in device.packages.installed:
        call.print("Failed")
        return 1
    call.print("Success")
    return 0


def _install(call: Call, device: Device, args: list[str]) -> int:
    size = _value(args, "-S")
    names = _operands(args)
    if size and (not names or names == ["-"]):
        data = call.stdin()[: int(size)]
        return _installed(call, device, data, args, complete=len(data) == int(size))
    if not names:
        return call.fail("Error: must either specify a package size or an APK file", 1)
    path = call.path(names[0])
    try:
        data = call.files.read(path)
    except OSError:
        call.err(f"Error: Unable to open file: {names[0]}\n".encode())
        if not path.startswith("/data/local/tmp/"):
            call.err(b"Consider using a file under /data/local/tmp/\n")
        return call.fail(f"Error: Can't open file: {names[0]}", 255)
    return _installed(call, device, data, args)


def _installed(
    call: Call, device: Device, data: bytes, args: list[str], complete: bool = True
) -> int:
    problem = "" if complete else "INSTALL_FAILED_ABORTED: the session ended early"
    problem = problem or _try_install(device, data, args)
    call.print(f"Failure [{problem}]" if problem else "Success")
    return 1 if problem else 0


def _try_install(device: Device, data: bytes, args: list[str]) -> str:
    try:
        manifest = read_apk(data)
    except NotAnApk as error:
        return f"INSTALL_PARSE_FAILED_NOT_APK: Failed to parse base.apk: {error}"
    old = device.packages.installed.get(manifest.package)
    if not re.fullmatch(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", manifest.package):
        return f"INSTALL_PARSE_FAILED_BAD_PACKAGE_NAME: Invalid manifest package: {manifest}"
    if old and "-R" in args:
        name = manifest.package
        return (
            f"INSTALL_FAILED_ALREADY_EXISTS: Attempt to re-install {name} without first "
            "uninstalling."
        )
    if old and manifest.version_code < old.manifest.version_code and "-d" not in args:
        return (
            "INSTALL_FAILED_VERSION_DOWNGRADE: Downgrade detected: Update version code "
            f"{manifest.version_code} is older than current {old.manifest.version_code}"
        )
    try:
        device.install(manifest, data)
    except OSError:
        return "INSTALL_FAILED_INSUFFICIENT_STORAGE: Failed to install"
    for permission in manifest.permissions if "-g" in args else ():
        device.grant(manifest.package, permission, True)
    return ""


def _uninstall(call: Call, device: Device, args: list[str]) -> int:
    name = (_operands(args) or [""])[0]
    if not name:
        return call.fail("Error: package name not specified", 1)
    if not device.uninstall(name, keep_data="-k" in args):
        call.print("Failure [DELETE_FAILED_INTERNAL_ERROR]")
        return 1
    call.print("Success")
    return 0


def _create(call: Call, device: Device, args: list[str]) -> int:
    if len(device.install_sessions) >= MAX_SESSIONS:
        return _exception(call, "install-create", "java.lang.IllegalStateException",
                          f"Too many active sessions for UID {2000}")  # fmt: skip
    number = 1_000_001 + device.sessions_made
    device.sessions_made += 1
    device.install_sessions[number] = b""
    call.print(f"Success: created install session [{number}]")
    return 0


def _write(call: Call, device: Device, args: list[str]) -> int:
    names = _operands(args)
    number = int(names[0]) if names and names[0].isdigit() else 0
    if number not in device.install_sessions:
        return _exception(call, "install-write", "java.lang.SecurityException",
                          f"Caller has no access to session {number}")  # fmt: skip
    if len(names) > 2 and names[2] != "-":
        data = call.files.read(call.path(names[2]))
    else:
        size = _value(args, "-S")
        data = call.stdin()[: int(size)] if size else call.stdin()
    # Of a split package the base alone is kept: the others carry no name of their own.
    if not device.install_sessions[number] or "base" in (names[1] if len(names) > 1 else ""):
        device.install_sessions[number] = data
    call.print(f"Success: streamed {len(data)} bytes")
    return 0


def _commit(call: Call, device: Device, args: list[str]) -> int:
    number = int((_operands(args) or ["0"])[0])
    if number not in device.install_sessions:
        return _exception(call, "install-commit", "java.lang.SecurityException",
                          f"Caller has no access to session {number}")  # fmt: skip
    return _installed(call, device, device.install_sessions.pop(number), [])


def _abandon(call: Call, device: Device, args: list[str]) -> int:
    device.install_sessions.pop(int((_operands(args) or ["0"])[0]), None)
    call.print("Success")
    return 0


def _granting(granted: bool) -> Callable[[Call, Device, list[str]], int]:
    verb = "grant" if granted else "revoke"

    def command(call: Call, device: Device, args: list[str]) -> int:
        names = _operands(args)
        kind = "java.lang.IllegalArgumentException"
        if len(names) < 2:
            return _exception(call, verb, kind, "Argument expected after package")
        if names[0] not in device.packages.installed:
            return _exception(call, verb, kind, f"Unknown package: {names[0]}")
        if not names[1].startswith("android.permission."):
            return _exception(call, verb, kind, f"Unknown permission: {names[1]}")
        if names[1] not in device.packages.installed[names[0]].manifest.permissions:
            reason = f"Package {names[0]} has not requested permission {names[1]}"
            return _exception(call, verb, "java.lang.SecurityException", reason)
        device.grant(names[0], names[1], granted)
        return 0

    return command


_VERBS: dict[str, Callable[[Call, Device, list[str]], int]] = {
    "list": _list, "path": _path, "clear": _clear, "install": _install,
    "install-streaming": _install, "uninstall": _uninstall, "install-create": _create,
    "install-write": _write, "install-commit": _commit, "install-abandon": _abandon,
    "grant": _granting(True), "revoke": _granting(False), "resolve-activity": _resolve,
    "dump": _dump,
}  # fmt: skip

PACKAGE_COMMANDS: dict[str, Command] = {"pm": locked(_pm)}
