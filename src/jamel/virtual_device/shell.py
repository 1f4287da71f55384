"""A small, real shell: what adb clients send to a device, without ever running host programs.

Quotes, variables, `${…}`, `$(…)`, arithmetic, `;`, `&&`, `||`, pipes, redirections,
here-documents, subshells, `if`, `case`, loops, functions, `read`, patterns in a path's last part,
environment prefixes, scripts in files and paths such as /system/bin/cat. Commands are Python
functions looked up by name; a pipe's stages run one after the other. Knows nothing of adb, and
nothing of what the commands do.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jamel.virtual_device.files import DeviceFiles
from jamel.virtual_device.shell_input import Stdin
from jamel.virtual_device.shell_run import Runner
from jamel.virtual_device.shell_syntax import Incomplete, ShellSyntaxError, Token, tokenize

MAX_SCRIPT = 1 << 20
MAX_PIECE = 1 << 14
"""Characters of one statement that is typed line by line."""
MAX_SUBSTITUTION_DEPTH = 16
SHELL_PID = "4300"
_BIN = ("/system/bin", "/system/xbin", "/vendor/bin", "/bin", "/product/bin")

Write = Callable[[bytes], None]


class ShellExit(Exception):
    """`exit` was called."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ShellReturn(Exception):
    """`return` was called: a function ends."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class HungUp(Exception):
    """Nobody reads the output any more."""


@dataclass
class Call:
    """One command as it runs: its arguments, its streams and the shell that runs it."""

    args: list[str]
    stdin: Stdin
    out: Write
    err: Write
    shell: Shell
    name: str = ""

    @property
    def streams(self) -> Streams:
        """Input, output and error, for another command or script in this one's place."""
        return Streams(self.stdin, self.out, self.err)

    @property
    def files(self) -> DeviceFiles:
        """The device's file system."""
        return self.shell.files

    def path(self, name: str) -> str:
        """An argument as an absolute path."""
        return self.files.resolve(name, self.shell.cwd)

    def print(self, text: str) -> None:
        """A line on standard output."""
        self.out(text.encode("utf-8", "replace") + b"\n")

    def fail(self, text: str, code: int = 1) -> int:
        """A line on standard error, and the exit code to return."""
        self.err(text.encode("utf-8", "replace") + b"\n")
        return code


Command = Callable[[Call], int]


