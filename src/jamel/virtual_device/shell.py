"""A small, real shell: what adb clients send to a device, without ever running host programs.

Quotes, variables, `$(…)`, `;`, `&&`, `||`, pipes, redirections, `if`, loops, patterns in a path's
last part, environment prefixes and paths such as /system/bin/cat. Commands are Python functions
looked up by name; a pipe's stages run one after the other. Knows nothing of adb, and nothing of
what the commands do.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jamel.virtual_device.files import DeviceFiles
from jamel.virtual_device.shell_control import ENDS, end_of, keyword, run_statement
from jamel.virtual_device.shell_syntax import ShellSyntaxError, Token, tokenize

MAX_SCRIPT = 1 << 20
MAX_SUBSTITUTION_DEPTH = 16
_VARIABLE = re.compile(r"\$(?:(\w+|[?$!#@*])|\{(\w+)(?::-([^}]*))?\})")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")

Write = Callable[[bytes], None]


class ShellExit(Exception):
    """`exit` was called."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Call:
    """One command as it runs: its arguments, streams, folder and variables."""

    args: list[str]
    stdin: Callable[[], bytes]
    out: Write
    err: Write
    shell: Shell
    variables: Mapping[str, str] = field(default_factory=dict)

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
        self._depth = 0

    def run(self, script: str, out: Write, err: Write, stdin: Callable[[], bytes]) -> int:
        """Run a script to its end or to `exit`; returns its exit code."""
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
            _Runner(self, tokenize(script)).statements(streams, end="")
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

    def call(self, words: list[str], extra: dict[str, str], streams: Streams) -> int:
        """Run one command by name; 127 when there is none."""
        name = posixpath.basename(words[0]) if words[0].startswith("/") else words[0]
        command = self.commands.get(name)
        if command is None:
            message = "inaccessible or not found"
            streams.err(f"/system/bin/sh: {words[0]}: {message}\n".encode())
            return 127
        scope = {**self.variables, **extra}
        call = Call(words[1:], streams.stdin, streams.out, streams.err, self, scope)
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


