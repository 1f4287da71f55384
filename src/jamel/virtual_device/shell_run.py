"""Runs a script's tokens, executing as it goes: `a && b || c; d | e`, groups, `if` and loops.

Knows the shell only by what it runs commands and keeps variables with.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from jamel.virtual_device.shell_control import ENDS, end_of, keyword, plain, run_statement
from jamel.virtual_device.shell_input import Stdin
from jamel.virtual_device.shell_syntax import Incomplete, ShellSyntaxError, Token
from jamel.virtual_device.shell_words import expanded, pattern_of, text_of

if TYPE_CHECKING:
    from jamel.virtual_device.shell import Shell, Streams, Write

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
                self._skip_lines()
            elif self._take("||"):
                run = live and self.shell.status != 0
                self._skip_lines()
            else:
                self._pipeline(streams, run)
        if end:
            raise Incomplete(f"syntax error: expected '{end}'")

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
            self._skip_lines()
            stdin = Stdin.of(bytes(collected))

    def _skip_stage(self) -> str:
        """Move to the operator that ends this stage and say which it is."""
        if keyword(self.tokens, self.at) in ENDS:
            self.at = end_of(self.tokens, self.at)
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "operator":
                if token.text not in ("(", "{"):
                    return token.text
                self.at = self._closing(self.at)
            self.at += 1
        return ""

    def _stage(self, streams: Streams, live: bool) -> None:
        start = self.at
        for opening in ("(", "{"):
            if self._take(opening):
                self._group(start, streams, live)
                return
        if keyword(self.tokens, self.at) in ENDS:
            self._statement(start, streams, live)
            return
        if self._defines_function(live):
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
        """An `if`, `case` or loop, and the redirections behind it."""
        self.at = end_of(self.tokens, start)
        inner = self.tokens[start : self.at]
        redirects: list[tuple[str, str]] = []
        self._simple([], redirects, streams, live)
        if not live:
            return
        flush, redirected = self._redirect(redirects, streams)
        shell, values = self.shell, list[str]()

        def run(tokens: list[Token]) -> int:
            Runner(shell, tokens).statements(redirected, end="")
            return shell.status

        def assign(name: str, words: list[Token], turn: int) -> bool:
            if turn == 0:
                values.extend(v for word in words for v in expanded(shell, word, redirected))
            if turn < len(values):
                shell.variables[name] = values[turn]
            return turn < len(values)

        def matches(word: Token, pattern: Token) -> bool:
            value = " ".join(expanded(shell, word, redirected))
            return fnmatch.fnmatchcase(value, pattern_of(shell, pattern, redirected))

        shell.status = run_statement(inner, run, assign, matches)
        flush()

    def _group(self, start: int, streams: Streams, live: bool) -> None:
        """Commands in brackets, and the redirections behind them; `(…)` is a process of its own."""
        end = self._closing(start)
        inner, apart = self.tokens[start + 1 : end], self.tokens[start].text == "("
        redirects: list[tuple[str, str]] = []
        self.at = end + 1
        self._simple([], redirects, streams, live)
        if not live:
            return
        flush, redirected = self._redirect(redirects, streams)
        if apart:
            self.shell.status = self.shell.apart(
                lambda: Runner(self.shell, inner).statements(redirected, end="")
            )
        else:
            Runner(self.shell, inner).statements(redirected, end="")
        flush()

    def _closing(self, start: int) -> int:
        """The place of the bracket that closes the one at `start`. Raises Incomplete."""
        depth, at = 0, start
        while at < len(self.tokens):
            if keyword(self.tokens, at) in ENDS:
                at = end_of(self.tokens, at)
                continue
            text = self.tokens[at].text if self.tokens[at].kind == "operator" else ""
            depth += (text in ("(", "{")) - (text in (")", "}"))
            if depth == 0:
                return at
            at += 1
        closing = {"(": ")", "{": "}"}[self.tokens[start].text]
        raise Incomplete(f"syntax error: expected '{closing}'")

    def _defines_function(self, live: bool) -> bool:
        """`name() { …; }` is kept under its name; whether one begins here."""
        name, *brackets = self.tokens[self.at : self.at + 3]
        if [token.text for token in brackets if token.kind == "operator"] != ["(", ")"]:
            return False
        self.at += 3
        self._skip_lines()
        start = self.at
        if not self._take("{"):
            raise ShellSyntaxError("syntax error: a function needs '{'")
        end = self._closing(start)
        if live:
            self.shell.functions[plain(name)] = self.tokens[start + 1 : end]
            self.shell.status = 0
        self.at = end + 1
        return True

    def _skip_lines(self) -> None:
        """What follows `&&`, `||`, `|` or `name()` may stand on another line."""
        while self._take("\n"):
            pass
        if self.at >= len(self.tokens):
            raise Incomplete("syntax error: unexpected 'end'")

    def _simple(
        self, words: list[str], redirects: list[tuple[str, str]], streams: Streams, live: bool
    ) -> None:
        while self.at < len(self.tokens) and self.tokens[self.at].kind != "operator":
            token = self.tokens[self.at]
            self.at += 1
            if token.kind == "word":
                words += expanded(self.shell, token, streams) if live else []
            elif token.text == "<<":
                text, expandable, _ = token.parts[0]
                live_text = expandable and live
                lines = text_of(self.shell, text, streams) if live_text else text
                redirects.append(("<<", lines))
            elif "&" in token.text and not token.text.startswith("&"):
                redirects.append((token.text, ""))
            else:
                if self.at >= len(self.tokens) or self.tokens[self.at].kind != "word":
                    raise ShellSyntaxError(f"syntax error: '{token.text}' needs a file")
                target = expanded(self.shell, self.tokens[self.at], streams) if live else []
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
            if operator == "<<":
                streams = replace(streams, stdin=Stdin.of(target.encode()))
            elif operator.endswith("<"):
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
