"""`if`, `while`, `until` and `for` of the device's shell, over the tokens of one such statement.

Knows nothing of commands: whoever calls runs the lists it is handed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from jamel.virtual_device.shell_syntax import ShellSyntaxError, Token

ENDS = {"if": "fi", "while": "done", "until": "done", "for": "done"}
MAX_TURNS = 10_000
_BETWEEN = {"then", "elif", "else", "do"}
_LEADERS = _BETWEEN | set(ENDS) - {"for"}

RunList = Callable[[list[Token]], int]
"""Runs a list of commands and returns the exit code of the last."""


def keyword(tokens: list[Token], at: int) -> str:
    """The reserved word at a place where a command could stand, "" if there is none."""
    word = _plain(tokens[at]) if at < len(tokens) else ""
    if word not in ENDS and word not in _BETWEEN and word not in ENDS.values():
        return ""
    if at == 0 or tokens[at - 1].kind == "operator":
        return word
    return word if _plain(tokens[at - 1]) in _LEADERS and keyword(tokens, at - 1) else ""


def end_of(tokens: list[Token], start: int) -> int:
    """The place after the statement that begins at `start`. Raises ShellSyntaxError."""
    for at, depth in _depths(tokens, start):
        if depth == 0:
            return at + 1
    word = _plain(tokens[start])
    raise ShellSyntaxError(f"syntax error: '{word}' needs '{ENDS[word]}'")


def run_statement(
    tokens: list[Token], run: RunList, assign: Callable[[str, list[Token], int], bool]
) -> int:
    """Run one whole statement and return its exit code.

    Args:
        tokens: the statement, from its first word to its last.
        run: runs the commands between two reserved words.
        assign: for `for`: sets the variable to the word of that number; False if there is none.
    """
    sections = list(_sections(tokens))
    words = [word for word, _ in sections]
    first, head = sections[0]
    if first == "if":
        return _run_if(sections, run)
    if words != [first, "do"]:
        raise ShellSyntaxError(f"syntax error: '{first}' needs 'do'")
    code = 0
    for turn in range(MAX_TURNS):
        if first == "for":
            going = assign(*_loop(head), turn)
        else:
            going = (run(head) == 0) == (first == "while")
        if not going:
            return code
        code = run(sections[1][1])
    raise ShellSyntaxError(f"more than {MAX_TURNS} turns of a loop")


def _run_if(sections: list[tuple[str, list[Token]]], run: RunList) -> int:
    holds = False
    for (word, tokens), (following, _) in pairwise([*sections, ("fi", [])]):
        if word in ("if", "elif"):
            if following != "then":
                raise ShellSyntaxError(f"syntax error: '{word}' needs 'then'")
            holds = run(tokens) == 0
        elif word == "else" or holds:
            return run(tokens)
    return 0


def _loop(head: list[Token]) -> tuple[str, list[Token]]:
    """`NAME in WORDS` → the name and the words."""
    head = [token for token in head if token.kind != "operator"]
    if len(head) < 2 or _plain(head[1]) != "in":
        raise ShellSyntaxError("syntax error: 'for' needs a name and 'in'")
    return _plain(head[0]), head[2:]


def _sections(tokens: list[Token]) -> Iterator[tuple[str, list[Token]]]:
    begin = 0
    for at, depth in _depths(tokens, 0):
        inner = depth == 1 and at > 0 and keyword(tokens, at) in _BETWEEN
        if inner or depth == 0:
            yield _plain(tokens[begin]), tokens[begin + 1 : at]
            begin = at


def _depths(tokens: list[Token], start: int) -> Iterator[tuple[int, int]]:
    """Each place from `start` on, and how many statements are open after it."""
    depth = 0
    for at in range(start, len(tokens)):
        word = keyword(tokens, at)
        depth += (word in ENDS) - (word in ENDS.values())
        yield at, depth
        if depth == 0:
            return


def _plain(token: Token) -> str:
    """An unquoted word's text, "" for anything else."""
    if token.kind != "word" or len(token.parts) != 1 or token.parts[0][2]:
        return ""
    return token.parts[0][0]
