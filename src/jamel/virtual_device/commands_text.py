"""The device's commands that read and write text: cat, grep, sort, md5sum and their like.

Each takes a Call and returns an exit code. Works on the device's own files and streams only.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Callable

from jamel.virtual_device.shell import Call, Command

MAX_SEQUENCE = 100_000
MAX_REGEX = 1000


def _cat(call: Call) -> int:
    code = 0
    for name in call.args or ["-"]:
        code |= with_file(call, name, call.out)
    return code


def with_file(call: Call, name: str, use: Callable[[bytes], None]) -> int:
    """Hand the contents of a file, or of stdin for "-", to `use`; returns an exit code."""
    if name == "-":
        use(call.stdin())
        return 0
    try:
        use(call.files.read(call.path(name)))
    except OSError as error:
        return call.fail(f"{call.name}: {name}: {error.strerror}")
    return 0


def _echo(call: Call) -> int:
    args, flags = list(call.args), ""
    while args and args[0] in ("-n", "-e", "-E", "-ne", "-en"):
        flags += args.pop(0)
    text = " ".join(args)
    text = text if "E" in flags else unescaped(text)
    call.out(text.encode("utf-8", "replace") + (b"" if "n" in flags else b"\n"))
    return 0


_ESCAPE = re.compile(r"\\([abfnrtv\\]|0[0-7]{0,3}|x[0-9A-Fa-f]{1,2})")
_CHARACTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
               "\\": "\\"}  # fmt: skip


def unescaped(text: str) -> str:
    """The text with the escapes that mksh's `echo` and `printf` know."""

    def one(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "0":
            return chr(int(code[1:] or "0", 8))
        return chr(int(code[1:], 16)) if code[0] == "x" else _CHARACTERS[code]

    return _ESCAPE.sub(one, text)


def _printf(call: Call) -> int:
    if not call.args:
        return call.fail("printf: missing format")
    style, values = unescaped(call.args[0]), list(call.args[1:])
    left, text = len(values), _formatted(style, values)
    # A format is used again for what is left, unless it takes nothing.
    while 0 < len(values) < left:
        left, text = len(values), text + _formatted(style, values)
    call.out(text.encode("utf-8", "replace"))
    return 0


_CONVERSION = re.compile(r"%(?:(%)|(-?0?\d{0,3})(?:\.\d{1,3})?([sbdiuxXoc]))")


def _formatted(style: str, values: list[str]) -> str:
    """The format once, with the first of `values`, which are taken off. Raises ValueError."""

    def one(match: re.Match[str]) -> str:
        if match[1]:
            return "%"
        value, kind = values.pop(0) if values else "", match[3]
        if kind in "diuxXo":
            return f"%{match[2]}{kind}" % int(value or "0", 0)
        value = unescaped(value) if kind == "b" else value[:1] if kind == "c" else value
        return f"%{match[2].replace('0', '', 1) if match[2][:1] == '0' else match[2]}s" % value

    return _CONVERSION.sub(one, style)


def _input_bytes(call: Call, names: list[str]) -> bytes | None:
    collected = bytearray()
    for name in names or ["-"]:
        if with_file(call, name, collected.extend):
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
    delimiter, ranges, by, names = "\t", "", "", []
    args = iter(call.args)
    for arg in args:
        if arg.startswith("-d"):
            delimiter = arg[2:] or next(args, "\t")
        elif arg[:2] in ("-f", "-c", "-b"):
            by, ranges = arg[1], arg[2:] or next(args, "1")
        else:
            names.append(arg)
    if not by:
        return call.fail("cut: Needs -fcb")
    data = _input_bytes(call, names)
    for line in (data or b"").decode("utf-8", "replace").splitlines():
        parts = line.split(delimiter) if by == "f" else list(line)
        chosen = [part for at, part in enumerate(parts, 1) if _within(at, ranges)]
        whole = by == "f" and len(parts) == 1
        call.print(line if whole else (delimiter if by == "f" else "").join(chosen))
    return int(data is None)


def _within(at: int, ranges: str) -> bool:
    """Whether a column is in a list such as `1,3-5,7-`. Raises ValueError."""
    for one in ranges.split(","):
        first, dash, last = one.partition("-")
        if int(first or 1) <= at <= (int(last or at) if dash else int(first)):
            return True
    return False


def _sort(call: Call) -> int:
    flags = "".join(a[1:] for a in call.args if a.startswith("-"))
    data = _input_bytes(call, [a for a in call.args if not a.startswith("-")])
    lines = (data or b"").splitlines()
    key = _number_at_start if "n" in flags else None
    ordered = sorted(set(lines) if "u" in flags else lines, key=key, reverse="r" in flags)
    call.out(b"".join(line + b"\n" for line in ordered))
    return int(data is None)


def _number_at_start(line: bytes) -> tuple[float, bytes]:
    found = re.match(rb"\s*(-?\d+(?:\.\d+)?)", line)
    return float(found[1]) if found else 0.0, line


def _tr(call: Call) -> int:
    delete = call.args[:1] == ["-d"]
    sets = [_characters_of(text) for text in call.args[delete:]]
    if len(sets) != (1 if delete else 2) or not sets[-1]:
        return call.fail("tr: Needs 2 arguments" if not delete else "tr: Needs 1 argument")
    data = call.stdin().decode("utf-8", "replace")
    if delete:
        data = "".join(c for c in data if c not in sets[0])
    else:
        # A short second set goes on with its last character.
        to = sets[1].ljust(len(sets[0]), sets[1][-1])[: len(sets[0])]
        data = data.translate(str.maketrans(sets[0], to))
    call.out(data.encode("utf-8", "replace"))
    return 0


_CLASSES = {"[:upper:]": "A-Z", "[:lower:]": "a-z", "[:digit:]": "0-9", "[:space:]": " \t\n\r\v\f"}
_RANGE = re.compile(r"(.)-(.)", re.DOTALL)


def _characters_of(text: str) -> str:
    """A set of `tr` written out."""
    text = unescaped(text)
    for name, range_ in _CLASSES.items():
        text = text.replace(name, range_)
    return _RANGE.sub(lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), text)


def _md5sum(call: Call) -> int:
    return max(_md5_line(call, name) for name in call.args or ["-"])


def _md5_line(call: Call, name: str) -> int:
    return with_file(call, name, lambda data: call.print(f"{_md5(data)}  {name}"))


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


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


def _uniq(call: Call) -> int:
    names = [a for a in call.args if not a.startswith("-")]
    data = _input_bytes(call, names)
    for line, group in itertools.groupby((data or b"").decode("utf-8", "replace").splitlines()):
        call.print(f"{len(list(group)):7} {line}" if "-c" in call.args else line)
    return int(data is None)


def _hashed(kind: str) -> Command:
    def command(call: Call) -> int:
        code = 0
        for name in call.args or ["-"]:
            code |= with_file(
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


TEXT_COMMANDS: dict[str, Command] = {
    "cat": _cat,
    "echo": _echo,
    "printf": _printf,
    "grep": _grep,
    "egrep": _grep,
    "head": _head,
    "tail": _tail,
    "wc": _wc,
    "cut": _cut,
    "sort": _sort,
    "tr": _tr,
    "md5sum": _md5sum,
    "tee": _tee,
    "seq": _seq,
    "uniq": _uniq,
    "sha1sum": _hashed("sha1"),
    "sha256sum": _hashed("sha256"),
    "base64": _base64,
}
