"""Processes and the log: ps, pidof, kill, top, run-as, logcat and log.

The device has a handful of processes; the app's is there while it runs. Knows nothing of screens.
"""

from __future__ import annotations

import re
import shlex

from jamel.virtual_device.commands_android import locked
from jamel.virtual_device.device import Device
from jamel.virtual_device.device_log import BUFFERS, FORMATS, PRIORITIES, LogLine
from jamel.virtual_device.exits import SIGNALED
from jamel.virtual_device.shell import Call, Command

POLL_S = 0.5
_OWN = (("shell", 4300, 400, "sh"), ("shell", 4301, 4300, "ps"))
_SYSTEM = (
    ("root", 1, 0, "init"), ("root", 2, 0, "[kthreadd]"), ("logd", 190, 1, "logd"),
    ("system", 300, 1, "surfaceflinger"), ("root", 310, 1, "zygote64"), ("shell", 400, 1, "adbd"),
    ("u0_a60", 900, 310, "com.android.systemui"),
    ("u0_a90", 1100, 310, "com.android.launcher3"),
    ("u0_a91", 1500, 310, "com.android.inputmethod.latin"),
)  # fmt: skip
_HEADS = {"USER": "USER          ", "PID": "  PID", "PPID": " PPID", "NAME": "NAME", "CMD": "CMD",
          "ARGS": "CMD", "S": "S", "RSS": "   RSS", "VSZ": "     VSZ"}  # fmt: skip

Process = tuple[str, int, int, str]


def processes(device: Device) -> list[Process]:
    """(user, pid, parent's pid, name) of all that runs."""
    app = device.packages.installed.get(device.app.package)
    found: list[Process] = list(_SYSTEM)
    if device.serves:
        found.append(("system", device.server_pid, 310, "system_server"))
    if device.running and app is not None:
        found.append((f"u0_a{app.uid - 10_000}", device.pid, 310, device.app.package))
    return found


def _ps(call: Call, device: Device) -> int:
    args = "".join(a[1:] for a in call.args if re.fullmatch(r"-[AefwTlZ]+", a))
    rows: list[Process] = [*(processes(device) if set(args) & set("Ae") else ()), *_OWN]
    names = [a for a in call.args if not a.startswith("-")]
    chosen = ["USER", "PID", "PPID", "VSZ", "RSS", "WCHAN", "ADDR", "S", "NAME"]
    for flag, value in zip(call.args, call.args[1:], strict=False):
        if flag == "-o":
            chosen = [name.split("=")[0].upper() for name in value.split(",")]
            names.remove(value)
        elif flag == "-p":
            rows = [r for r in [*processes(device), *_OWN] if str(r[1]) in value.split(",")]
            names.remove(value)
    if names:
        # Android's older ps took a name; today's takes a process id.
        rows = [row for row in [*processes(device), *_OWN] if str(row[1]) in names]
    wrong = [name for name in chosen if name not in (*_HEADS, "WCHAN", "ADDR")]
    if wrong:
        return call.fail(f"ps: bad -o {wrong[0]}", 1)
    call.print(" ".join(_head(name) for name in chosen))
    for row in rows:
        call.print(" ".join(_cell(name, row) for name in chosen))
    return 0 if rows else 1


def _head(name: str) -> str:
    return {"WCHAN": "WCHAN           ", "ADDR": "      ADDR"}.get(name) or _HEADS[name]


def _cell(name: str, row: Process) -> str:
    user, pid, parent, text = row
    match name:
        case "USER":
            return f"{user:<14}"
        case "PID" | "PPID":
            return f"{pid if name == 'PID' else parent:5}"
        case "VSZ":
            return f"{13_000_000:8}"
        case "RSS":
            return f"{95_000:6}"
        case "WCHAN":
            return f"{0:<16}"
        case "ADDR":
            return f"{0:10}"
        case "S":
            return "R" if text == "ps" else "S"
    return text


def _pidof(call: Call, device: Device) -> int:
    names = [a for a in call.args if not a.startswith("-")]
    found = [str(pid) for _, pid, _, name in processes(device) if name in names]
    if found:
        call.print(" ".join(found[:1] if "-s" in call.args else found))
    return 0 if found else 1


