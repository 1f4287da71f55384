"""A word's values: references and substitutions resolved, unquoted ones split, file names matched.

Knows the shell only by its variables, its files and how it runs a substitution.
"""

from __future__ import annotations

import fnmatch
import glob
from typing import TYPE_CHECKING

from jamel.virtual_device.shell_arithmetic import arithmetic
from jamel.virtual_device.shell_syntax import Token
from jamel.virtual_device.shell_variables import expand

if TYPE_CHECKING:
    from jamel.virtual_device.shell import Shell, Streams


def expanded(shell: Shell, token: Token, streams: Streams) -> list[str]:
    """A word's values, none or many. Raises ShellSyntaxError."""
    fields = [""]
    quoted_any = False
    for text, expandable, quoted in token.parts:
        quoted_any |= quoted
        value = text_of(shell, text, streams) if expandable else text
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


def pattern_of(shell: Shell, token: Token, streams: Streams) -> str:
    """A word as a pattern in which quoted characters stand for themselves."""
    parts = []
    for text, expandable, quoted in token.parts:
        value = text_of(shell, text, streams) if expandable else text
        parts.append(glob.escape(value) if quoted else value)
    return "".join(parts)


def text_of(shell: Shell, text: str, streams: Streams) -> str:
    """A text with its references, arithmetic or substitution resolved."""
    if "$" not in text and "`" not in text:
        return text
    if text.startswith("$((") and text.endswith("))"):
        return str(arithmetic(expand(text[3:-2], shell), shell.variables))
    if text.startswith("$(") and text.endswith(")"):
        return shell.substitute(text[2:-1], streams)
    if text.startswith("`") and text.endswith("`") and len(text) > 1:
        return shell.substitute(text[1:-1], streams)
    return expand(text, shell)


def _matching(shell: Shell, word: str) -> list[str]:
    """The files that a pattern in a path's last part names, or the word itself."""
    folder, _, pattern = word.rpartition("/")
    if not set("*?") & set(pattern):
        return [word]
    inside = folder or ("/" if word.startswith("/") else shell.cwd)
    names = shell.files.names(shell.files.resolve(inside, shell.cwd))
    hidden = pattern.startswith(".")
    found = [n for n in fnmatch.filter(names, pattern) if hidden or not n.startswith(".")]
    return [f"{folder}/{name}" if "/" in word else name for name in found] or [word]
