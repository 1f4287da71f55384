"""`if`, `case`, `while`, `until` and `for` of the device's shell, over one statement's tokens.

Knows nothing of commands: whoever calls runs the lists it is handed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from jamel.virtual_device.shell_syntax import Incomplete, ShellSyntaxError, Token

ENDS = {"if": "fi", "while": "done", "until": "done", "for": "done", "case": "esac"}
MAX_TURNS = 10_000
_BETWEEN = {"then", "elif", "else", "do"}
_LEADERS = _BETWEEN | set(ENDS) - {"for", "case"}

RunList = Callable[[list[Token]], int]
"""Runs a list of commands and returns the exit code of the last."""


def keyword(tokens: list[Token], at: int) -> str:
    """The reserved word at a place where a command could stand, "" if there is none."""
    word = plain(tokens[at]) if at < len(tokens) else ""
    if word not in ENDS and word not in _BETWEEN and word not in ENDS.values():
        return ""
    if at == 0 or tokens[at - 1].kind == "operator":
        return word
    return word if plain(tokens[at - 1]) in _LEADERS and keyword(tokens, at - 1) else ""


def end_of(tokens: list[Token], start: int) -> int:
    """The place after the statement that begins at `start`. Raises ShellSyntaxError."""
    for at, depth in _depths(tokens, start):
        if depth == 0:
            return at + 1
    word = plain(tokens[start])
    raise Incomplete(f"syntax error: '{word}' needs '{ENDS[word]}'")


def run_statement(
    tokens: list[Token],
    run: RunList,
    assign: Callable[[str, list[Token], int], bool],
    matches: Callable[[Token, Token], bool],
) -> int:
    """Run one whole statement and return its exit code.

    Args:
        tokens: the statement, from its first word to its last.
        run: runs the commands between two reserved words.
        assign: for `for`: sets the variable to the word of that number; False if there is none.
        matches: for `case`: whether a word matches a pattern.
    """
    if plain(tokens[0]) == "case":
        return _run_case(tokens, run, matches)
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


def _run_case(tokens: list[Token], run: RunList, matches: Callable[[Token, Token], bool]) -> int:
    """`case WORD in`, then `PATTERN | PATTERN) LIST ;;` as often as there are, then `esac`."""
    body = tokens[2:-1]
    while body and _is(body[0], "\n"):
        body.pop(0)
    if len(tokens) < 4 or not body or plain(body.pop(0)) != "in":
        raise ShellSyntaxError("syntax error: 'case' needs a word and 'in'")
    at = 0
    while at < len(body):
        if _is(body[at], "\n", ";", "("):
            at += 1
            continue
        closing = next((n for n in range(at, len(body)) if _is(body[n], ")")), -1)
        if closing < 0:
            raise ShellSyntaxError("syntax error: a pattern needs ')'")
        patterns = [token for token in body[at:closing] if not _is(token, "|")]
        end = _end_of_list(body, closing + 1)
        if any(matches(tokens[1], pattern) for pattern in patterns):
            return run(body[closing + 1 : end]) if end > closing + 1 else 0
        at = end + 1
    return 0


def _end_of_list(tokens: list[Token], at: int) -> int:
    """The place of the `;;` that ends the list at `at`, or the end."""
    while at < len(tokens) and not _is(tokens[at], ";;"):
        at = end_of(tokens, at) if keyword(tokens, at) in ENDS else at + 1
    return at


def _is(token: Token, *operators: str) -> bool:
    return token.kind == "operator" and token.text in operators


def _loop(head: list[Token]) -> tuple[str, list[Token]]:
    """`NAME in WORDS` → the name and the words."""
    head = [token for token in head if token.kind != "operator"]
    if len(head) < 2 or plain(head[1]) != "in":
        raise ShellSyntaxError("syntax error: 'for' needs a name and 'in'")
    return plain(head[0]), head[2:]


def _sections(tokens: list[Token]) -> Iterator[tuple[str, list[Token]]]:
    begin = 0
    for at, depth in _depths(tokens, 0):
        inner = depth == 1 and at > 0 and keyword(tokens, at) in _BETWEEN
        if inner or depth == 0:
            yield plain(tokens[begin]), tokens[begin + 1 : at]
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


def plain(token: Token) -> str:
    """An unquoted word's text, "" for anything else."""
    if token.kind != "word" or len(token.parts) != 1 or token.parts[0][2]:
        return ""
    return token.parts[0][0]
