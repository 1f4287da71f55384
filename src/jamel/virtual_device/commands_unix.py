"""The device's plain commands: cat, echo, grep, ls … as far as adb clients use them.

Each takes a Call and returns an exit code. Works on the device's own files only.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import itertools
import posixpath
import re
import time
from collections.abc import Callable

from jamel.virtual_device.shell import Call, Command, ShellExit

MAX_SEQUENCE = 100_000
MAX_SLEEP_S = 30.0
MAX_REGEX = 1000


def _cat(call: Call) -> int:
    code = 0
    for name in call.args or ["-"]:
        code |= _with_file(call, name, call.out)
    return code


def _with_file(call: Call, name: str, use: Callable[[bytes], None]) -> int:
    if name == "-":
        use(call.stdin())
        return 0
    try:
        use(call.files.read(call.path(name)))
    except OSError as error:
        return call.fail(f"{call.name}: {name}: {error.strerror}")
    return 0


def _echo(call: Call) -> int:
    args = list(call.args)
    newline = True
    while args and args[0] in ("-n", "-e", "-E", "-ne", "-en"):
        newline &= "n" not in args.pop(0)
    call.out(" ".join(args).encode("utf-8", "replace") + (b"\n" if newline else b""))
    return 0


def _printf(call: Call) -> int:
    if not call.args:
        return call.fail("printf: missing format")
    rest = iter(call.args[1:])
    text = re.sub(r"%([sd%])", lambda m: "%" if m[1] == "%" else next(rest, ""), call.args[0])
    for escape, char in (("\\n", "\n"), ("\\t", "\t"), ("\\0", "\0")):
        text = text.replace(escape, char)
    call.out(text.encode("utf-8", "replace"))
    return 0


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
    return _with_file(call, names[0], lambda data: call.files.write(target, data))


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


def _input_bytes(call: Call, names: list[str]) -> bytes | None:
    collected = bytearray()
    for name in names or ["-"]:
        if _with_file(call, name, collected.extend):
            return None
    return bytes(collected)


def _grep(call: Call) -> int:
    args = list(call.args)
    flags = ""
    patterns: list[str] = []
    while args and args[0].startswith("-") and len(args[0]) > 1:
        flag = args.pop(0)
        if flag == "-e" and args:
            patterns.append(args.pop(0))
        else:
            flags += flag
    if not patterns and args:
        patterns.append(args.pop(0))
    data = _input_bytes(call, args)
    if data is None or not patterns:
        return 2
    return _print_matches(call, data, "|".join(patterns), flags)


def _print_matches(call: Call, data: bytes, pattern: str, flags: str) -> int:
    if "F" in flags:
        pattern = re.escape(pattern)
    elif "E" not in flags:
        # Basic expressions: only the escaped forms are operators.
        pattern = re.sub(r"\\([|+?(){}])", "\0\\1", re.sub(r"(?<!\\)([|+?(){}])", r"\\\1", pattern))
        pattern = pattern.replace("\0", "")
    try:
        if len(pattern) > MAX_REGEX:
            raise re.error("expression too long")
        matcher = re.compile(pattern, re.IGNORECASE if "i" in flags else 0)
    except re.error as error:
        return call.fail(f"grep: bad REGEX '{pattern[:80]}': {error}", 2)
    lines = data.decode("utf-8", "replace").splitlines()
    hits = [line for line in lines if bool(matcher.search(line)) != ("v" in flags)]
    if "c" in flags:
        call.print(str(len(hits)))
    elif "q" not in flags:
        found = (m[0] for line in hits for m in matcher.finditer(line)) if "o" in flags else hits
        call.out("".join(line + "\n" for line in found).encode())
    return 0 if hits else 1


def _head(call: Call) -> int:
    return _part_of(call, lambda lines, count: lines[:count])


def _tail(call: Call) -> int:
    return _part_of(call, lambda lines, count: lines[-count:] if count else [])


def _part_of(call: Call, choose: Callable[[list[bytes], int], list[bytes]]) -> int:
    args, count = list(call.args), 10
    if args and args[0] in ("-n", "-c") and len(args) > 1:
        by_bytes, count = args.pop(0) == "-c", int(args.pop(0))
        data = _input_bytes(call, args)
        if by_bytes and data is not None:
            call.out(b"".join(choose([bytes([b]) for b in data], count)))
            return 0
    elif args and re.fullmatch(r"-\d+", args[0]):
        count = int(args.pop(0)[1:])
        data = _input_bytes(call, args)
    else:
        data = _input_bytes(call, args)
    if data is None:
        return 1
    call.out(b"".join(choose(data.splitlines(keepends=True), count)))
    return 0


def _wc(call: Call) -> int:
    flags = [a for a in call.args if a.startswith("-")]
    data = _input_bytes(call, [a for a in call.args if not a.startswith("-")])
    if data is None:
        return 1
    counts = {"-l": data.count(b"\n"), "-w": len(data.split()), "-c": len(data)}
    call.print(" ".join(str(counts[f]) for f in (flags or counts) if f in counts))
    return 0


def _cut(call: Call) -> int:
    delimiter, columns, names = "\t", [1], []
    args = iter(call.args)
    for arg in args:
        if arg.startswith("-d"):
            delimiter = arg[2:] or next(args, "\t")
        elif arg.startswith("-f"):
            columns = [int(c) for c in (arg[2:] or next(args, "1")).split(",") if c.isdigit()]
        else:
            names.append(arg)
    data = _input_bytes(call, names)
    for line in (data or b"").decode("utf-8", "replace").splitlines():
        fields = line.split(delimiter)
        call.print(delimiter.join(fields[c - 1] for c in columns if 0 < c <= len(fields)))
    return int(data is None)


def _sort(call: Call) -> int:
    data = _input_bytes(call, [a for a in call.args if not a.startswith("-")])
    lines = (data or b"").splitlines()
    ordered = sorted(set(lines) if "-u" in call.args else lines, reverse="-r" in call.args)
    call.out(b"".join(line + b"\n" for line in ordered))
    return int(data is None)


def _tr(call: Call) -> int:
    data = call.stdin().decode("utf-8", "replace")
    if call.args[:1] == ["-d"] and len(call.args) == 2:
        gone = call.args[1].replace("\\r", "\r").replace("\\n", "\n")
        data = "".join(c for c in data if c not in gone)
    elif len(call.args) == 2 and len(call.args[0]) == len(call.args[1]):
        data = data.translate(str.maketrans(call.args[0], call.args[1]))
    call.out(data.encode("utf-8", "replace"))
    return 0


def _md5sum(call: Call) -> int:
    return max(_md5_line(call, name) for name in call.args or ["-"])


def _md5_line(call: Call, name: str) -> int:
    return _with_file(call, name, lambda data: call.print(f"{_md5(data)}  {name}"))


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


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


def _tee(call: Call) -> int:
    data = call.stdin()
    call.out(data)
    for name in (a for a in call.args if not a.startswith("-")):
        path = call.path(name)
        old = call.files.read(path) if "-a" in call.args and call.files.stat(path) else b""
        call.files.write(path, old + data)
    return 0


def _seq(call: Call) -> int:
    first, *rest = [int(a) for a in call.args]
    start, step, last = {0: (1, 1, first), 1: (first, 1, rest[-1] if rest else 0)}.get(
        len(rest), (first, rest[0] if rest else 1, rest[-1] if rest else 0)
    )
    stop = last + (1 if step > 0 else -1)
    for number in range(start, stop, step)[:MAX_SEQUENCE]:
        call.print(str(number))
    return 0


def _xargs(call: Call) -> int:
    words = call.stdin().decode("utf-8", "replace").split()
    args = list(call.args) or ["echo"]
    return call.shell.call([*args, *words], call.streams)


def _uniq(call: Call) -> int:
    names = [a for a in call.args if not a.startswith("-")]
    data = _input_bytes(call, names)
    for line, group in itertools.groupby((data or b"").decode("utf-8", "replace").splitlines()):
        call.print(f"{len(list(group)):7} {line}" if "-c" in call.args else line)
    return int(data is None)


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


def _hashed(kind: str) -> Command:
    def command(call: Call) -> int:
        code = 0
        for name in call.args or ["-"]:
            code |= _with_file(
                call, name,
                lambda data, n=name: call.print(f"{hashlib.new(kind, data).hexdigest()}  {n}"),  # type: ignore[misc]
            )  # fmt: skip
        return code

    return command


def _base64(call: Call) -> int:
    names = [a for a in call.args if not a.startswith("-")]
    data = _input_bytes(call, names)
    if data is None:
        return 1
    if "-d" in call.args:
        call.out(base64.b64decode(data))
    else:
        text = base64.b64encode(data).decode()
        wrapped = [text[at : at + 76] for at in range(0, len(text), 76)]
        call.out("".join(line + "\n" for line in wrapped).encode())
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
    "cat": _cat, "echo": _echo, "printf": _printf, "rm": _rm, "mkdir": _mkdir, "touch": _touch,
    "cp": _copy, "mv": _move, "ls": _ls, "grep": _grep, "egrep": _grep, "head": _head,
    "tail": _tail, "wc": _wc, "cut": _cut, "sort": _sort, "tr": _tr, "md5sum": _md5sum,
    "test": _test, "[": _test, "[[": _test, "cd": _cd, "pwd": _pwd, "sleep": _sleep, "exit": _exit,
    "export": _export, "exec": _exec, "sh": _sh, "true": _return(0), "false": _return(1),
    ":": _return(0), "chmod": _return(0), "chown": _return(0), "sync": _return(0),
    "set": _return(0), "unset": _return(0), "id": _id,
    "read": _read, "find": _find, "tee": _tee, "seq": _seq, "xargs": _xargs, "uniq": _uniq,
    "basename": _part(posixpath.basename), "dirname": _part(lambda n: posixpath.dirname(n) or "."),
    "stat": _stat, "rmdir": _rmdir, "env": _env, "printenv": _env, "sha1sum": _hashed("sha1"),
    "sha256sum": _hashed("sha256"), "base64": _base64, "df": _df,
    "whoami": _whoami, "uname": _say("Linux"), "which": _which, "date": _date,
}  # fmt: skip
