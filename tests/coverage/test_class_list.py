"""Class lists: made from classes that the real JaCoCo instrumented, written, and read back."""

import io
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from jamel.cli import app
from jamel.coverage.class_files import ListedClass, instrumented_classes, listed_class
from jamel.coverage.class_list import parse_class_list, read_class_list, write_class_list
from jamel.coverage.jacoco import class_id, read_exec
from jamel.errors import CoverageError

sys.path.insert(0, str(Path(__file__).parent.parent))

from jacoco_tools import JacocoTools, missing

GOLDEN = Path(__file__).parent / "golden"
JAR = GOLDEN / "instrumented.jar"


def check(jar: Path, plain: Path, ran: Path) -> None:
    """Every class that was executed is listed with its probes, and every other with its id."""
    listed = list(instrumented_classes([jar]))
    executed = read_exec(ran.read_bytes()).classes
    found = {item.identifier: (item.name, item.probes) for item in listed}
    assert {key: (item.name, item.size) for key, item in executed.items()}.items() <= found.items()
    with zipfile.ZipFile(plain) as classes:
        ids = {class_id(classes.read(name)): name for name in classes.namelist()}
    nested = [item for item in listed if item.identifier not in ids]
    assert len(ids.keys() & found.keys()) == len(ids) > len(executed)
    # Nine for Java 11 reaches its probes another way, and has others.
    assert {item.name for item in nested} == {"golden/Nine", "golden/Nine$Shape"}
    assert next(item.probes for item in listed if item.name == "golden/Many") > 300


def test_golden_classes_are_listed_probe_for_probe() -> None:
    check(JAR, GOLDEN / "classes.zip", GOLDEN / "merged.exec")


@pytest.mark.skipif(bool(missing()), reason=missing() or "installed")
def test_classes_instrumented_now_are_listed_alike(tmp_path: Path) -> None:
    made = JacocoTools(tmp_path).instrumented(tmp_path)
    assert set(instrumented_classes([made])) == set(instrumented_classes([JAR]))


def test_a_list_is_written_by_name_and_read_back(tmp_path: Path) -> None:
    one, other = ListedClass((1 << 64) - 1, "a/Größe", 9), ListedClass(5, "b/B", 0)
    path = tmp_path / "lists" / "coverage.classes"
    assert write_class_list(path, "1.4.2", [other, one, other]) == [one, other]
    assert path.read_text() == "1.4.2\n18446744073709551615\ta/Größe\t9\n5\tb/B\t0\n"
    assert read_class_list(path) == ("1.4.2", {(1 << 64) - 1: 9, 5: 0})


def test_what_is_no_list_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CoverageError, match="jamel device classes"):
        read_class_list(tmp_path / "absent")
    (tmp_path / "empty").touch()
    with pytest.raises(CoverageError, match="found 0 classes of no build"):
        read_class_list(tmp_path / "empty")
    with pytest.raises(CoverageError, match="enableAndroidTestCoverage"):
        write_class_list(tmp_path / "list", "1", instrumented_classes([GOLDEN / "classes.zip"]))
    with pytest.raises(CoverageError, match="no such file or folder"):
        list(instrumented_classes([tmp_path / "nowhere"]))
    (tmp_path / "cut.jar").write_bytes(JAR.read_bytes()[:200])
    with pytest.raises(CoverageError, match=r"archive of classes in cut\.jar"):
        list(instrumented_classes([tmp_path]))
    for name in (" ", "1\n7\ta/A\t9"):
        with pytest.raises(CoverageError, match="name for the build"):
            write_class_list(tmp_path / "list", name, [ListedClass(1, "a/A", 3)])
    with pytest.raises(CoverageError, match="the ids 1 and 2"):
        write_class_list(tmp_path / "list", "1", [ListedClass(i, "a/A", 3) for i in (1, 2)])


def test_the_command_looks_into_folders_and_archives_in_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(JAR) as jar:
        names = [name for name in jar.namelist() if not name.startswith("eleven")]
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w") as packed:
            packed.writestr(names[0], jar.read(names[0]))
        for name in names[1:]:
            (tmp_path / "build" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "build" / name).write_bytes(jar.read(name))
    with zipfile.ZipFile(tmp_path / "build" / "library.aar", "w") as outer:
        outer.writestr("classes.jar", inner.getvalue())
    out = tmp_path / "coverage.classes"
    words = ["device", "classes", str(tmp_path / "build"), "--build", "7", "--out", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert len(read_class_list(out).sizes) == len(names) and read_class_list(out).build == "7"


@settings(max_examples=200)
@given(st.data())
def test_damaged_class_files_raise_nothing(data: st.DataObject) -> None:
    with zipfile.ZipFile(JAR) as jar:
        name = data.draw(st.sampled_from(sorted(jar.namelist())))
        whole = bytearray(jar.read(name))
    assert listed_class(bytes(whole)) is not None
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    listed_class(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


@given(st.text(), st.lists(st.tuples(st.integers(0, (1 << 64) - 1), st.integers(0, 9_999_999))))
def test_any_text_is_parsed(build: str, classes: list[tuple[int, int]]) -> None:
    text = "\n".join([build.replace("\n", ""), *(f"{key}\tx\t{n}" for key, n in classes), build])
    assert parse_class_list(text).sizes.items() >= dict(classes).items()
