"""Runs a script's tokens, executing as it goes: `a && b || c; d | e`, groups, `if` and loops.

Knows the shell only by what it runs commands and keeps variables with.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from jamel.virtual_device.shell_arithmetic import arithmetic
from jamel.virtual_device.shell_control import ENDS, end_of, keyword, run_statement
from jamel.virtual_device.shell_input import Stdin
from jamel.virtual_device.shell_syntax import ShellSyntaxError, Token

if TYPE_CHECKING:
    from jamel.virtual_device.shell import Shell, Streams, Write

_VARIABLE = re.compile(r"\$(?:(\w+|[?$!#@*])|\{(\w+)(?::-([^}]*))?\})")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def _send(streams: Streams, sink: Write, err: bool, out: bool) -> Streams:
    """The streams with standard error, output or both going to `sink`."""
    return replace(streams, out=sink if out else streams.out, err=sink if err else streams.err)


def _discard(_: bytes) -> None:
    """/dev/null."""


class Runner:
    """Walks the tokens of one script; `$?` and variables are the shell's."""

    def __init__(self, shell: Shell, tokens: list[Token]) -> None:
        self.shell = shell
        self.tokens = tokens
        self.at = 0

    def statements(self, streams: Streams, end: str, live: bool = True) -> None:
        """Run all statements, or those before the operator `end`."""
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
            stdin = Stdin.of(bytes(collected))

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
            Runner(shell, tokens).statements(redirected, end="")
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
            Runner(self.shell, inner).statements(redirected, end="")
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
        assigned: dict[str, str] = {}
        while words and _ASSIGNMENT.match(words[0]):
            name, _, value = words.pop(0).partition("=")
            assigned[name] = value
        negate = words[:1] == ["!"]
        words = words[1:] if negate else words
        try:
            flush, redirected = self._redirect(redirects, streams)
            if words:
                # An environment prefix such as LC_ALL=C: no command here reads its environment.
                shell.status = shell.call(words, redirected)
            else:
                shell.variables.update(assigned)
                shell.status = 0
            flush()
        except OSError as error:
            name = error.filename or (words[0] if words else "")
            reading = any(operator.endswith("<") for operator, _ in redirects)
            problem = f"can't {'open' if reading else 'create'} {name}: {error.strerror}"
            streams.err(f"/system/bin/sh: {problem}\n".encode())
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
                streams = replace(streams, stdin=Stdin.of(files.read(files.resolve(target, cwd))))
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
    if text.startswith("$((") and text.endswith("))"):
        return str(arithmetic(_expand_text(shell, text[3:-2], streams), shell.variables))
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
        if name in ("@", "*"):
            return " ".join(shell.positional[1:])
        if name == "#":
            return str(len(shell.positional) - 1)
        if name.isdigit():
            at = int(name)
            return shell.positional[at] if at < len(shell.positional) else match[3] or ""
        return shell.variables.get(name) or match[3] or ""

    return _VARIABLE.sub(value, text)
