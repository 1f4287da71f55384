"""V8's precise block coverage → ProbeSet: which blocks of a script were executed.

V8 reports nested ranges of source with counts, and leaves out a block that ran as often as what it
is in; so what it names differs from report to report. The blocks that it can tell apart are
therefore found in the source itself: functions, the arms of branches, loop bodies, cases, handlers
and what follows a statement that can jump. A report then says of each whether it ran
(https://v8.dev/blog/javascript-code-coverage). Knows no browser.

Offsets are UTF-16 code units from the start of the script, as V8 counts them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tree_sitter_javascript
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from jamel.errors import CoverageError

MAX_SOURCE_BYTES = 16 << 20
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_JAVASCRIPT = Language(tree_sitter_javascript.language())
_FUNCTIONS = """
(function_declaration body: (_) @function)
(function_expression body: (_) @function)
(generator_function_declaration body: (_) @function)
(generator_function body: (_) @function)
(arrow_function body: (_) @function)
(method_definition body: (_) @function)
(class_static_block body: (_) @function)
"""
_ARMS = """
(if_statement consequence: (_) @arm)
(else_clause (_) @arm)
(ternary_expression consequence: (_) @arm alternative: (_) @arm)
(binary_expression operator: ["&&" "||" "??"] right: (_) @arm)
(augmented_assignment_expression operator: ["&&=" "||=" "??="] right: (_) @arm)
(for_statement body: (_) @arm)
(for_in_statement body: (_) @arm)
(while_statement body: (_) @arm)
(do_statement body: (_) @arm)
(switch_case . value: (_) . body: (_) @arm)
(switch_default . body: (_) @arm)
(catch_clause body: (_) @arm)
(finally_clause body: (_) @arm)
"""
_JUMPS = """
(return_statement) @jump
(throw_statement) @jump
(break_statement) @jump
(continue_statement) @jump
"""
_STATEMENTS = "(statement) @statement"
_BLOCKS = Query(_JAVASCRIPT, _FUNCTIONS + _ARMS + _JUMPS)
_STATEMENT = Query(_JAVASCRIPT, _STATEMENTS)
_CONTROL = {
    "if_statement", "for_statement", "for_in_statement", "while_statement", "do_statement",
    "switch_statement", "try_statement", "labeled_statement",
}  # fmt: skip
_FUNCTION_TYPES = {
    "function_declaration", "function_expression", "generator_function_declaration",
    "generator_function", "arrow_function", "method_definition", "class_static_block",
}  # fmt: skip


class Counts(NamedTuple):
    """The paper's count of a script: what there is or what was executed of each kind."""

    lines: int
    branches: int
    statements: int
    functions: int

    def plus(self, other: Counts) -> Counts:
        """Of both."""
        return Counts(*[mine + theirs for mine, theirs in zip(self, other, strict=True)])

    @property
    def total(self) -> int:
        """lines + branches + statements + functions (arXiv 2606.01528)."""
        return sum(self)


