"""V8's reports → blocks. `v8/blocks.json` is what Node 20 reported of `v8/blocks.js`
(`NODE_V8_COVERAGE=DIR node blocks.js`)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jamel.coverage import ClassProbes, ProbeSet
from jamel.coverage.blocks import read_blocks, write_blocks
from jamel.coverage.jacoco import write_exec
from jamel.coverage.raw import read_coverage
from jamel.errors import CoverageError

pytest.importorskip("tree_sitter_javascript")

from jamel.coverage.v8 import Script

FOLDER = Path(__file__).parent / "v8"
SOURCE = (FOLDER / "blocks.js").read_text(encoding="utf-8")
REPORT = json.loads((FOLDER / "blocks.json").read_text(encoding="utf-8"))


def units(text: str) -> list[int]:
    """UTF-16 units before each character, and at the end."""
    found = [0]
    for character in text:
        found.append(found[-1] + 1 + (ord(character) > 0xFFFF))
    return found


def reported(offset: int) -> bool:
    """Whether V8 says that the code at an offset ran: by the innermost range around it."""
    ranges = [r for function in REPORT for r in function["ranges"]]
    around = [r for r in ranges if r["startOffset"] <= offset < r["endOffset"]]
    return min(around, key=lambda r: r["endOffset"] - r["startOffset"])["count"] > 0


def test_every_block_has_the_verdict_that_v8_gives_its_code() -> None:
    script = Script("/blocks.js", SOURCE)
    ran = script.executed(REPORT)
    assert [bool(found) for found in ran[1:]] == [reported(int(at)) for at in script.starts[1:]]
    assert ran[0] and not all(ran)


def test_every_range_that_v8_tells_apart_is_a_block() -> None:
    """Else code could be reached without a reward."""
    script = Script("/blocks.js", SOURCE)
    ranges = [r for function in REPORT for r in function["ranges"]]
    for found in ranges:
        start, end = found["startOffset"], found["endOffset"]
        inner = [r for r in ranges if start <= r["startOffset"] and r["endOffset"] <= end]
        inner = [r for r in inner if (r["startOffset"], r["endOffset"]) != (start, end)]
        own = [
            at for at in script.starts.tolist()[1:]
            if start <= at < end and not any(r["startOffset"] <= at < r["endOffset"] for r in inner)
        ]  # fmt: skip
        text = SOURCE[start:end]
        assert own or text == SOURCE or text.startswith("class"), text


def test_reports_add_up_and_leave_out_what_did_not_run_since() -> None:
    source = "function f(x) { if (x) { return 1; } return 2; }\nf(0);\nf(1);\n"
    script = Script("/f.js", source)
    script_ran = {"ranges": [{"startOffset": 0, "endOffset": len(source), "count": 1}]}
    first = {"ranges": [{"startOffset": 0, "endOffset": 48, "count": 1},
                        {"startOffset": 23, "endOffset": 36, "count": 0}]}  # fmt: skip
    second = {"ranges": [{"startOffset": 0, "endOffset": 48, "count": 1},
                         {"startOffset": 36, "endOffset": 47, "count": 0}]}  # fmt: skip
    names = ["", "function", "arm", "rest"]
    ran = [
        dict(zip(names, script.executed(parts).tolist(), strict=True))
        for parts in ([script_ran, first], [second])
    ]
    assert ran[0] == {"": True, "function": True, "arm": False, "rest": True}
    assert ran[1] == {"": False, "function": True, "arm": True, "rest": False}
    assert not script.executed([]).any()


def test_the_papers_count_is_lines_branches_statements_and_functions() -> None:
    source = "let a = 1;\nif (a) {\n  a = 2;\n} else {\n  a = 3;\n}\nfunction f() { return a; }\n"
    script = Script("/f.js", source)
    known = script.known()
    assert (known.lines, known.branches, known.functions) == (5, 2, 2)
    assert known.statements == 6 and known.total == 15
    only_script = script.counts(1)
    assert (only_script.lines, only_script.branches, only_script.functions) == (3, 0, 1)


@given(st.text(max_size=300) | st.sampled_from([SOURCE[:n] for n in range(0, len(SOURCE), 37)]))
def test_any_text_is_cut_into_blocks_that_nest(source: str) -> None:
    script = Script("/any.js", source)
    starts, ends = script.starts.tolist(), script.ends.tolist()
    assert starts == sorted(set(starts)) and starts[0] == 0
    assert all(
        start <= end <= units(source)[-1] for start, end in zip(starts[1:], ends[1:], strict=True)
    )
    assert script.known().functions >= 1


bitmaps = st.dictionaries(
    st.integers(0, 2**64 - 1),
    st.tuples(st.text(max_size=20), st.integers(1, 200)).flatmap(
        lambda pair: st.integers(1, 2 ** pair[1] - 1).map(lambda bits: ClassProbes(*pair, bits))
    ),
    max_size=5,
)


@given(bitmaps)
def test_blocks_are_read_as_they_were_written(classes: dict[int, ClassProbes]) -> None:
    probes = ProbeSet(classes)
    data = write_blocks(probes)
    assert read_blocks(data) == probes == read_coverage(data)
    assert write_blocks(read_blocks(data)) == data


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"{}", b'{"format":"jamel-v8-blocks","version":2,"scripts":[]}',
        b'{"format":"jamel-v8-blocks","version":1,"scripts":[["0","a",1,"3"]]}',
        b'{"format":"jamel-v8-blocks","version":1,"scripts":[["0","a",1]]}',
        b'{"format":"jamel-v8-blocks","version":1,"scripts":[["0","a",-1,"0"]]}', b"\xff\xfe",
    ],
)  # fmt: skip
def test_what_is_no_file_of_blocks_is_an_error(data: bytes) -> None:
    with pytest.raises(CoverageError):
        read_blocks(data)


def test_a_jacoco_file_is_told_from_blocks() -> None:
    probes = ProbeSet({1: ClassProbes("a/B", 3, 5)})
    assert read_coverage(write_exec(probes)) == probes
