"""What the shell itself knows to do: test, cd, read, set, return … Works on the shell alone."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import replace

from jamel.virtual_device.shell import Call, Command, ShellExit, ShellReturn

_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda a, b: a == b, "-ne": lambda a, b: a != b, "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b, "-gt": lambda a, b: a > b, "-ge": lambda a, b: a >= b,
}  # fmt: skip


# -- test ---------------------------------------------------------------------------------------


def _test(call: Call) -> int:
    args = list(call.args)
    closing = {"[": "]", "[[": "]]"}.get(call.name, "")
    if closing and args[-1:] != [closing]:
        return call.fail(f"/system/bin/sh: {call.name}: missing {closing}", 2)
    try:
        return int(not _holds(call, args[:-1] if closing else args))
    except ValueError as error:
        return call.fail(f"/system/bin/sh: {call.name}: {error}", 2)


def _holds(call: Call, args: list[str]) -> bool:
    """Whether a condition is true. Raises ValueError for one that cannot be read."""
    for joint, both in (("-o", any), ("-a", all)):
        if joint in args[1:-1] and len(args) > 3:
            at = args.index(joint)
            return both((_holds(call, args[:at]), _holds(call, args[at + 1 :])))
    if args[:1] == ["!"] and len(args) > 1:
        return not _holds(call, args[1:])
    if len(args) == 3:
        return _compared(call, *args)
    if len(args) == 2:
        return _is_so(call, *args)
    if len(args) > 3:
        raise ValueError(f"{args[1]}: unexpected operator/operand")
    return args not in ([], [""])


def _compared(call: Call, left: str, operator: str, right: str) -> bool:
    if operator in _NUMBERS:
        for operand in (left, right):
            if not operand.strip().removeprefix("-").isdigit():
                raise ValueError(f"{operand}: unexpected operator/operand")
        return _NUMBERS[operator](int(left), int(right))
    if operator not in ("=", "==", "!="):
        raise ValueError(f"{operator}: unexpected operator/operand")
    same = fnmatch.fnmatchcase(left, right) if call.name == "[[" else left == right
    return same == (operator != "!=")


def _is_so(call: Call, flag: str, value: str) -> bool:
    if flag in ("-z", "-n"):
        return (value == "") == (flag == "-z")
    found = call.files.stat(call.path(value))
    folder = bool(found and found.mode & 0o040000)
    known = {
        "-e": found is not None, "-d": folder, "-f": bool(found) and not folder,
        "-s": bool(found and found.size), "-r": bool(found), "-w": bool(found),
        "-x": bool(found and found.mode & 0o111), "-L": False, "-h": False,
    }  # fmt: skip
    if flag not in known:
        raise ValueError(f"{flag}: unexpected operator/operand")
    return known[flag]


# -- the shell's state --------------------------------------------------------------------------


def _cd(call: Call) -> int:
    path = call.path(call.args[0] if call.args else "/")
    found = call.files.stat(path)
    if not found or not found.mode & 0o040000:
        return call.fail(f"/system/bin/sh: cd: {path}: No such file or directory", 2)
    call.shell.cwd = path
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

    def inner() -> None:
        call.shell.positional = names
        call.shell.execute(script, call.streams)

    return call.shell.apart(inner)


def _read(call: Call) -> int:
    line = call.stdin.line()
    names = [a for a in call.args if not a.startswith("-")] or ["REPLY"]
    words = line.decode("utf-8", "replace").rstrip("\n").split(None, len(names) - 1)
    for number, name in enumerate(names):
        call.shell.variables[name] = words[number].strip() if number < len(words) else ""
    return 0 if line.endswith(b"\n") else 1


def _return(call: Call) -> int:
    code = call.args[0] if call.args else str(call.shell.status)
    raise ShellReturn(int(code) & 0xFF if code.isdigit() else 1)


def _unset(call: Call) -> int:
    for name in call.args:
        call.shell.variables.pop(name, None)
        call.shell.functions.pop(name, None)
    return 0


def _set(call: Call) -> int:
    """Positional parameters; of the options none changes what is done here."""
    if "--" in call.args:
        call.shell.positional[1:] = call.args[call.args.index("--") + 1 :]
    elif call.args and not call.args[0].startswith(("-", "+")):
        call.shell.positional[1:] = call.args
    elif not call.args:
        return _env(call)
    return 0


def _shift(call: Call) -> int:
    count = int(call.args[0]) if call.args else 1
    if count >= len(call.shell.positional):
        return call.fail("/system/bin/sh: shift: nothing to shift")
    del call.shell.positional[1 : count + 1]
    return 0


def _env(call: Call) -> int:
    for name, value in sorted(call.shell.variables.items()):
        call.print(f"{name}={value}")
    return 0


def _which(call: Call) -> int:
    known = [a for a in call.args if a in call.shell.commands]
    for name in known:
        call.print(f"/system/bin/{name}")
    return 0 if known else 1


def _type(call: Call) -> int:
    code = 0
    for name in call.args:
        if name in call.shell.functions:
            call.print(f"{name} is a function")
        elif name in SHELL_COMMANDS:
            call.print(f"{name} is a shell builtin")
        elif name in call.shell.commands:
            call.print(f"{name} is /system/bin/{name}")
        else:
            call.print(f"{name} not found")
            code = 1
    return code


def _command(call: Call) -> int:
    if call.args[:1] in (["-v"], ["-V"]):
        return _which(replace(call, args=call.args[1:]))
    return call.shell.call(call.args, call.streams) if call.args else 0


def _pwd(call: Call) -> int:
    call.print(call.shell.cwd)
    return 0


def _exits_with(code: int) -> Command:
    return lambda call: code


SHELL_COMMANDS: dict[str, Command] = {
    "test": _test, "[": _test, "[[": _test, "cd": _cd, "pwd": _pwd, "exit": _exit,
    "return": _return, "export": _export, "local": _export, "readonly": _export,
    "exec": _exec, "sh": _sh, "read": _read, "set": _set, "shift": _shift, "unset": _unset,
    "env": _env, "printenv": _env, "which": _which, "type": _type, "command": _command,
    "true": _exits_with(0), "false": _exits_with(1), ":": _exits_with(0),
}  # fmt: skip
