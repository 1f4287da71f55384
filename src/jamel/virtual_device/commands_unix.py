"""The device's plain commands: cat, echo, grep, ls … as far as adb clients use them.

Each takes a Call and returns an exit code. Works on the device's own files only.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import time
from collections.abc import Callable

from jamel.virtual_device.commands_text import TEXT_COMMANDS, with_file
from jamel.virtual_device.shell import Call, Command

MAX_SLEEP_S = 30.0


def _operands(call: Call) -> list[str]:
    return [arg for arg in call.args if not arg.startswith("-") or arg == "-"]


def _rm(call: Call) -> int:
    flags = "".join(a for a in call.args if a.startswith("-"))
    if not _operands(call) and "f" not in flags:
        return call.fail("rm: Needs 1 argument")
    code = 0
    for name in _operands(call):
        try:
            call.files.remove(call.path(name), recursive="r" in flags or "R" in flags)
        except FileNotFoundError as error:
            code = code if "f" in flags else call.fail(f"rm: {name}: {error.strerror}")
        except OSError as error:
            code = call.fail(f"rm: {name}: {error.strerror}")
    return code


def _mkdir(call: Call) -> int:
    parents = "-p" in call.args
    code = 0 if _operands(call) else call.fail("mkdir: Needs 1 argument")
    for name in _operands(call):
        path = call.path(name)
        parent = call.files.stat(posixpath.dirname(path))
        if call.files.stat(path) is not None and not parents:
            code = call.fail(f"mkdir: '{name}': File exists")
        elif parent is None and not parents:
            code = call.fail(f"mkdir: '{name}': No such file or directory")
        else:
            call.files.make_folders(path)
    return code


def _touch(call: Call) -> int:
    for name in (a for a in call.args if not a.startswith("-")):
        path = call.path(name)
        old = call.files.read(path) if call.files.stat(path) else b""
        call.files.write(path, old)
    return 0


def _copy(call: Call) -> int:
    names = [a for a in call.args if not a.startswith("-")]
    if len(names) != 2:
        return call.fail("cp: expected a source and a target")
    source, target = call.path(names[0]), call.path(names[1])
    found = call.files.stat(target)
    if found and found.mode & 0o040000:
        target = posixpath.join(target, posixpath.basename(source))
    return with_file(call, names[0], lambda data: call.files.write(target, data))


def _move(call: Call) -> int:
    code = _copy(call)
    if code == 0:
        call.files.remove(call.path(next(a for a in call.args if not a.startswith("-"))))
    return code


def _ls(call: Call) -> int:
    flags = "".join(arg[1:] for arg in call.args if arg.startswith("-"))
    names = _operands(call) or ["."]
    code, folders = 0, list[str]()
    for name in names:
        found = call.files.stat(call.path(name))
        if found is None:
            code = call.fail(f"ls: {name}: No such file or directory")
        elif found.mode & 0o040000 and "d" not in flags:
            folders.append(name)
        else:
            call.print(_ls_line(call, call.path(name), name, flags))
    for name in folders:
        if len(names) > 1:
            call.print(f"{name}:")
        _ls_folder(call, call.path(name), flags)
    return code


def _ls_folder(call: Call, path: str, flags: str) -> None:
    inside = call.files.names(path)
    if "a" not in flags:
        inside = [name for name in inside if not name.startswith(".")]
    if "l" in flags:
        sizes = [call.files.stat(posixpath.join(path, name)) for name in inside]
        call.print(f"total {sum((found.size + 1023) // 1024 for found in sizes if found)}")
    for name in ([".", ".."] if "a" in flags else []) + inside:
        call.print(_ls_line(call, posixpath.normpath(posixpath.join(path, name)), name, flags))


def _ls_line(call: Call, path: str, name: str, flags: str) -> str:
    found = call.files.stat(path)
    if "l" not in flags or found is None:
        return name
    bits = "".join("rwx"[n % 3] if found.mode & (0o400 >> n) else "-" for n in range(9))
    kind = "d" if found.mode & 0o040000 else "-"
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(found.mtime_s))
    return f"{kind}{bits} 1 shell shell {found.size:6} {when} {name}"


def _sleep(call: Call) -> int:
    try:
        time.sleep(min(max(float(call.args[0].rstrip("s")), 0.0), MAX_SLEEP_S))
    except (IndexError, ValueError):
        return call.fail("sleep: Not a number")
    return 0


def _find(call: Call) -> int:
    args = list(call.args)
    top = args.pop(0) if args and not args[0].startswith("-") else "."
    wanted = dict(zip(args[::2], args[1::2], strict=False))
    unknown = [a for a in args[::2] if a not in ("-name", "-type", "-maxdepth")]
    if unknown:
        return call.fail(f"find: bad arg '{unknown[0]}'")
    if call.files.stat(call.path(top)) is None:
        return call.fail(f"find: {top}: No such file or directory")
    _walk(call, top, call.path(top), wanted, int(wanted.get("-maxdepth", "99")))
    return 0


def _walk(call: Call, shown: str, path: str, wanted: dict[str, str], depth: int) -> None:
    found = call.files.stat(path)
    folder = bool(found and found.mode & 0o040000)
    named = fnmatch.fnmatch(posixpath.basename(path), wanted.get("-name", "*"))
    if named and wanted.get("-type", "d" if folder else "f") == ("d" if folder else "f"):
        call.print(shown)
    for name in call.files.names(path) if folder and depth > 0 else ():
        _walk(call, posixpath.join(shown, name), posixpath.join(path, name), wanted, depth - 1)


def _xargs(call: Call) -> int:
    words = call.stdin().decode("utf-8", "replace").split()
    args = list(call.args) or ["echo"]
    return call.shell.call([*args, *words], call.streams)


def _part(choose: Callable[[str], str]) -> Command:
    def command(call: Call) -> int:
        for name in call.args:
            call.print(choose(name.rstrip("/") or "/"))
        return 0 if call.args else call.fail('Needs 1 argument (see "--help")')

    return command


def _stat(call: Call) -> int:
    style = call.args[1] if call.args[:1] == ["-c"] else "%n %s"
    code = 0
    for name in call.args[2:] if call.args[:1] == ["-c"] else call.args:
        found = call.files.stat(call.path(name))
        if found is None:
            code = call.fail(f"stat: '{name}': No such file or directory")
            continue
        values = {"n": name, "s": str(found.size), "Y": str(found.mtime_s),
                  "a": f"{found.mode & 0o7777:o}", "f": f"{found.mode:x}"}  # fmt: skip
        call.print(re.sub(r"%(\w)", lambda m, v=values: v.get(m[1], "?"), style))  # type: ignore[misc]
    return code


def _rmdir(call: Call) -> int:
    code = 0
    for name in (a for a in call.args if not a.startswith("-")):
        path, problem = call.path(name), ""
        found = call.files.stat(path)
        if found is None:
            problem = "No such file or directory"
        elif not found.mode & 0o040000:
            problem = "Not a directory"
        elif call.files.names(path):
            problem = "Directory not empty"
        if problem:
            code = call.fail(f"rmdir: '{name}': {problem}")
        else:
            call.files.remove(path, recursive=True)
    return code


def _df(call: Call) -> int:
    call.print("Filesystem      1K-blocks   Used Available Use% Mounted on")
    call.print("/dev/block/dm-5   6082144 912060   5153700  16% /data")
    return 0


def _user(call: Call) -> tuple[int, str, str]:
    """Whose commands these are: the number, the name and the security context's domain."""
    if call.shell.user:
        return 10_000 + int(call.shell.user.rpartition("a")[2]), call.shell.user, "untrusted_app"
    if getattr(call.shell.device, "is_root", False):
        return 0, "root", "su"
    return 2000, "shell", "shell"


