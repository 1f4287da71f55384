"""A shell script's text → words, operators and redirections; executes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_OPERATORS = ("&&", "||", ";", "|", "&", "\n", "(", ")", "{", "}")
_REDIRECTION = re.compile(r"(?:&>|[012]?>>?(?:&[012])?|0?<)")


class ShellSyntaxError(Exception):
    """The script cannot be read; the message is what mksh would print."""


@dataclass
class Token:
    """An operator, a redirection or a word; a word's parts are (text, expandable, quoted)."""

    kind: str
    text: str = ""
    parts: list[tuple[str, bool, bool]] = field(default_factory=list)


def tokenize(script: str) -> list[Token]:
    """Split a script into words, operators and redirections."""
    tokens: list[Token] = []
    at = 0
    while at < len(script):
        char = script[at]
        if char in " \t\r":
            at += 1
        elif char == "#":
            at = script.find("\n", at) if "\n" in script[at:] else len(script)
        elif match := _REDIRECTION.match(script, at):
            tokens.append(Token("redirect", match[0]))
            at = match.end()
        elif operator := next((o for o in _OPERATORS if script.startswith(o, at)), ""):
            if operator in "{}" and not _is_reserved(script, at, tokens):
                word, at = _read_word(script, at)
                tokens.append(word)
                continue
            tokens.append(Token("operator", operator))
            at += len(operator)
        else:
            word, at = _read_word(script, at)
            tokens.append(word)
    return tokens


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
        elif script.startswith("$(", at) or char == "`":
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
            raise ShellSyntaxError("syntax error: unterminated quoted string")
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
    depth = 0
    for end in range(at + 1, len(script)):
        depth += {"(": 1, ")": -1}.get(script[end], 0)
        if depth == 0:
            return end + 1
    raise ShellSyntaxError("syntax error: unterminated $(")


def _find(script: str, what: str, start: int) -> int:
    end = script.find(what, start)
    if end < 0:
        raise ShellSyntaxError("syntax error: unterminated quoted string")
    return end