def _kill(call: Call, device: Device) -> int:
    names = [a for a in call.args if not a.startswith("-")]
    if not names:
        return call.fail("kill: Needs at least 1 argument", 1)
    code = 0
    for name in names:
        known = {str(pid): user for user, pid, _, _ in processes(device)}
        if name not in known:
            code = call.fail(f"/system/bin/sh: kill: {name}: No such process", 1)
        elif name != str(device.pid) or not device.is_root:
            code = call.fail(f"/system/bin/sh: kill: {name}: Operation not permitted", 1)
        else:
            device.stop(save=True, reason=SIGNALED)
    return code


def _top(call: Call, device: Device) -> int:
    rows = processes(device)
    call.print(f"Tasks: {len(rows)} total,   1 running, {len(rows) - 1} sleeping,   0 stopped,")
    call.print("  PID USER         PR  NI VIRT  RES  SHR S[%CPU] %MEM     TIME+ ARGS")
    for user, pid, _, name in rows:
        call.print(f"{pid:5} {user:<12} 20   0  12G  95M  60M S  0.0   2.3   0:01.00 {name}")
    return 0


def _run_as(call: Call) -> int:
    device: Device = call.shell.device
    args = list(call.args)
    if not args:
        return call.fail("run-as: usage: run-as <package-name> [--user <uid>] <command> [<args>]")
    package = args.pop(0)
    if args[:1] == ["--user"]:
        del args[:2]
    if package not in device.packages.installed:
        system = package in device.packages.names(third_party=False)
        problem = "package not debuggable" if system else "unknown package"
        return call.fail(f"run-as: {problem}: {package}")
    if args and call.shell.find(args[0]) is None:
        return call.fail(f"run-as: exec failed for {args[0]}: No such file or directory")
    shell, before = call.shell, (call.shell.cwd, call.shell.user)
    shell.cwd = f"/data/data/{package}"
    shell.user = f"u0_a{device.packages.installed[package].uid - 10_000}"
    try:
        return shell.call(args or ["sh"], call.streams)
    finally:
        shell.cwd, shell.user = before


# -- the log ------------------------------------------------------------------------------------


class _LogQuery:
    """What a logcat command line asks for. Raises ValueError for what it cannot be."""

    def __init__(self, args: list[str]) -> None:
        self.style, self.follow, self.count = "threadtime", True, -1
        self.buffers: tuple[str, ...] = BUFFERS
        self.clear = self.sizes = False
        self.pid, self.pattern, self.most = 0, "", -1
        self._levels: dict[str, str] = {}
        rest = iter(args)
        for arg in rest:
            self._take(arg, rest)

    def _take(self, arg: str, rest: object) -> None:
        name, _, value = arg.partition("=") if arg.startswith("--") else (arg, "", "")
        short = re.fullmatch(r"-([vbtTemrnfGDd])(.+)", arg)
        if short and short[1] in "vbtTemrnfG":
            name, value = f"-{short[1]}", short[2]

        def operand() -> str:
            return value or next(rest, "")  # type: ignore[call-overload, no-any-return]

        match name:
            case "-d" | "--dump":
                self.follow = False
            case "-c" | "--clear":
                self.clear = True
            case "-g" | "--buffer-size":
                self.sizes = True
            case "-s":
                self._levels.setdefault("*", "S")
            case "-v" | "--format":
                self._format(operand())
            case "-b" | "--buffer":
                self._choose(operand())
            case "-t" | "--tail":
                self.follow, self.count = False, _count(operand())
            case "-T":
                self.count = _count(operand())
            case "-e" | "--regex":
                self.pattern = operand()
            case "-m" | "--max-count":
                self.most = _count(operand())
            case "--pid":
                self.pid = int(operand())
            case "-G" | "-r" | "-n" | "-f":
                operand()
            case _ if arg.startswith("-"):
                raise ValueError(f"Unrecognized Option {arg}")
            case _:
                self._filter(arg)

    def _format(self, text: str) -> None:
        for word in re.split(r"[, ]", text):
            if word in FORMATS:
                self.style = word
            elif word not in (
                "color",
                "uid",
                "year",
                "zone",
                "UTC",
                "epoch",
                "usec",
                "descriptive",
            ):
                raise ValueError(f'Invalid parameter "{text}" to -v')

    def _choose(self, text: str) -> None:
        names = text.split(",")
        unknown = [n for n in names if n not in (*BUFFERS, "all", "default", "events", "radio")]
        if unknown:
            raise ValueError(f"unknown buffer {unknown[0]}")
        every = {"all", "default"} & set(names)
        self.buffers = BUFFERS if every else tuple(n for n in names if n in BUFFERS)

    def _filter(self, text: str) -> None:
        for one in text.split():
            tag, _, level = one.partition(":")
            level = (level or "V")[0].upper()
            if level not in (*PRIORITIES, "S", "*"):
                raise ValueError(f"Invalid filter expression '{one}'")
            self._levels[tag] = "V" if level == "*" else level

    def wants(self, line: LogLine) -> bool:
        """Whether a line is to be printed."""
        if line.buffer not in self.buffers or (self.pid and line.pid != self.pid):
            return False
        least = self._levels.get(line.tag) or self._levels.get("*", "V")
        if least == "S" or PRIORITIES.index(line.priority) < PRIORITIES.index(least):
            return False
        return not self.pattern or re.search(self.pattern, line.message) is not None


