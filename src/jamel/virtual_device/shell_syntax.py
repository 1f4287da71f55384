"""A shell script's text → words, operators and redirections; executes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_OPERATOR = re.compile(r"&&|\|\||;;|[;|&\n(){}]")
_PLAIN = re.compile(r"[\w./:=,+@%-]+(?=[ \t\n;|&)]|$)")
"""A word without anything special in it, as most are."""
_REDIRECTION = re.compile(r"(?:&>|[012]?>>?(?:&[012])?|0?<)")


_HERE = re.compile(r"<<(-?)[ \t]*(['\"]?)([^\s'\"<>|&;()]+)\2")


class ShellSyntaxError(Exception):
    """The script cannot be read; the message is what mksh would print."""


class Incomplete(ShellSyntaxError):
    """The script could go on: a quote, a statement or a document is still open."""


@dataclass
class Token:
    """An operator, a redirection or a word; a word's parts are (text, expandable, quoted).

    A here-document is the redirection `<<` with its lines as the only part.
    """

    kind: str
    text: str = ""
    parts: list[tuple[str, bool, bool]] = field(default_factory=list)


def tokenize(script: str) -> list[Token]:
    """Split a script into words, operators and redirections."""
    tokens: list[Token] = []
    waiting: list[tuple[Token, re.Match[str]]] = []
    at = 0
    while at < len(script):
        char = script[at]
        if char == "\n" and waiting:
            at = _read_documents(script, at + 1, waiting)
            tokens.append(Token("operator", "\n"))
        elif char in " \t\r":
            at += 1
        elif match := _PLAIN.match(script, at):
            tokens.append(Token("word", parts=[(match[0], True, False)]))
            at = match.end()
        elif char == "#":
            at = script.find("\n", at) if "\n" in script[at:] else len(script)
        elif here := _HERE.match(script, at):
            tokens.append(Token("redirect", "<<"))
            waiting.append((tokens[-1], here))
            at = here.end()
        elif match := _REDIRECTION.match(script, at):
            tokens.append(Token("redirect", match[0]))
            at = match.end()
        elif match := _OPERATOR.match(script, at):
            operator = match[0]
            if operator in "{}" and not _is_reserved(script, at, tokens):
                word, at = _read_word(script, at)
                tokens.append(word)
                continue
            tokens.append(Token("operator", operator))
            at += len(operator)
        else:
            word, at = _read_word(script, at)
            tokens.append(word)
    if waiting:
        raise Incomplete("syntax error: here document '<<' unclosed")
    return tokens


def _read_documents(script: str, at: int, waiting: list[tuple[Token, re.Match[str]]]) -> int:
    """Give here-documents their lines; returns the place after the last."""
    while waiting:
        token, here = waiting.pop(0)
        lines: list[str] = []
        while True:
            if at >= len(script):
                raise Incomplete(f"syntax error: here document '{here[3]}' unclosed")
            line, _, _ = script[at:].partition("\n")
            at += len(line) + 1
            line = line.lstrip("\t") if here[1] else line
            if line == here[3]:
                break
            lines.append(line + "\n")
        token.parts.append(("".join(lines), not here[2], True))
    return at


def _is_reserved(script: str, at: int, tokens: list[Token]) -> bool:
    """Braces group only as words of their own, where a command could stand."""
    alone = script[at + 1 : at + 2] in ("", " ", "\n", ";", "\t", ")", "|", "&")
    return alone and (not tokens or tokens[-1].kind == "operator")


def _read_word(script: str, at: int) -> tuple[Token, int]:
    word = Token("word")
    while at < len(script) and script[at] not in " \t\r\n;&|<>()":
        char = script[at]
        if char == "'":
            end = _find(script, "'", at + 1)
            word.parts.append((script[at + 1 : end], False, True))
            at = end + 1
        elif char == '"':
            at = _read_double_quoted(script, at + 1, word)
        elif char == "\\":
            word.parts.append((script[at + 1 : at + 2], False, True))
            at += 2
        elif script.startswith(("$(", "${"), at) or char == "`":
            end = _end_of_substitution(script, at)
            word.parts.append((script[at:end], True, False))
            at = end
        else:
            end = at + 1
            while end < len(script) and script[end] not in " \t\r\n;&|<>()'\"\\`$":
                end += 1
            word.parts.append((script[at:end], True, False))
            at = end
    return word, at


def _read_double_quoted(script: str, at: int, word: Token) -> int:
    word.parts.append(("", False, True))
    plain = at
    while True:
        if at >= len(script):
            raise Incomplete("syntax error: unterminated quoted string")
        char = script[at]
        if char == '"' or (char == "\\" and script[at + 1 : at + 2] in tuple('"\\$`\n')):
            word.parts.append((script[plain:at], True, True))
            if char == '"':
                return at + 1
            word.parts.append((script[at + 1], False, True))
            at = plain = at + 2
        elif script.startswith("$(", at) or char == "`":
            end = _end_of_substitution(script, at)
            word.parts += [(script[plain:at], True, True), (script[at:end], True, True)]
            at = plain = end
        else:
            at += 1


def _end_of_substitution(script: str, at: int) -> int:
    if script[at] == "`":
        return _find(script, "`", at + 1) + 1
    opening, closing, depth = script[at + 1], {"(": ")", "{": "}"}[script[at + 1]], 0
    for end in range(at + 1, len(script)):
        depth += (script[end] == opening) - (script[end] == closing)
        if depth == 0:
            return end + 1
    raise Incomplete(f"syntax error: unterminated ${opening}")


def _find(script: str, what: str, start: int) -> int:
    end = script.find(what, start)
    if end < 0:
        raise Incomplete("syntax error: unterminated quoted string")
    return end
