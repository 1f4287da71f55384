"""The device's plain commands: cat, echo, grep, ls … as far as adb clients use them.

Each takes a Call and returns an exit code. Works on the device's own files only.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import time
from collections.abc import Callable

from jamel.virtual_device.commands_text import with_file
from jamel.virtual_device.shell import Call, Command, ShellExit

MAX_SLEEP_S = 30.0


def _rm(call: Call) -> int:
    flags = "".join(a for a in call.args if a.startswith("-"))
    code = 0
    for name in (a for a in call.args if not a.startswith("-")):
        try:
            call.files.remove(call.path(name), recursive="r" in flags or "R" in flags)
        except FileNotFoundError as error:
            code = code if "f" in flags else call.fail(f"rm: {name}: {error.strerror}")
        except OSError as error:
            code = call.fail(f"rm: {name}: {error.strerror}")
    return code


def _mkdir(call: Call) -> int:
    parents = "-p" in call.args
    for name in (a for a in call.args if not a.startswith("-")):
        path = call.path(name)
        parent = call.files.stat(posixpath.dirname(path))
        if call.files.stat(path) is not None and not parents:
            return call.fail(f"mkdir: '{name}': File exists")
        if parent is None and not parents:
            return call.fail(f"mkdir: '{name}': No such file or directory")
        call.files.make_folders(path)
    return 0


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
    long = any(a.startswith("-") and "l" in a for a in call.args)
    code = 0
    for name in [a for a in call.args if not a.startswith("-")] or [call.shell.cwd]:
        path = call.path(name)
        found = call.files.stat(path)
        if found is None:
            code = call.fail(f"ls: {name}: No such file or directory")
        elif found.mode & 0o040000:
            for inside in call.files.names(path):
                call.print(_ls_line(call, posixpath.join(path, inside), inside, long))
        else:
            call.print(_ls_line(call, path, name, long))
    return code


def _ls_line(call: Call, path: str, name: str, long: bool) -> str:
    found = call.files.stat(path)
    if not long or found is None:
        return name
    kind = "drwxrwx--x" if found.mode & 0o040000 else "-rw-rw----"
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(found.mtime_s))
    return f"{kind} 1 shell shell {found.size} {when} {name}"


def _test(call: Call) -> int:
    args = [a for a in call.args if a not in ("]", "]]")]
    negate = args[:1] == ["!"]
    return int(_condition(call, args[1:] if negate else args) == negate)


def _condition(call: Call, args: list[str]) -> bool:
    if len(args) == 2:
        flag, value = args
        if flag in ("-z", "-n"):
            return (value == "") == (flag == "-z")
        found = call.files.stat(call.path(value))
        folder = bool(found and found.mode & 0o040000)
        known = {"-e": found is not None, "-d": folder, "-f": bool(found) and not folder}
        return known.get(flag, bool(found and found.size))
    if len(args) == 3 and args[1] in ("=", "==", "!="):
        return (args[0] == args[2]) == (args[1] != "!=")
    return args not in ([], [""])


def _cd(call: Call) -> int:
    path = call.path(call.args[0] if call.args else "/")
    found = call.files.stat(path)
    if not found or not found.mode & 0o040000:
        return call.fail(f"/system/bin/sh: cd: {path}: No such file or directory", 2)
    call.shell.cwd = path
    return 0


def _sleep(call: Call) -> int:
    try:
        time.sleep(min(max(float(call.args[0].rstrip("s")), 0.0), MAX_SLEEP_S))
    except (IndexError, ValueError):
        return call.fail("sleep: Not a number")
    return 0


def _exit(call: Call) -> int:
    code = call.args[0] if call.args else str(call.shell.status)
    raise ShellExit(int(code) & 0xFF if code.isdigit() else 1)


def _export(call: Call) -> int:
    call.shell.variables.update(a.split("=", 1) for a in call.args if "=" in a)  # type: ignore[misc]
    return 0


def _exec(call: Call) -> int:
    if not call.args:
        return 0
    raise ShellExit(call.shell.call(call.args, call.streams))


def _sh(call: Call) -> int:
    args = [a for a in call.args if a not in ("-l", "-x", "-e")]
    if args[:1] == ["-c"] and len(args) > 1:
        script, names = args[1], args[2:] or ["/system/bin/sh"]
    elif args and not args[0].startswith("-"):
        try:
            script, names = call.files.read(call.path(args[0])).decode("utf-8", "replace"), args
        except OSError as error:
            return call.fail(f"/system/bin/sh: {args[0]}: {error.strerror}", 127)
    else:
        script, names = call.stdin().decode("utf-8", "replace"), ["/system/bin/sh"]
    shell = call.shell
    before = shell.positional, shell.cwd, dict(shell.variables)
    shell.positional = names
    try:
        return shell.execute(script, call.streams)
    except ShellExit as leaving:
        return leaving.code
    finally:
        shell.positional, shell.cwd, shell.variables = before


def _read(call: Call) -> int:
    line = call.stdin.line()
    names = [a for a in call.args if not a.startswith("-")] or ["REPLY"]
    words = line.decode("utf-8", "replace").rstrip("\n").split(None, len(names) - 1)
    for number, name in enumerate(names):
        call.shell.variables[name] = words[number].strip() if number < len(words) else ""
    return 0 if line.endswith(b"\n") else 1


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


def _env(call: Call) -> int:
    for name, value in sorted(call.shell.variables.items()):
        call.print(f"{name}={value}")
    return 0


def _df(call: Call) -> int:
    call.print("Filesystem      1K-blocks   Used Available Use% Mounted on")
    call.print("/dev/block/dm-5   6082144 912060   5153700  16% /data")
    return 0


def _say(text: str) -> Command:
    def command(call: Call) -> int:
        call.print(text)
        return 0

    return command


def _return(code: int) -> Command:
    return lambda call: code


def _is_root(call: Call) -> bool:
    return bool(getattr(call.shell.device, "is_root", False))


def _id(call: Call) -> int:
    if _is_root(call):
        call.print("uid=0(root) gid=0(root) groups=0(root),1004(input),1007(log) context=u:r:su:s0")
    else:
        call.print("uid=2000(shell) gid=2000(shell) groups=2000(shell),1004(input),1007(log) "
                   "context=u:r:shell:s0")  # fmt: skip
    return 0


def _whoami(call: Call) -> int:
    call.print("root" if _is_root(call) else "shell")
    return 0


def _which(call: Call) -> int:
    known = [a for a in call.args if a in call.shell.commands]
    for name in known:
        call.print(f"/system/bin/{name}")
    return 0 if known else 1


def _date(call: Call) -> int:
    style = next((a[1:] for a in call.args if a.startswith("+")), "%a %b %e %H:%M:%S GMT %Y")
    loose = [a for a in call.args if not a.startswith(("+", "-"))]
    if loose:
        return call.fail(f"date: cannot set date: Operation not permitted: {loose[0]}")
    now = time.time()
    style = style.replace("%s", str(int(now))).replace("%N", f"{int(now % 1 * 1e9):09d}")
    call.print(time.strftime(style, time.gmtime(now)))
    return 0


def _pwd(call: Call) -> int:
    call.print(call.shell.cwd)
    return 0


UNIX_COMMANDS: dict[str, Command] = {
    "rm": _rm, "mkdir": _mkdir, "touch": _touch,
    "cp": _copy, "mv": _move, "ls": _ls, 
    
    "test": _test, "[": _test, "[[": _test, "cd": _cd, "pwd": _pwd, "sleep": _sleep, "exit": _exit,
    "export": _export, "exec": _exec, "sh": _sh, "true": _return(0), "false": _return(1),
    ":": _return(0), "chmod": _return(0), "chown": _return(0), "sync": _return(0),
    "set": _return(0), "unset": _return(0), "id": _id,
    "read": _read, "find": _find, "xargs": _xargs, 
    "basename": _part(posixpath.basename), "dirname": _part(lambda n: posixpath.dirname(n) or "."),
    "stat": _stat, "rmdir": _rmdir, "env": _env, "printenv": _env, 
    "df": _df,
    "whoami": _whoami, "uname": _say("Linux"), "which": _which, "date": _date,
}  # fmt: skip
