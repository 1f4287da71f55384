"""`$((…))` of the device's shell: integers, names, brackets and the usual operators.

A small recursive parser over the text; nothing of it is run as code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from jamel.virtual_device.shell_syntax import ShellSyntaxError

MAX_DEPTH = 64
_TOKEN = re.compile(r"\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|<=|>=|==|!=|&&|\|\||[-+*/%<>!()])")
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<=", ">=", "<", ">"), ("+", "-"), ("*", "/", "%"))
_APPLY: dict[str, Callable[[int, int], int]] = {
    "||": lambda a, b: int(bool(a or b)), "&&": lambda a, b: int(bool(a and b)),
    "==": lambda a, b: int(a == b), "!=": lambda a, b: int(a != b), "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b), "<=": lambda a, b: int(a <= b), ">=": lambda a, b: int(a >= b),
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
}  # fmt: skip


def arithmetic(text: str, variables: Mapping[str, str]) -> int:
    """The value of an expression, as 32 bits hold it. Raises ShellSyntaxError."""
    tokens, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ShellSyntaxError(f"{text.strip()}: unexpected '{text[at:].strip()[:1]}'")
        tokens.append(match[1])
        at = match.end()
    parser = _Parser(tokens, variables)
    value = parser.binary(0, 0) if tokens else 0
    if parser.at < len(tokens):
        raise ShellSyntaxError(f"{text.strip()}: unexpected '{tokens[parser.at]}'")
    return value


class _Parser:
    def __init__(self, tokens: list[str], variables: Mapping[str, str]) -> None:
        self.tokens = tokens
        self.variables = variables
        self.at = 0

    def binary(self, level: int, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise ShellSyntaxError("expression nested too deeply")
        if level == len(_LEVELS):
            return self._unary(depth)
        value = self.binary(level + 1, depth)
        while self.at < len(self.tokens) and self.tokens[self.at] in _LEVELS[level]:
            operator = self.tokens[self.at]
            self.at += 1
            value = _apply(operator, value, self.binary(level + 1, depth))
        return value

    def _unary(self, depth: int) -> int:
        if self.at >= len(self.tokens):
            raise ShellSyntaxError("unexpected end of expression")
        token = self.tokens[self.at]
        self.at += 1
        if token in ("-", "+", "!"):
            value = self._unary(depth)
            return {"-": -value, "+": value, "!": int(not value)}[token]
        if token == "(":
            value = self.binary(0, depth + 1)
            if self.tokens[self.at : self.at + 1] != [")"]:
                raise ShellSyntaxError("missing )")
            self.at += 1
            return value
        return self._number(token)

    def _number(self, token: str) -> int:
        if not token[0].isdigit():
            token = self.variables.get(token, "") or "0"
        try:
            return _wrapped(int(token, 16 if token.lower().startswith("0x") else 10))
        except ValueError as error:
            raise ShellSyntaxError(f"{token}: bad number") from error


def _apply(operator: str, one: int, other: int) -> int:
    if operator in "/%":
        if other == 0:
            raise ShellSyntaxError("division by zero")
        quotient = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
        return _wrapped(quotient if operator == "/" else one - quotient * other)
    return _wrapped(_APPLY[operator](one, other))


def _wrapped(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)