def _source(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _send(streams: Streams, sink: Write, err: bool, out: bool) -> Streams:
    """The streams with standard error, output or both going to `sink`."""
    return Streams(streams.stdin, sink if out else streams.out, sink if err else streams.err)


def _discard(_: bytes) -> None:
    """/dev/null."""


class _Runner:
    """Walks the tokens, executing as it goes: `a && b || c; d | e`."""

    def __init__(self, shell: Shell, tokens: list[Token]) -> None:
        self.shell = shell
        self.tokens = tokens
        self.at = 0

    def statements(self, streams: Streams, end: str, live: bool = True) -> None:
        run = live
        while self.at < len(self.tokens):
            if end and self._take(end):
                return
            if self._take(";") or self._take("\n") or self._take("&"):
                run = live
            elif self._take("&&"):
                run = live and self.shell.status == 0
            elif self._take("||"):
                run = live and self.shell.status != 0
            else:
                self._pipeline(streams, run)
        if end:
            raise ShellSyntaxError(f"syntax error: expected '{end}'")

    def _take(self, operator: str) -> bool:
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "operator" and token.text == operator:
                self.at += 1
                return True
        return False

    def _pipeline(self, streams: Streams, live: bool) -> None:
        stdin = streams.stdin
        while True:
            start = self.at
            piped = self._skip_stage() == "|"
            self.at = start
            collected = bytearray()
            stage = replace(streams, stdin=stdin, out=collected.extend) if piped else replace(
                streams, stdin=stdin
            )  # fmt: skip
            self._stage(stage, live)
            if not piped:
                return
            self._take("|")
            stdin = _source(bytes(collected))

    def _skip_stage(self) -> str:
        """Move to the operator that ends this stage and say which it is."""
        if keyword(self.tokens, self.at) in ENDS:
            self.at = end_of(self.tokens, self.at)
        depth = 0
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "operator":
                if token.text in ("(", "{"):
                    depth += 1
                elif token.text in (")", "}") and depth:
                    depth -= 1
                elif depth == 0:
                    return token.text
            self.at += 1
        return ""

    def _stage(self, streams: Streams, live: bool) -> None:
        start = self.at
        for opening, closing in (("(", ")"), ("{", "}")):
            if self._take(opening):
                self._group(start, closing, streams, live)
                return
        if keyword(self.tokens, self.at) in ENDS:
            self._statement(start, streams, live)
            return
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None or token.kind == "operator":
            found = token.text if token else "end"
            raise ShellSyntaxError(f"syntax error: unexpected '{found}'")
        words: list[str] = []
        redirects: list[tuple[str, str]] = []
        self._simple(words, redirects, streams, live)
        if live:
            self._run_simple(words, redirects, streams)

    def _statement(self, start: int, streams: Streams, live: bool) -> None:
        """An `if` or a loop, and the redirections behind it."""
        self.at = end_of(self.tokens, start)
        inner = self.tokens[start : self.at]
        redirects: list[tuple[str, str]] = []
        self._simple([], redirects, streams, live)
        if not live:
            return
        flush, redirected = self._redirect(redirects, streams)
        shell, expanded = self.shell, list[str]()

        def run(tokens: list[Token]) -> int:
            _Runner(shell, tokens).statements(redirected, end="")
            return shell.status

        def assign(name: str, words: list[Token], turn: int) -> bool:
            if turn == 0:
                expanded.extend(v for word in words for v in _expand(shell, word, redirected))
            if turn < len(expanded):
                shell.variables[name] = expanded[turn]
            return turn < len(expanded)

        shell.status = run_statement(inner, run, assign)
        flush()

    def _group(self, start: int, closing: str, streams: Streams, live: bool) -> None:
        self.at = start
        end = start
        depth = 0
        for end in range(start, len(self.tokens)):
            text = self.tokens[end].text if self.tokens[end].kind == "operator" else ""
            depth += (text in ("(", "{")) - (text in (")", "}"))
            if depth == 0:
                break
        else:
            raise ShellSyntaxError(f"syntax error: expected '{closing}'")
        redirects: list[tuple[str, str]] = []
        inner = self.tokens[start + 1 : end]
        self.at = end + 1
        self._simple([], redirects, streams, live)
        if live:
            flush, redirected = self._redirect(redirects, streams)
            _Runner(self.shell, inner).statements(redirected, end="")
            flush()

    def _simple(
        self, words: list[str], redirects: list[tuple[str, str]], streams: Streams, live: bool
    ) -> None:
        while self.at < len(self.tokens) and self.tokens[self.at].kind != "operator":
            token = self.tokens[self.at]
            self.at += 1
            if token.kind == "word":
                words += _expand(self.shell, token, streams) if live else []
            elif "&" in token.text and not token.text.startswith("&"):
                redirects.append((token.text, ""))
            else:
                if self.at >= len(self.tokens) or self.tokens[self.at].kind != "word":
                    raise ShellSyntaxError(f"syntax error: '{token.text}' needs a file")
                target = _expand(self.shell, self.tokens[self.at], streams) if live else []
                redirects.append((token.text, " ".join(target)))
                self.at += 1

    def _run_simple(
        self, words: list[str], redirects: list[tuple[str, str]], streams: Streams
    ) -> None:
        shell = self.shell
        extra: dict[str, str] = {}
        while words and _ASSIGNMENT.match(words[0]):
            name, _, value = words.pop(0).partition("=")
            extra[name] = value
        negate = words[:1] == ["!"]
        words = words[1:] if negate else words
        try:
            flush, redirected = self._redirect(redirects, streams)
            if words:
                shell.status = shell.call(words, extra, redirected)
            else:
                shell.variables.update(extra)
                shell.status = 0
            flush()
        except OSError as error:
            name = error.filename or (words[0] if words else "")
            streams.err(f"/system/bin/sh: {name}: {error.strerror}\n".encode())
            shell.status = 1
        if negate:
            shell.status = int(shell.status == 0)

    def _redirect(
        self, redirects: list[tuple[str, str]], streams: Streams
    ) -> tuple[Callable[[], None], Streams]:
        files, cwd = self.shell.files, self.shell.cwd
        opened: list[tuple[str, bytearray]] = []
        for operator, target in redirects:
            if operator.endswith("<"):
                streams = replace(streams, stdin=_source(files.read(files.resolve(target, cwd))))
            elif "&" in operator and not target:
                both = streams.out if operator.endswith("1") else streams.err
                streams = _send(
                    streams, both, operator.startswith("2"), not operator.startswith("2")
                )
            else:
                sink = self._open(operator, files.resolve(target, cwd), streams, opened)
                everything, errors = operator.startswith("&"), operator.startswith("2")
                streams = _send(streams, sink, everything or errors, everything or not errors)

        def flush() -> None:
            for path, content in opened:
                files.write(path, bytes(content))

        return flush, streams

    def _open(
        self, operator: str, path: str, streams: Streams, opened: list[tuple[str, bytearray]]
    ) -> Write:
        if path == "/dev/null":
            return _discard
        if path in ("/dev/tty", "/dev/stdout", "/proc/self/fd/1"):
            return streams.out
        content = bytearray()
        files = self.shell.files
        if ">>" in operator and files.stat(path) is not None:
            content += files.read(path)
        files.write(path, bytes(content))
        opened.append((path, content))
        return content.extend


def _expand(shell: Shell, token: Token, streams: Streams) -> list[str]:
    """A word's values: variables and substitutions resolved, unquoted ones split at blanks."""
    fields = [""]
    quoted_any = False
    for text, expandable, quoted in token.parts:
        quoted_any |= quoted
        value = _expand_text(shell, text, streams) if expandable else text
        if quoted or value == text:
            fields[-1] += value
            continue
        pieces = value.split()
        if value[:1].isspace() and fields[-1]:
            fields.append("")
        if pieces:
            fields[-1] += pieces[0]
            fields += pieces[1:]
        if value[-1:].isspace() and len(value) > 1:
            fields.append("")
    if quoted_any:
        return fields
    return [name for one in fields if one for name in _matching(shell, one)]


def _matching(shell: Shell, word: str) -> list[str]:
    """The files that a pattern in a path's last part names, or the word itself."""
    folder, _, pattern = word.rpartition("/")
    if "/" not in word or not set("*?") & set(pattern):
        return [word]
    names = shell.files.names(shell.files.resolve(folder or "/", shell.cwd))
    return [f"{folder}/{name}" for name in fnmatch.filter(names, pattern)] or [word]


def _expand_text(shell: Shell, text: str, streams: Streams) -> str:
    if text.startswith("$(") and text.endswith(")"):
        return shell.substitute(text[2:-1], streams)
    if text.startswith("`") and text.endswith("`") and len(text) > 1:
        return shell.substitute(text[1:-1], streams)

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name == "?":
            return str(shell.status)
        if name == "$":
            return "4242"
        return shell.variables.get(name, match[3] or "")

    return _VARIABLE.sub(value, text)