def _count(text: str) -> int:
    # -t and -T also take a time; the ring holds so little that everything is in it.
    return int(text) if text.isdigit() else -1


def _logcat(call: Call) -> int:
    try:
        query = _LogQuery([a for arg in call.args for a in ([arg] if arg else [])])
        re.compile(query.pattern)
    except (ValueError, re.error) as error:
        return call.fail(f"logcat: {error}\nTry 'logcat --help' for more information.", 1)
    call.shell.device.note_crashes()
    log = call.shell.device.log
    if query.clear:
        log.clear(query.buffers)
        return 0
    if query.sizes:
        for name in query.buffers:
            call.print(f"{name}: ring buffer is 256 KiB (0 B consumed), max entry is 5120 B")
        return 0
    return _print_log(call, query)


def _print_log(call: Call, query: _LogQuery) -> int:
    log = call.shell.device.log
    started: set[str] = set()
    everything = log.lines()
    last = everything[-1].number if everything else 0
    lines = [line for line in everything if query.wants(line)]
    lines = lines[-query.count :] if query.count > 0 else lines
    printed = 0
    while True:
        for line in lines:
            if line.buffer not in started:
                started.add(line.buffer)
                call.print(f"--------- beginning of {line.buffer}")
            call.print(line.text(query.style))
            printed += 1
            if printed == query.most:
                return 0
        call.shell.flush()
        if not query.follow or call.shell.gone():
            return 0
        log.wait(last, POLL_S)
        call.shell.device.note_crashes()
        fresh = log.lines(last)
        last = fresh[-1].number if fresh else last
        lines = [line for line in fresh if query.wants(line)]


def _log(call: Call) -> int:
    args, tag, priority = list(call.args), "", "I"
    while args and args[0] in ("-t", "-p"):
        flag, value = args.pop(0), args.pop(0) if len(args) > 1 else ""
        tag = value if flag == "-t" else tag
        priority = value[:1].upper() if flag == "-p" else priority
    if priority not in tuple(PRIORITIES):
        return call.fail(f"log: bad -p '{priority}'")
    text = " ".join(args) or call.stdin().decode("utf-8", "replace")
    call.shell.device.log.add(tag or "log", text, priority, pid=4242)
    return 0


def _command_line(call: Call) -> int:
    """`nohup`, `time` and the like: the command itself, as it stands."""
    if not call.args:
        return call.fail("needs an argument")
    return call.shell.execute(shlex.join(call.args), call.streams)


PROCESS_COMMANDS: dict[str, Command] = {
    "ps": locked(_ps), "pidof": locked(_pidof), "kill": locked(_kill), "top": locked(_top),
    "run-as": _run_as, "logcat": _logcat, "log": _log, "nohup": _command_line,
}  # fmt: skip
