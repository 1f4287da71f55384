"""`$NAME` and `${…}` of the device's shell: values, defaults, lengths, and what patterns cut off.

Knows no commands: names are looked up by a function.
"""

from __future__ import annotations

import fnmatch
import re
from typing import NamedTuple, Protocol

from jamel.virtual_device.shell_syntax import ShellSyntaxError

MAX_CUT = 4096
_NAME = r"[A-Za-z_]\w*|\d|[?$!#@*-]"
_REFERENCE = re.compile(rf"\$(?:({_NAME})|\{{(#?)((?:{_NAME})?\d*)((?:[^{{}}]|\{{[^}}]*\}})*)\}})")
_DEFAULT = re.compile(r"(:?)([-=+?])(.*)", re.DOTALL)
_CUT = re.compile(r"(%%?|##?)(.*)", re.DOTALL)
_SLICE = re.compile(r":\s*(\d+)(?::(\d+))?")
_REPLACE = re.compile(r"(//?)((?:\\.|[^/])*)(?:/(.*))?", re.DOTALL)


class Names(Protocol):
    """Where names have values."""

    def lookup(self, name: str) -> str | None:
        """A variable's or parameter's value, None where it is unset."""

    def assign(self, name: str, value: str) -> None:
        """Set a variable."""


class _Reference(NamedTuple):
    name: str
    value: str | None
    rest: str


def expand(text: str, names: Names) -> str:
    """The text with every reference replaced. Raises ShellSyntaxError for a form that is none."""

    def one(match: re.Match[str]) -> str:
        if match[1]:
            return names.lookup(match[1]) or ""
        if match[2] and not match[3] and not match[4]:
            return names.lookup("#") or ""
        value = names.lookup(match[3]) if match[3] else None
        if match[2]:
            return str(len(value or ""))
        return _modified(_Reference(match[3], value, match[4]), names, match[0])

    return _REFERENCE.sub(one, text)


def _modified(reference: _Reference, names: Names, whole: str) -> str:
    _, value, rest = reference
    if not rest and reference.name:
        return value or ""
    if reference.name and (found := _DEFAULT.fullmatch(rest)):
        return _or_default(reference, found, names)
    if reference.name and (found := _CUT.fullmatch(rest)):
        return _cut(value or "", found[1], expand(found[2], names))
    if reference.name and (found := _SLICE.fullmatch(rest)):
        start = int(found[1])
        return (value or "")[start : start + int(found[2]) if found[2] else None]
    if reference.name and (found := _REPLACE.fullmatch(rest)):
        pattern = _regex(expand(found[2], names))
        new = expand(found[3] or "", names)
        return re.sub(pattern, lambda _: new, value or "", count=0 if found[1] == "//" else 1)
    raise ShellSyntaxError(f"{whole}: bad substitution")


def _or_default(reference: _Reference, found: re.Match[str], names: Names) -> str:
    name, value, _ = reference
    missing = value is None or (bool(found[1]) and not value)
    if found[2] == "+":
        return "" if missing else expand(found[3], names)
    if not missing:
        return value or ""
    word = expand(found[3], names)
    if found[2] == "=":
        names.assign(name, word)
    elif found[2] == "?":
        raise ShellSyntaxError(f"{name}: {word or 'parameter null or not set'}")
    return word


def _cut(value: str, operator: str, pattern: str) -> str:
    """What is left of a value without the part at its start or end that a pattern matches."""
    if len(value) > MAX_CUT:
        raise ShellSyntaxError(f"a value of more than {MAX_CUT} characters is not cut")
    places = range(len(value) + 1)
    if operator.startswith("#"):
        ends = [at for at in places if fnmatch.fnmatchcase(value[:at], pattern)]
        return value[(max if operator == "##" else min)(ends) :] if ends else value
    starts = [at for at in places if fnmatch.fnmatchcase(value[at:], pattern)]
    return value[: (min if operator == "%%" else max)(starts)] if starts else value


def _regex(pattern: str) -> str:
    """A file pattern as a regular expression that may match anywhere."""
    return fnmatch.translate(pattern).removeprefix("(?s:").removesuffix(r")\Z")