class Script:
    """One source with its blocks, in order of where they begin; block 0 is the script itself.

    `starts` and `ends` (B,) are the blocks' ranges, `is_function` (B,) says which are functions;
    the rest are branches. `size` is the source's, in bytes.
    """

    def __init__(self, url: str, source: str) -> None:
        encoded = as_bytes(source)
        if len(encoded) > MAX_SOURCE_BYTES:
            raise CoverageError(
                f"Expected a script of at most {MAX_SOURCE_BYTES} bytes, found {len(encoded)} in "
                f"{url}. Leave it out of the app's manifest."
            )
        self.url = url
        self.size = len(encoded)
        self.digest = hashlib.sha256(encoded).digest()
        self._utf16 = _utf16_offsets(encoded)
        tree = Parser(_JAVASCRIPT).parse(encoded)
        self.starts, self.ends, self.is_function = self._blocks(tree.root_node)
        self._root = tree.root_node

    @property
    def class_id(self) -> int:
        """The script's number in a `ProbeSet`: the first 64 bits of its digest."""
        return int.from_bytes(self.digest[:8], "big")

    def __len__(self) -> int:
        return len(self.starts)

    def executed(self, functions: Sequence[Mapping[str, Any]]) -> BoolArray:
        """(B,) which blocks ran, by the functions that V8 reported of this script.

        Functions that a report leaves out did not run since the last one. Of nested ranges the
        innermost holds, and V8 names outer ones first.
        """
        ranges = [found for function in functions for found in function["ranges"]]
        spans = [(found["startOffset"], found["endOffset"]) for found in ranges]
        places = np.searchsorted(self.starts, np.array(spans, np.int64).reshape(-1, 2)).tolist()
        ran, whole, end = np.zeros(len(self), np.bool_), False, int(self.ends[0])
        for found, (low, high) in zip(ranges, places, strict=True):
            executed = found["count"] > 0
            ran[low:high] = executed
            # What a script begins with can be a function, which is not the script.
            whole |= executed and found["startOffset"] == 0 and found["endOffset"] >= end
        ran[0] = whole
        return ran

    def counts(self, bits: int) -> Counts:
        """How many lines, branches, statements and functions the executed blocks come to."""
        ran = _flags(bits, len(self))
        statements, lines = self._statements
        functions, branches = self.is_function, ~self.is_function
        return Counts(
            int(ran[lines].sum()), int(ran[branches].sum()), int(ran[statements].sum()),
            int(ran[functions].sum()),
        )  # fmt: skip

    def known(self) -> Counts:
        """How many there are."""
        return self.counts((1 << len(self)) - 1)

    def _blocks(self, root: Node) -> tuple[IntArray, IntArray, BoolArray]:
        captures = QueryCursor(_BLOCKS).captures(root)
        found: dict[int, tuple[int, bool]] = {}
        for node in _continuations(captures.get("jump", [])):
            end = node.parent.end_byte if node.parent is not None else node.end_byte
            found[node.start_byte] = end, False
        for node in captures.get("arm", []):
            found[node.start_byte] = node.end_byte, False
        for node in captures.get("function", []):
            found[node.start_byte] = node.end_byte, True
        # The script runs as a function of its own; one that begins with a block still has both.
        first = found.pop(0, None)
        spans = [(0, root.end_byte, True)]
        spans += [(1, first[0], first[1])] if first else []
        spans += [(start, *rest) for start, rest in sorted(found.items())]
        starts, ends, kinds = zip(*spans, strict=True)
        return self._utf16[list(starts)], self._utf16[list(ends)], np.array(kinds, np.bool_)

    @cached_property
    def _statements(self) -> tuple[IntArray, IntArray]:
        """(S,) and (L,) the block of each statement, and of each line by its first statement."""
        nodes = QueryCursor(_STATEMENT).captures(self._root).get("statement", [])
        nodes = [node for node in nodes if node.type not in ("statement_block", "empty_statement")]
        nodes.sort(key=lambda node: node.start_byte)
        rows: dict[int, int] = {}
        for place, node in enumerate(nodes):
            rows.setdefault(node.start_point.row, place)
        starts = self._utf16[[node.start_byte for node in nodes]] if nodes else np.array([], int)
        inside = self._innermost(starts)
        return inside, inside[list(rows.values())]

    def _innermost(self, offsets: IntArray) -> IntArray:
        """The smallest block around each of the ascending offsets."""
        inside, open_blocks, following = [], [0], 1
        for offset in offsets.tolist():
            while following < len(self.starts) and self.starts[following] <= offset:
                open_blocks.append(following)
                following += 1
            # Continuations end with what they are in, so blocks nest.
            while len(open_blocks) > 1 and self.ends[open_blocks[-1]] <= offset:
                open_blocks.pop()
            inside.append(open_blocks[-1])
        return np.array(inside, np.int64)


def as_bytes(source: str) -> bytes:
    """A source as it is digested and kept; half a pair of UTF-16 is possible in JavaScript."""
    return source.encode("utf-8", "surrogatepass")


def digest_of_source(source: str) -> bytes:
    """A script's SHA-256, whose first 64 bits are its class id."""
    return hashlib.sha256(as_bytes(source)).digest()


def as_bits(ran: BoolArray) -> int:
    """Which blocks ran, (B,), as a bitmap: bit i for block i."""
    return int.from_bytes(np.packbits(ran, bitorder="little").tobytes(), "little")


def _flags(bits: int, size: int) -> BoolArray:
    packed = np.frombuffer(bits.to_bytes((size + 7) // 8, "little"), np.uint8)
    return np.unpackbits(packed, count=size, bitorder="little").astype(np.bool_)


def _continuations(jumps: Iterable[Node]) -> Iterable[Node]:
    """What follows the statements that hold a jump: it runs less often than what is before."""
    for jump in jumps:
        node: Node | None = jump
        while node is not None and node.type not in _FUNCTION_TYPES:
            following = node.next_named_sibling
            if node.type in _CONTROL and following is not None and following.type != "comment":
                yield following
            node = node.parent


def _utf16_offsets(encoded: bytes) -> IntArray:
    """(bytes + 1,) for each byte, how many UTF-16 units come before it."""
    values = np.frombuffer(encoded, np.uint8)
    units = ((values & 0xC0) != 0x80).astype(np.int64) + (values >= 0xF0)
    return np.concatenate([[0], np.cumsum(units)])
