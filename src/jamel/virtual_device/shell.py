"""A small, real shell: what adb clients send to a device, without ever running host programs.

Quotes, variables, `$(…)`, `;`, `&&`, `||`, pipes, redirections, `if`, loops, patterns in a path's
last part, environment prefixes and paths such as /system/bin/cat. Commands are Python functions
looked up by name; a pipe's stages run one after the other. Knows nothing of adb, and nothing of
what the commands do.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jamel.virtual_device.files import DeviceFiles
from jamel.virtual_device.shell_run import Runner
from jamel.virtual_device.shell_syntax import ShellSyntaxError, tokenize

MAX_SCRIPT = 1 << 20
MAX_SUBSTITUTION_DEPTH = 16

Write = Callable[[bytes], None]


class ShellExit(Exception):
    """`exit` was called."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class HungUp(Exception):
    """Nobody reads the output any more."""


@dataclass
class Call:
    """One command as it runs: its arguments, its streams and the shell that runs it."""

    args: list[str]
    stdin: Callable[[], bytes]
    out: Write
    err: Write
    shell: Shell

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
        self.status = 0
        self.hung_up: Callable[[], bool] = lambda: False
        """Whether whoever reads the output is gone, which ends the shell as SIGHUP does."""
        self._depth = 0

    def run(self, script: str, out: Write, err: Write, stdin: Callable[[], bytes]) -> int:
        """Run a script to its end or to `exit`; returns its exit code."""
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
        except ShellSyntaxError as error:
            streams.err(f"/system/bin/sh: {error}\n".encode())
            self.status = 1
        return self.status

    def substitute(self, script: str, streams: Streams) -> str:
        """The output of a `$(…)`, without trailing newlines."""
        if self._depth >= MAX_SUBSTITUTION_DEPTH:
            raise ShellSyntaxError("substitutions nested too deeply")
        collected = bytearray()
        self._depth += 1
        try:
            self.execute(script, replace(streams, out=collected.extend))
        except ShellExit as leaving:
            self.status = leaving.code
        finally:
            self._depth -= 1
        return collected.decode("utf-8", "replace").rstrip("\n")

    def call(self, words: list[str], streams: Streams) -> int:
        """Run one command by name; 127 when there is none."""
        name = posixpath.basename(words[0]) if words[0].startswith("/") else words[0]
        if self.device is not None:
            self.device.faults.on_command(name)
        if self.hung_up():
            raise HungUp
        command = self.commands.get(name)
        if command is None:
            message = "inaccessible or not found"
            streams.err(f"/system/bin/sh: {words[0]}: {message}\n".encode())
            return 127
        call = Call(words[1:], streams.stdin, streams.out, streams.err, self)
        try:
            return command(call)
        except (ValueError, IndexError) as error:
            return call.fail(f"{name}: bad arguments ({error})")


@dataclass(frozen=True)
class Streams:
    """Standard input, output and error of a command."""

    stdin: Callable[[], bytes]
    out: Write
    err: Write
