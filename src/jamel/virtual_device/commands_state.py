"""Properties and settings: getprop, setprop, settings, content and svc.

`content` knows the provider of settings alone; any other is missing here, and is told to be.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

from jamel.virtual_device.commands_android import locked
from jamel.virtual_device.device import Device
from jamel.virtual_device.device_settings import DELETED, NAMESPACES, table
from jamel.virtual_device.shell import Call, Command

MAX_VALUE = 91
"""Bytes a system property may have, `ro.` ones excepted."""
PROPERTIES = {
    "ro.product.name": "jamel_virtual", "ro.product.model": "JamelVirtual",
    "ro.product.device": "jamel_virtual", "ro.product.brand": "jamel",
    "ro.product.manufacturer": "jamel", "ro.product.board": "goldfish_x86_64",
    "ro.product.cpu.abi": "x86_64", "ro.product.cpu.abilist": "x86_64",
    "ro.product.locale": "en-US", "ro.build.version.sdk": "34",
    "ro.build.version.release": "14", "ro.build.version.codename": "REL",
    "ro.build.type": "userdebug", "ro.build.tags": "test-keys", "ro.build.id": "JAMEL",
    "ro.build.fingerprint": "jamel/jamel_virtual/jamel_virtual:14/JAMEL/1:userdebug/test-keys",
    "ro.boot.hardware": "ranchu", "ro.hardware": "ranchu", "ro.kernel.qemu": "1",
    "ro.boot.qemu": "1", "ro.debuggable": "1", "ro.secure": "1", "ro.adb.secure": "0",
    "ro.sf.lcd_density": "420", "ro.build.characteristics": "emulator",
    "persist.sys.timezone": "GMT", "persist.sys.locale": "en-US",
}  # fmt: skip


def _properties(device: Device) -> dict[str, str]:
    booted = device.is_booted
    started = {
        "sys.boot_completed": "1", "dev.bootcomplete": "1", "init.svc.bootanim": "stopped",
        "init.svc.adbd": "running", "service.adb.root": "1" if device.is_root else "0",
    }  # fmt: skip
    starting = {"init.svc.bootanim": "running", "init.svc.adbd": "running"}
    if device.tcp_port:
        started["service.adb.tcp.port"] = str(device.tcp_port)
    own = {k[5:]: v for k, v in device.settings.items() if k.startswith("prop/")}
    return {**PROPERTIES, **(started if booted else starting), **own}


def _getprop(call: Call, device: Device) -> int:
    properties = _properties(device)
    if call.args[:1] in (["-T"], ["-Z"]):
        return call.fail(f"getprop: Unknown option {call.args[0]}", 1)
    if call.args:
        call.print(properties.get(call.args[0], "".join(call.args[1:2])))
    else:
        for name, value in sorted(properties.items()):
            call.print(f"[{name}]: [{value}]")
    return 0


def _setprop(call: Call, device: Device) -> int:
    if len(call.args) != 2:
        return call.fail("usage: setprop NAME VALUE\n\nSets an Android system property.")
    name, value = call.args
    bad = not re.fullmatch(r"[A-Za-z0-9_@:-]+(\.[A-Za-z0-9_@:-]+)*", name)
    long = len(value.encode()) > MAX_VALUE and not name.startswith("ro.")
    if bad or long or (name.startswith("ro.") and name in _properties(device)):
        call.err(f"Failed to set property '{name}' to '{value}'.\n".encode())
        return call.fail("See dmesg for error reason.")
    device.settings[f"prop/{name}"] = value
    return 0


# -- settings -----------------------------------------------------------------------------------


def _settings(call: Call, device: Device) -> int:
    args = list(call.args)
    while args[:1] == ["--user"]:
        del args[:2]
    if not args:
        return call.fail(
            "Settings provider (settings) commands:\n  help\n      Print this help text.", 255
        )
    verb, rest = args[0], [a for a in args[1:] if a not in ("default", "--lineage")]
    if "--user" in rest:
        at = rest.index("--user")
        del rest[at : at + 2]
    least = {"get": 2, "put": 3, "delete": 2, "list": 1, "reset": 2}.get(verb)
    if least is None:
        return call.fail(f"Unknown command: {verb}", 255)
    if rest and rest[0] not in NAMESPACES:
        return call.fail(f"Invalid namespace '{rest[0]}'", 255)
    if len(rest) < least:
        return call.fail("Bad arguments", 255)
    return _change_settings(call, device, verb, rest)


def _change_settings(call: Call, device: Device, verb: str, rest: list[str]) -> int:
    known, key = table(device.settings, rest[0]), "/".join(rest[:2])
    if verb == "get":
        call.print(known.get(rest[1], "null"))
    elif verb == "put":
        device.settings[key] = rest[2]
    elif verb == "delete":
        call.print(f"Deleted {int(rest[1] in known)} rows")
        device.settings[key] = DELETED
    elif verb == "list":
        for name, value in known.items():
            call.print(f"{name}={value}")
    else:
        for name in [k for k in device.settings if k.startswith(f"{rest[0]}/")]:
            del device.settings[name]
    return 0


# -- content ------------------------------------------------------------------------------------


def _content(call: Call, device: Device) -> int:
    verb = call.args[0] if call.args else ""
    options = dict(_options(call.args[1:]))
    if verb not in ("query", "insert", "delete", "update", "call", "read", "write", "gettype"):
        return call.fail(f"[ERROR] Unsupported operation: {verb}\n{_CONTENT_USAGE}", 0)
    uri = options.get("--uri", "")
    match = re.fullmatch(r"content://([\w.]+)(?:/(\w+))?(?:/([\w.-]+))?/?", uri)
    if not match:
        return call.fail(f"[ERROR] Invalid URI: {uri}\n{_CONTENT_USAGE}", 0)
    if match[1] != "settings" or match[2] not in NAMESPACES:
        call.err(f"Error while accessing provider:{match[1]}\n".encode())
        reason = f"Could not find provider: {match[1]}"
        return call.fail(f"java.lang.IllegalStateException: {reason}\n\tat com.android.commands."
                         "content.Content$Command.execute(Content.java)", 0)  # fmt: skip
    return _on_settings(call, device, verb, match[2], match[3] or "", options)


_CONTENT_USAGE = "usage: adb shell content [subcommand] [options]"


def _options(args: list[str]) -> Iterator[tuple[str, str]]:
    """Options and their values; binds such as `name:s:x` become `bind/name`."""
    flags = iter(args)
    for flag in flags:
        value = next(flags, "")
        if flag == "--bind":
            name, _, rest = value.partition(":")
            yield f"bind/{name}", rest.partition(":")[2]
        else:
            yield flag, value


def _on_settings(
    call: Call, device: Device, verb: str, space: str, key: str, options: dict[str, str]
) -> int:
    known = table(device.settings, space)
    where = re.search(r"name\s*=\s*'?([\w.]+)'?", options.get("--where", ""))
    key = key or (where[1] if where else "")
    if verb == "query":
        return _print_rows(call, {k: v for k, v in known.items() if key in ("", k)}, options)
    if verb in ("insert", "update"):
        name = options.get("bind/name") or key
        device.settings[f"{space}/{name}"] = options.get("bind/value", "")
    elif verb == "delete" and key in known:
        device.settings[f"{space}/{key}"] = DELETED
    elif verb == "gettype":
        call.print(f"Result: vnd.android.cursor.{'item' if key else 'dir'}/{space}")
    elif verb != "delete":
        call.err(b"Error while accessing provider:settings\n")
        return call.fail("java.io.FileNotFoundException: No files supported by provider", 0)
    return 0


def _print_rows(call: Call, rows: dict[str, str], options: dict[str, str]) -> int:
    columns = options.get("--projection", "_id:name:value").split(":")
    for number, (name, value) in enumerate(rows.items()):
        cells = {"_id": str(number + 1), "name": name, "value": value}
        wrong = [column for column in columns if column not in cells]
        if wrong:
            return call.fail(f"java.lang.IllegalArgumentException: Invalid column {wrong[0]}", 0)
        call.print(f"Row: {number} " + ", ".join(f"{c}={cells[c]}" for c in columns))
    if not rows:
        call.print("No result found.")
    return 0


# -- radios, clocks -----------------------------------------------------------------------------


def _svc(call: Call, device: Device) -> int:
    what, verb = (*call.args, "", "")[:2]
    if what in ("wifi", "data", "bluetooth", "nfc") and verb in ("enable", "disable"):
        device.settings[f"global/{what}_on"] = "1" if verb == "enable" else "0"
        return 0
    if what == "power" and verb in ("stayon", "shutdown", "reboot"):
        return call.shell.call(["reboot"], call.streams) if verb == "reboot" else 0
    return call.fail("Available commands:\n    help     Show information about the subcommands", 0)


IME = "com.android.inputmethod.latin/.LatinIME"


def _ime(call: Call, device: Device) -> int:
    """The one input method there is can be listed and chosen."""
    verb, names = "".join(call.args[:1]), [a for a in call.args[1:] if not a.startswith("-")]
    if verb == "list":
        call.print(IME if "-s" in call.args else f"{IME}:\n  mId={IME} mSettingsActivityName=null")
    elif verb in ("set", "enable", "disable") and names != [IME]:
        what = "cannot be selected" if verb == "set" else f"cannot be {verb}d"
        return call.fail(f"Unknown input method {''.join(names)} {what} for user #0", 255)
    elif verb in ("set", "enable"):
        call.print(f"Input method {IME} {'selected' if verb == 'set' else 'already enabled'} for "
                   "user #0")  # fmt: skip
    elif verb != "reset":
        call.print(f"Unknown command: {verb}" if verb else "InputMethodManagerService commands:")
        return 255
    return 0


_SERVICES = ("activity", "input_method", "package", "settings", "window")


def _service(call: Call, device: Device) -> int:
    verb, name = (*call.args, "", "")[:2]
    if verb == "list":
        call.print(f"Found {len(_SERVICES)} services:")
        for number, known in enumerate(_SERVICES):
            call.print(f"{number}\t{known}: []")
    elif verb == "check":
        call.print(f"Service {name}: {'found' if name in _SERVICES else 'not found'}")
    elif verb == "call":
        call.print(f"service: Service {name} does not exist")
        return 10
    else:
        return call.fail(
            "Usage: service [-h|-?]\n       service list\n       service check SERVICE", 10
        )
    return 0


def _uptime(call: Call, device: Device) -> int:
    clock = time.strftime("%H:%M:%S", time.gmtime())
    minutes = int(device.uptime_s / 60)
    call.print(f" {clock} up {minutes} min,  0 users,  load average: 0.10, 0.05, 0.01")
    return 0


def _says(text: str) -> Callable[[Call, Device], int]:
    def command(call: Call, device: Device) -> int:
        call.print(text)
        return 0

    return command


STATE_COMMANDS: dict[str, Command] = {
    "getprop": locked(_getprop), "setprop": locked(_setprop), "settings": locked(_settings),
    "content": locked(_content), "svc": locked(_svc), "uptime": locked(_uptime),
    "ime": locked(_ime), "service": locked(_service), "getenforce": locked(_says("Enforcing")),
    "nproc": locked(_says("2")),
}  # fmt: skip
