"""Files made by the real JaCoCo agent, and ours read by JaCoCo's own tools.

The golden files were made by the real tools (make_golden.py); where a JDK and Debian's
libjacoco-java are installed, the same is asked of files made now.
"""

import random
import socket
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.coverage import ClassProbes, ProbeSet
from jamel.coverage.jacoco import HEADER, class_id, read_exec, write_exec
from jamel.coverage.jacoco_remote import (
    DumpRequest,
    RequestReader,
    encode_request,
    read_answer,
)
from jamel.errors import CoverageError

sys.path.insert(0, str(Path(__file__).parent.parent))

from jacoco_tools import JacocoTools, missing
from make_golden import OUR_SESSION, OURS

GOLDEN = Path(__file__).parent / "golden"
FILES = ("file", "appended", "merged", "first", "second")
needs_jacoco = pytest.mark.skipif(bool(missing()), reason=missing() or "installed")


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> JacocoTools:
    return JacocoTools(tmp_path_factory.mktemp("jacoco"))


@pytest.fixture(scope="module")
def fresh(tools: JacocoTools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden files, made again."""
    from make_golden import make, pack_classes

    folder = tmp_path_factory.mktemp("fresh")
    make(folder, tools)
    pack_classes(tools.classes, folder / "classes.zip")
    pack_classes(tools.instrumented(folder), folder / "instrumented.jar")
    return folder


@pytest.fixture(params=["golden", pytest.param("fresh", marks=needs_jacoco)])
def made(request: pytest.FixtureRequest) -> Path:
    """A folder of files that the real agent and tools made."""
    return GOLDEN if request.param == "golden" else request.getfixturevalue("fresh")


def told(text: str) -> dict[int, ClassProbes]:
    """The classes in what Tool.java printed."""
    rows = (line.split("\t") for line in text.splitlines())
    return {
        int(row[1], 16): ClassProbes(row[2], len(row[3]), int(row[3][::-1] or "0", 2))
        for row in rows
        if row[0] == "class"
    }


def classes_of(made: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(made / "classes.zip") as packed:
        return {name.removesuffix(".class"): packed.read(name) for name in packed.namelist()}


@pytest.mark.parametrize("name", FILES)
def test_the_agents_files_are_read_probe_for_probe(made: Path, name: str) -> None:
    probes = read_exec((made / f"{name}.exec").read_bytes())
    expected = told((made / f"{name}.txt").read_text(encoding="utf-8"))
    assert len(expected) >= 3 and probes.classes == expected
    assert probes.count() == sum(item.bits.bit_count() for item in expected.values())


def test_class_ids_are_those_of_the_class_files(made: Path) -> None:
    files = classes_of(made)
    listed = read_exec((made / "merged.exec").read_bytes()).classes
    absent = {"golden/Program", "golden/Untaken$Out"}
    assert {item.name: key for key, item in listed.items()} == {
        name: class_id(data) for name, data in files.items() if name not in absent
    }
    # Nine is compiled for Java 9, which JaCoCo hashes as Java 8.
    assert files["golden/Nine"][7] == 53 and files["golden/Program"][7] == 52


def test_unusual_classes_are_all_there(made: Path) -> None:
    by_name = {c.name: c for c in read_exec((made / "merged.exec").read_bytes()).classes.values()}
    assert {"golden/Größe日本", "golden/𐐀", "golden/Nine$Shape"} <= by_name.keys()
    assert by_name["golden/Many"].size > 300
    # Entered, but no probe reached: JaCoCo leaves the class out of its files.
    assert "golden/Untaken$Out" not in by_name


def test_several_sessions_in_one_file_are_merged(made: Path) -> None:
    one = read_exec((made / "file.exec").read_bytes())
    both = read_exec((made / "appended.exec").read_bytes())
    assert (made / "appended.exec").read_bytes().count(HEADER) == 2
    assert both.union(one) == both and both.difference(one).count() > 5
    parts = [(made / f"{name}.exec").read_bytes() for name in ("file", "first", "second")]
    union = ProbeSet()
    for part in parts:
        union = union.union(read_exec(part))
    assert union == read_exec(b"".join(parts)) == read_exec((made / "merged.exec").read_bytes())


def test_an_agents_answers_are_read(made: Path) -> None:
    def answer(name: str) -> ProbeSet:
        return read_answer(BytesIO((made / f"{name}.wire").read_bytes()))

    assert answer("first") == read_exec((made / "first.exec").read_bytes())
    # `first.exec` was dumped with a reset, so `second.wire` has the second part alone.
    assert answer("second").count() > 5
    assert answer("nothing").count() == answer("reset").count() == 0


@needs_jacoco
def test_a_real_agent_is_asked(tools: JacocoTools) -> None:
    def ask(port: int, request: DumpRequest) -> ProbeSet:
        with socket.create_connection(("127.0.0.1", port), 10) as conn:
            conn.sendall(encode_request(request))
            with conn.makefile("rb") as answer:
                return read_answer(answer)

    golden = read_exec((GOLDEN / "first.exec").read_bytes())
    with tools.serve("first", "live") as running:
        assert ask(running.port, DumpRequest()) == golden
        assert ask(running.port, DumpRequest(reset=True)) == golden
        assert ask(running.port, DumpRequest()).count() == 0
        running.say("second")
        assert ask(running.port, DumpRequest(dump=False, reset=True)).count() == 0
        assert ask(running.port, DumpRequest()).count() == 0


def test_every_cut_of_an_answer_is_an_error() -> None:
    data = (GOLDEN / "second.wire").read_bytes()
    for end in range(len(data)):
        with pytest.raises(CoverageError):
            read_answer(BytesIO(data[:end]))


def test_requests_of_jacocos_client_are_understood() -> None:
    both = encode_request(DumpRequest(True, True))
    assert both == bytes.fromhex("01c0c01007 40 01 01")
    reader = RequestReader(BytesIO(both + b"\x40\x00\x01" + b"\x40\x01\x00"))
    assert [reader.next() for _ in range(4)] == [
        DumpRequest(True, True), DumpRequest(False, True), DumpRequest(True, False), None,
    ]  # fmt: skip
    for wrong in (b"\x40\x01\x01", HEADER + b"\x40\x01", HEADER + b"\x11", b"GET / HTTP/1.1"):
        with pytest.raises(CoverageError):
            RequestReader(BytesIO(wrong)).next()


# -- our files in JaCoCo's hands ---------------------------------------------------------------

LONG = {6: ClassProbes("a/Long", 20_000, (1 << 20_000) - 1), 7: ClassProbes("a/L", 16_385, 1)}
UNUSUAL = OURS.union(ProbeSet(LONG))


def test_what_jacoco_read_in_ours_is_what_we_wrote(made: Path) -> None:
    assert (made / "ours.exec").read_bytes() == write_exec(OURS, OUR_SESSION)
    said = (made / "ours.txt").read_text(encoding="utf-8")
    assert said.startswith(f"session\t{OUR_SESSION}\n") and told(said) == OURS.classes


def random_probes(seed: int) -> ProbeSet:
    rng = random.Random(seed)
    sizes = [rng.choice([1, 7, 8, 9, 127, 128, 129, rng.randrange(1, 3000)]) for _ in range(8)]
    return ProbeSet(
        {
            rng.getrandbits(64): ClassProbes(f"p{seed}/C{i}", size, rng.getrandbits(size))
            for i, size in enumerate(sizes)
        }
    )


@needs_jacoco
@pytest.mark.parametrize("probes", [UNUSUAL, ProbeSet(), *map(random_probes, range(3))])
def test_our_files_are_read_by_jacoco(tools: JacocoTools, tmp_path: Path, probes: ProbeSet) -> None:
    file = tmp_path / "ours.exec"
    file.write_bytes(write_exec(probes, OUR_SESSION))
    said = tools.tool("info", file)
    assert told(said) == probes.classes


@needs_jacoco
def test_jacoco_merges_ours_with_its_own(tools: JacocoTools, tmp_path: Path) -> None:
    theirs = read_exec((GOLDEN / "file.exec").read_bytes())
    second = read_exec((GOLDEN / "second.exec").read_bytes())
    ours, merged = tmp_path / "ours.exec", tmp_path / "merged.exec"
    union = second.union(UNUSUAL)
    ours.write_bytes(write_exec(union))
    tools.tool("merge", merged, GOLDEN / "file.exec", ours)
    expected = theirs.union(union)
    assert told(tools.tool("info", merged)) == read_exec(merged.read_bytes()).classes
    # JaCoCo drops what has no probe executed as it writes.
    assert read_exec(merged.read_bytes()).classes == {
        key: item for key, item in expected.classes.items() if item.bits
    }


def mutations(data: bytes, count: int) -> list[bytes]:
    """Files with bytes changed, cut, doubled or put in, by a fixed seed."""
    rng = random.Random(0)
    changes: list[Callable[[bytearray, int], None]] = [
        lambda b, i: b.__setitem__(i, rng.randrange(256)),
        lambda b, i: b.__setitem__(i, b[i] ^ 1 << rng.randrange(8)),
        lambda b, i: b.__delitem__(slice(i, i + rng.randrange(1, 9))),
        lambda b, i: b.__setitem__(slice(i, i), b[: rng.randrange(1, 30)]),
        lambda b, i: b.__delitem__(slice(i, None)),
    ]
    out = []
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(rng.randrange(1, 3)):
            if changed:
                rng.choice(changes)(changed, rng.randrange(len(changed)))
        out.append(bytes(changed))
    return out


def reads(data: bytes) -> bool:
    try:
        read_exec(data)
    except CoverageError:
        return False
    return True


@needs_jacoco
def test_what_jacoco_refuses_we_refuse(tools: JacocoTools, tmp_path: Path) -> None:
    small = ProbeSet({5: ClassProbes("größe/𐐀", 9, 3), 6: ClassProbes("b", 200, 1 << 199)})
    damaged = mutations(write_exec(small, "s") + write_exec(small), 399)
    # A character of four bytes, which is UTF-8 and no modified UTF-8.
    four = ProbeSet({5: ClassProbes("abcd", 9, 3)})
    damaged.append(write_exec(four).replace(b"abcd", "𐐀".encode()))
    for number, data in enumerate(damaged):
        (tmp_path / f"{number:03}").write_bytes(data)
    said = tools.tool("check", *sorted(tmp_path.iterdir())).split()
    assert len(said) == 400 and 50 < said.count("bad") < 390 and said[-1] == "bad"
    accepted = [i for i, data in enumerate(damaged) if said[i] == "bad" and reads(data)]
    assert accepted == []


def test_damaged_golden_files_raise_nothing_else() -> None:
    data = (GOLDEN / "appended.exec").read_bytes()
    results = [reads(damaged) for damaged in mutations(data, 1000)]
    assert 0 < sum(results) < 1000


@settings(max_examples=100)
@given(st.integers(0, 1 << 30), st.booleans())
def test_answers_and_files_hold_the_same(seed: int, header_again: bool) -> None:
    probes = random_probes(seed)
    file = write_exec(probes)
    answer = HEADER + file.removeprefix(b"" if header_again else HEADER) + b"\x20"
    assert read_answer(BytesIO(answer)) == read_exec(file) == probes
