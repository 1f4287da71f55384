"""JaCoCo execution data: round trips, and every way a dump can be cut short or foreign."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.coverage import ClassProbes, ProbeSet
from jamel.coverage.jacoco import HEADER, class_id, probes_from_flags, read_exec, write_exec
from jamel.errors import CoverageError

NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@st.composite
def class_probes(draw: st.DrawFn) -> ClassProbes:
    size = draw(st.integers(0, 300))
    return ClassProbes(draw(NAMES), size, draw(st.integers(0, (1 << size) - 1)))


PROBE_SETS = st.dictionaries(st.integers(0, (1 << 64) - 1), class_probes(), max_size=6).map(
    ProbeSet
)
SMALL = ProbeSet({7: ClassProbes("a/B", 11, 0b101), 1 << 63: ClassProbes("c/Ø", 200, 1 << 199)})


@settings(max_examples=60)
@given(PROBE_SETS, NAMES)
def test_what_is_written_is_read(probes: ProbeSet, session_id: str) -> None:
    data = write_exec(probes, session_id)
    assert read_exec(data) == probes
    assert write_exec(read_exec(data), session_id) == data


def test_layout_is_jacocos() -> None:
    data = write_exec(ProbeSet({0x1122334455667788: ClassProbes("a/B", 9, 0b1_0000_0011)}), "s")
    assert data == bytes.fromhex(
        "01c0c01007 10 0001 73 0000000000000000 0000000000000000"
        "11 1122334455667788 0003 612f42 09 03 01"
    )


def test_a_count_over_127_takes_two_bytes() -> None:
    data = write_exec(ProbeSet({1: ClassProbes("a", 200, 0)}), "")
    assert data[-27:-25] == b"\xc8\x01"


def test_every_truncation_is_an_error_or_ends_at_a_block() -> None:
    data = write_exec(SMALL)
    session_end = len(write_exec(ProbeSet()))
    first = write_exec(ProbeSet({7: SMALL.classes[7]}))
    whole = {len(HEADER), session_end, len(first), len(data)}
    for end in range(len(data) + 1):
        if end in whole:
            read_exec(data[:end])
        else:
            with pytest.raises(CoverageError):
                read_exec(data[:end])


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_random_bytes_never_raise_anything_else(tail: bytes) -> None:
    for data in (tail, HEADER + tail, HEADER + b"\x11" + tail):
        with contextlib.suppress(CoverageError):
            read_exec(data)


def test_an_empty_file_is_an_error() -> None:
    with pytest.raises(CoverageError, match="empty"):
        read_exec(b"")


@pytest.mark.parametrize("head", ["01c0c01006", "01c0c11007", "02c0c01007", "10c0c01007"])
def test_another_version_or_magic_is_an_error(head: str) -> None:
    with pytest.raises(CoverageError):
        read_exec(bytes.fromhex(head))


def test_an_unknown_block_and_surplus_bits_are_errors() -> None:
    with pytest.raises(CoverageError, match="block type"):
        read_exec(HEADER + b"\x20")
    data = bytearray(write_exec(ProbeSet({7: ClassProbes("a", 3, 0b111)})))
    data[-1] = 0b1111
    with pytest.raises(CoverageError, match="beyond"):
        read_exec(bytes(data))


def test_appended_files_are_merged() -> None:
    one = ProbeSet({7: ClassProbes("a/B", 11, 0b001)})
    two = ProbeSet({7: ClassProbes("a/B", 11, 0b100), 8: ClassProbes("x", 1, 1)})
    assert read_exec(write_exec(one) + write_exec(two)) == one.union(two)


def test_two_builds_never_merge() -> None:
    one = write_exec(ProbeSet({7: ClassProbes("a/B", 11, 1)}))
    two = write_exec(ProbeSet({7: ClassProbes("a/B", 12, 1)}))
    with pytest.raises(CoverageError, match="different builds"):
        read_exec(one + two)


def test_class_id_is_crc64_and_hashes_java9_as_java8() -> None:
    assert class_id(b"") == 0
    # CRC-64/GO-ISO differs from JaCoCo's only in its initial value and final complement.
    assert class_id(b"\x01") == 0x01B0000000000000
    head = b"\xca\xfe\xba\xbe\x00\x00\x00"
    assert class_id(head + b"\x35rest") == class_id(head + b"\x34rest")
    assert class_id(head + b"\x35rest") != class_id(head + b"\x36rest")


def test_flags_become_probes() -> None:
    classes = [(5, "a", 3), (6, "b", 2), (9, "c", 9)]
    flags = bytes([1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    assert probes_from_flags(classes, flags) == ProbeSet(
        {5: ClassProbes("a", 3, 0b101), 9: ClassProbes("c", 9, 1 << 8)}
    )
    with pytest.raises(CoverageError, match="different builds"):
        probes_from_flags(classes, flags + b"\x00")