def _id(call: Call) -> int:
    number, name, domain = _user(call)
    if "-u" in call.args:
        call.print(name if "-n" in call.args else str(number))
        return 0
    call.print(f"uid={number}({name}) gid={number}({name}) groups={number}({name}),1004(input),"
               f"1007(log) context=u:r:{domain}:s0")  # fmt: skip
    return 0


def _whoami(call: Call) -> int:
    call.print(_user(call)[1])
    return 0


def _uname(call: Call) -> int:
    parts = {"s": "Linux", "n": "localhost", "r": "6.1.23-android14-4", "v": "#1 SMP PREEMPT",
             "m": "x86_64", "o": "Toybox"}  # fmt: skip
    asked = "".join(arg[1:] for arg in call.args if arg.startswith("-")) or "s"
    call.print(" ".join(text for key, text in parts.items() if key in asked or "a" in asked))
    return 0


def _toybox(call: Call) -> int:
    """The one executable that the plain commands are links to."""
    names = sorted({*UNIX_COMMANDS, *TEXT_COMMANDS} - {"toybox"})
    if not call.args:
        call.print(" ".join(names))
        return 0
    if call.args[0] not in names:
        return call.fail(f"toybox: Unknown command {call.args[0]}", 127)
    return call.shell.call(call.args, call.streams)


def _date(call: Call) -> int:
    style = next((a[1:] for a in call.args if a.startswith("+")), "%a %b %e %H:%M:%S GMT %Y")
    loose = [a for a in call.args if not a.startswith(("+", "-"))]
    if loose:
        return call.fail(f"date: cannot set date: Operation not permitted: {loose[0]}")
    now = time.time()
    style = style.replace("%s", str(int(now))).replace("%N", f"{int(now % 1 * 1e9):09d}")
    call.print(time.strftime(style, time.gmtime(now)))
    return 0


def _nothing(call: Call) -> int:
    return 0


UNIX_COMMANDS: dict[str, Command] = {
    "rm": _rm, "mkdir": _mkdir, "touch": _touch, "cp": _copy, "mv": _move, "ls": _ls,
    "sleep": _sleep, "chmod": _nothing, "chown": _nothing, "sync": _nothing, "id": _id,
    "find": _find, "xargs": _xargs, "basename": _part(posixpath.basename),
    "dirname": _part(lambda name: posixpath.dirname(name) or "."), "stat": _stat, "rmdir": _rmdir,
    "df": _df, "whoami": _whoami, "uname": _uname, "date": _date, "toybox": _toybox,
}  # fmt: skip