class Shell:
    """Runs scripts; variables, the folder and `$?` last as long as the object."""

    def __init__(self, device: Any, files: DeviceFiles, commands: Mapping[str, Command]) -> None:
        self.device = device
        self.files = files
        self.commands = commands
        self.cwd = "/"
        self.variables: dict[str, str] = {"HOME": "/", "PATH": "/system/bin", "USER": "shell"}
        self.positional: list[str] = ["/system/bin/sh"]
        self.functions: dict[str, list[Token]] = {}
        self.user = ""
        """Whose commands run, as `run-as` has it; "" for adbd's own."""
        self.status = 0
        self.flush: Callable[[], None] = lambda: None
        self.gone: Callable[[], bool] = lambda: True
        self.hung_up: Callable[[], bool] = lambda: False
        """Whether whoever reads the output is gone, which ends the shell as SIGHUP does."""
        self._depth = 0

    def run(self, script: str, out: Write, err: Write, stdin: Stdin) -> int:
        """Run a script to its end or to `exit`; returns its exit code.

        A command that follows something, such as logcat, calls `flush` to send what it printed
        and ends once `gone` says that nobody reads on.
        """
        if self.device is not None:
            self.device.faults.begin(script)
        try:
            self.execute(script, Streams(stdin, out, err))
        except ShellExit as leaving:
            self.status = leaving.code
        return self.status

    def execute(self, script: str, streams: Streams) -> int:
        """Run a script inside this shell; `exit` is raised as ShellExit."""
        try:
            if len(script) > MAX_SCRIPT:
                raise ShellSyntaxError("script too long")
            Runner(self, tokenize(script)).statements(streams, end="")
        except ShellReturn as returning:
            self.status = returning.code
        except ShellSyntaxError as error:
            streams.err(f"/system/bin/sh: {error}\n".encode())
            self.status = 1
        return self.status

    def wants_more(self, script: str) -> bool:
        """Whether what was typed so far is only the beginning of something."""
        if len(script) > MAX_PIECE:
            return False
        nowhere = Streams(Stdin.of(b""), lambda data: None, lambda data: None)
        try:
            Runner(self, tokenize(script)).statements(nowhere, end="", live=False)
        except Incomplete:
            return True
        except ShellSyntaxError:
            return False
        return False

    def apart(self, run: Callable[[], object]) -> int:
        """Run something as in a process of its own: what it sets is forgotten, `exit` ends it."""
        before = self.cwd, dict(self.variables), dict(self.functions), list(self.positional)
        try:
            run()
        except ShellExit as leaving:
            self.status = leaving.code
        finally:
            self.cwd, self.variables, self.functions, self.positional = before
        return self.status

    # -- names ----------------------------------------------------------------------------------

    def lookup(self, name: str) -> str | None:
        """A variable's or parameter's value, None where it is unset."""
        match name:
            case "?":
                return str(self.status)
            case "@" | "*":
                return " ".join(self.positional[1:])
            case "#":
                return str(len(self.positional) - 1)
            case "$" | "!" | "-":
                return SHELL_PID if name == "$" else ""
            case "PWD":
                return self.cwd
            case _ if name.isdigit():
                at = int(name)
                return self.positional[at] if at < len(self.positional) else None
        return self.variables.get(name)

    def assign(self, name: str, value: str) -> None:
        """Set a variable."""
        self.variables[name] = value

    def substitute(self, script: str, streams: Streams) -> str:
        """The output of a `$(…)`, without trailing newlines."""
        if self._depth >= MAX_SUBSTITUTION_DEPTH:
            raise ShellSyntaxError("substitutions nested too deeply")
        collected = bytearray()
        self._depth += 1
        try:
            inner = replace(streams, out=collected.extend)
            self.apart(lambda: self.execute(script, inner))
        finally:
            self._depth -= 1
        return collected.decode("utf-8", "replace").rstrip("\n")

    def call(self, words: list[str], streams: Streams) -> int:
        """Run one command by name; 127 when there is none."""
        if words[0] in self.functions:
            return self._call_function(words, streams)
        name, command = posixpath.basename(words[0]), self.find(words[0])
        if self.device is not None:
            self.device.on_command(name)
        if self.hung_up():
            raise HungUp
        if command is None:
            return self._not_a_command(words, streams)
        call = Call(words[1:], streams.stdin, streams.out, streams.err, self, name)
        try:
            return command(call)
        except OSError as error:
            return call.fail(f"{name}: {error.filename or ''}: {error.strerror}")
        except (ValueError, IndexError) as error:
            return call.fail(f"{name}: bad arguments ({error})")

    def _call_function(self, words: list[str], streams: Streams) -> int:
        if self._depth >= MAX_SUBSTITUTION_DEPTH:
            raise ShellSyntaxError(f"{words[0]}: functions nested too deeply")
        before, self.positional = self.positional, [self.positional[0], *words[1:]]
        self._depth += 1
        try:
            Runner(self, self.functions[words[0]]).statements(streams, end="")
        except ShellReturn as returning:
            self.status = returning.code
        finally:
            self._depth -= 1
            self.positional = before
        return self.status

    def find(self, word: str) -> Command | None:
        """The command of a name, or of a path below the folders that hold commands."""
        folder, _, name = word.rpartition("/")
        known = not folder or folder in _BIN
        return self.commands.get(name) if known and (folder or "/" not in word) else None

    def _not_a_command(self, words: list[str], streams: Streams) -> int:
        """A file on the device is run as a script, as its `#!/system/bin/sh` would have it."""
        word, problem, code = words[0], "inaccessible or not found", 127
        if "/" in word and (found := self.files.stat(self.files.resolve(word, self.cwd))):
            if not found.mode & 0o040000 and found.mode & 0o111:
                return self.call(["sh", *words], streams)
            problem, code = "can't execute: Permission denied", 126
            if found.mode & 0o040000:
                problem = "can't execute: Is a directory"
        streams.err(f"/system/bin/sh: {word}: {problem}\n".encode())
        return code


@dataclass(frozen=True)
class Streams:
    """Standard input, output and error of a command."""

    stdin: Stdin
    out: Write
    err: Write
