"""Sources are kept once, found by class id, and give the counts of what was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jamel.coverage import ClassProbes, ProbeSet
from jamel.errors import CoverageError

pytest.importorskip("tree_sitter_javascript")

from jamel.coverage.sources import counts_of, keep_source
from jamel.coverage.v8 import Script

SOURCE = "function f(x) { if (x) { return 1; } return 2; }\nf(0);\n"


def probes(source: str, bits: int) -> ProbeSet:
    script = Script("/f.js", source)
    return ProbeSet({script.class_id: ClassProbes("/f.js", len(script), bits)})


@given(st.text(max_size=200) | st.just(SOURCE), st.data())
def test_counts_are_those_of_the_script(
    tmp_path_factory: pytest.TempPathFactory, source: str, data: st.DataObject
) -> None:
    script = Script("/f.js", source)
    bits = data.draw(st.integers(0, 2 ** len(script) - 1))
    folder = tmp_path_factory.mktemp("sources")
    keep_source(folder, source)
    assert counts_of(probes(source, bits), folder) == (script.counts(bits), script.known())


def test_a_source_is_written_once_under_its_digest(tmp_path: Path) -> None:
    path = keep_source(tmp_path, SOURCE)
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert keep_source(tmp_path, SOURCE) == path
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert path.name == f"{Script('/f.js', SOURCE).digest.hex()}.js"


def test_what_is_missing_or_differs_is_said(tmp_path: Path) -> None:
    with pytest.raises(CoverageError, match=r"source of /f.js"):
        counts_of(probes(SOURCE, 1), tmp_path)
    path = keep_source(tmp_path, SOURCE)
    other = ProbeSet({Script("/f.js", SOURCE).class_id: ClassProbes("/f.js", 99, 1)})
    with pytest.raises(CoverageError, match="99 blocks"):
        counts_of(other, tmp_path)
    path.write_text("let other = 1;")
    with pytest.raises(CoverageError, match="other content"):
        counts_of(probes(SOURCE, 1), tmp_path)
