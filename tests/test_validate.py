"""Validation lets good data pass, sets broken shards aside, and never passes on nothing."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jamel import expectations
from jamel.coverage import ClassProbes, ProbeSet
from jamel.coverage.jacoco import write_exec
from jamel.envs.base import candidates
from jamel.episodes import coverage_digest, write_session
from jamel.errors import ValidationError
from jamel.shards import LABEL_KIND, LABEL_SCHEMA, write_table
from jamel.types import Action, ActionKind, Element, Episode, Observation, Session, Transition
from jamel.validate import ValidationResult, quarantine, require, validate

BUTTON = Element("Button", "Go", "go", "", (0, 0, 9, 9), *([True] * 9), -1)._replace(password=False)
SCREEN = Observation("app", ".Main", (BUTTON,), (1080, 1920))
COVERED = (2, 2, 5, 5)


def coverage(count: int) -> bytes:
    return write_exec(ProbeSet({7: ClassProbes("Main", 10, (1 << count) - 1)}))


def session(index: int, suite: str = "train", covered: tuple[int, ...] = COVERED) -> Session:
    steps = tuple(
        Transition(
            SCREEN,
            Action(ActionKind.TAP, 0),
            executed=True,
            invalid_reason="",
            probes=coverage_digest(coverage(count)),
            covered=count,
            duration_ms=0.0,
        )
        for count in covered
    )
    return Session(
        session_id=f"{suite}-{index:03d}-random-s0",
        suite=suite,
        app=f"{suite}/{index}",
        build=f"{suite}{index:04x}",
        agent="random",
        agent_version="1",
        seed=0,
        budget=len(covered),
        device="in-process",
        total_probes=10,
        episodes=(Episode(steps, terminated=False, truncated=True),),
        coverage={coverage_digest(coverage(count)): coverage(count) for count in covered},
    )


def label_columns(of: Session) -> dict[str, list[Any]]:
    counts = [step.covered for step in of.transitions()]
    gains = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
    width = len(candidates(SCREEN))
    return {
        "session_id": [of.session_id] * len(counts),
        "step": list(range(len(counts))),
        "reward": [int(gain > 0) for gain in gains],
        "new_probes": gains,
        "novelty_to_go": [0.5] * len(counts),
        "q": [[0.0] * width] * len(counts),
        "novel": [[False] * width] * len(counts),
    }


def store(root: Path, of: Session, **changed: list[Any]) -> Path:
    path = write_session(of, root / "sessions" / "round-0")
    table = pa.Table.from_pydict(label_columns(of) | changed, schema=LABEL_SCHEMA)
    write_table(table, root / "labels" / "round-0" / path.name, kind=LABEL_KIND)
    return path


def run(root: Path, quarantine_dir: Path | None = None) -> ValidationResult:
    return validate(root / "sessions", root / "labels", root / "out", quarantine_dir)


def good(root: Path, count: int = 3) -> None:
    for index in range(count):
        store(root, session(index))


def test_good_data_passes_with_docs_and_a_result_file(tmp_path: Path) -> None:
    good(tmp_path)
    result = run(tmp_path)
    require(result)
    assert (result.rows, result.sessions, result.quarantined) == (12, 3, {})
    assert result.evaluated == len(expectations._rules()) > 50
    assert Path(result.docs).read_text().count("labelled-steps") > 0
    for page in (tmp_path / "out" / "docs").rglob("*.html"):
        assert not re.search(r'(src|<link[^>]*href)="https?:', page.read_text()), page
    written = json.loads((tmp_path / "out" / "validation.json").read_text())
    assert written["passed"] is True and written["evaluated"] == result.evaluated


def test_falling_coverage_is_set_aside_and_the_rest_passes(tmp_path: Path) -> None:
    good(tmp_path)
    store(tmp_path, session(7, covered=(2, 5, 3, 5)))
    result = run(tmp_path, tmp_path / "quarantine")
    assert result.passed and result.sessions == 3
    assert len(result.quarantined) == 2
    reason = next(iter(result.quarantined.values()))
    assert "covered, previous_covered" in reason and "step 2" in reason
    moved = sorted(path.name for path in (tmp_path / "quarantine").rglob("*"))
    assert "train-007-random-s0.parquet" in moved and "train-007-random-s0.reason.txt" in moved
    assert run(tmp_path).quarantined == {}


@pytest.mark.parametrize(
    ("column", "values", "rule"),
    [
        ("reward", [1, 1, 1, 0], "reward, rewarded"),
        ("new_probes", [2, 0, 9, 0], "new_probes, gained"),
        ("q", [[0.0]] * 4, "q_count, to_label"),
        ("q", [[float("nan")] * 6] * 4, "q_finite"),
        ("novelty_to_go", [0.0, -1.0, 0.0, 0.0], "novelty_to_go"),
        ("step", [0, 1, 1, 2], "shard, step"),
    ],
)
def test_labels_that_disagree_with_the_session(
    tmp_path: Path, column: str, values: list[Any], rule: str
) -> None:
    good(tmp_path, 2)
    store(tmp_path, session(5), **{column: values})
    result = run(tmp_path)
    assert result.passed and len(result.quarantined) == 2
    assert all(rule in reason for reason in result.quarantined.values())


def test_a_cut_shard_and_a_cut_coverage_file_are_set_aside(tmp_path: Path) -> None:
    good(tmp_path)
    cut = store(tmp_path, session(8))
    cut.write_bytes(cut.read_bytes()[:-20])
    raw = coverage(5)[:-1]
    torn = session(9)
    steps = tuple(
        dataclasses.replace(step, probes=coverage_digest(raw)) for step in torn.transitions()
    )
    episodes = (Episode(steps, terminated=False, truncated=True),)
    store(
        tmp_path,
        dataclasses.replace(torn, episodes=episodes, coverage={coverage_digest(raw): raw}),
    )
    result = run(tmp_path)
    assert result.passed and result.sessions == 3
    assert "truncated" in result.quarantined[str(cut)]
    assert not [reason for reason in result.quarantined.values() if str(tmp_path) in reason]
    page = Path(result.docs).read_text()
    assert "Set aside" in page and "train-008-random-s0" in page and "truncated" in page
    assert len(result.quarantined) == 4


def test_an_app_in_two_splits_and_a_test_suite_are_refused(tmp_path: Path) -> None:
    good(tmp_path)
    store(tmp_path, session(6))
    store(tmp_path, dataclasses.replace(session(6, "valid"), build=session(6).build))
    store(tmp_path, session(0, "test"))
    result = run(tmp_path)
    names = {Path(path).stem for path in result.quarantined}
    expected = {"train-006-random-s0", "valid-006-random-s0", "test-000-random-s0"}
    assert names == expected and result.passed


def test_a_password_that_can_be_read_is_set_aside_where_the_app_is_real(tmp_path: Path) -> None:
    good(tmp_path)

    def typed(index: int, text: str, app: str) -> Session:
        field = BUTTON._replace(password=True, text=text)
        screen = SCREEN._replace(elements=(field,))
        whole = session(index)
        steps = tuple(dataclasses.replace(s, observation=screen) for s in whole.transitions())
        episodes = (Episode(steps, terminated=False, truncated=True),)
        return dataclasses.replace(whole, app=app, episodes=episodes)

    store(tmp_path, typed(5, "hunter2", "com.example"))
    store(tmp_path, typed(6, "•••••••", "com.example"))
    store(tmp_path, typed(7, "made up", "train/7"))
    result = run(tmp_path)
    assert {Path(path).stem for path in result.quarantined} == {"train-005-random-s0"}
    assert all("passwords" in reason for reason in result.quarantined.values())
    assert "hunter2" not in Path(result.docs).read_text()


def test_mostly_broken_data_fails_as_a_whole(tmp_path: Path) -> None:
    good(tmp_path, 1)
    for index in range(5, 8):
        store(tmp_path, session(index, covered=(5, 2)))
    result = run(tmp_path)
    assert not result.passed
    with pytest.raises(ValidationError, match="found 75% of 4"):
        require(result)


def test_nothing_left_does_not_pass(tmp_path: Path) -> None:
    store(tmp_path, session(0, covered=(5, 2)))
    result = run(tmp_path)
    assert not result.passed and result.rows == 0


def test_an_invalid_action_is_data_but_an_impossible_execution_is_not(tmp_path: Path) -> None:
    good(tmp_path)
    for index, executed in ((10, False), (11, True)):
        base = session(index)
        first = dataclasses.replace(
            base.transitions()[1],
            action=Action(ActionKind.TAP, 4),
            executed=executed,
            invalid_reason="" if executed else "no element 4 among 1",
        )
        steps = (base.transitions()[0], first, *base.transitions()[2:])
        store(tmp_path, dataclasses.replace(base, episodes=(Episode(steps, False, True),)))
    result = run(tmp_path)
    assert {Path(path).stem for path in result.quarantined} == {"train-011-random-s0"}


def test_an_app_of_unknown_size_is_data_where_nobody_made_it(tmp_path: Path) -> None:
    good(tmp_path, 1)
    real = {"total_probes": 0, "app": "com.example.app/0"}
    store(tmp_path, dataclasses.replace(session(10), **real))
    tried = [[], [0.5] * len(candidates(SCREEN)), [], []]
    novel = [[bool(value) for value in values] for values in tried]
    store(tmp_path, dataclasses.replace(session(11), **real), q=tried, novel=novel)
    store(tmp_path, dataclasses.replace(session(12), **real), q=tried)
    store(tmp_path, dataclasses.replace(session(13), total_probes=0))
    store(tmp_path, dataclasses.replace(session(14), total_probes=4))
    result = run(tmp_path)
    reasons = {Path(path).stem[6:9]: reason for path, reason in result.quarantined.items()}
    assert result.passed and result.unsized == ("com.example.app/0",)
    assert reasons.keys() == {"012", "013", "014"}
    assert "novel_count" in reasons["012"] and "sized" in reasons["013"]
    assert "uncovered" in reasons["014"]
    assert "com.example.app/0" in Path(result.docs).read_text()


def test_missing_sessions_and_labels_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="jamel collect"):
        run(tmp_path)
    store(tmp_path, session(0))
    with pytest.raises(ValidationError, match="jamel label"):
        validate(tmp_path / "sessions", [], tmp_path / "out")


def test_fewer_evaluated_than_expected_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good(tmp_path, 1)
    verdict = expectations._verdict
    monkeypatch.setattr(
        expectations, "_verdict", lambda result, count, docs: verdict(result, count + 1, docs)
    )
    with pytest.raises(ValidationError, match="would mean nothing"):
        run(tmp_path)


def test_a_session_and_its_labels_are_both_kept_aside_in_any_dataset(tmp_path: Path) -> None:
    """They have the same name, and in a profile's own dataset the same two folders above."""
    data = tmp_path / "data"
    shards = [data / kind / "web/round-0/one.parquet" for kind in ("sessions", "labels")]
    for path in shards:
        path.parent.mkdir(parents=True)
        path.write_text(str(path))
    moved = quarantine({str(path): "broken" for path in shards}, data / "quarantine")
    assert [path.read_text() for path in moved] == [str(path) for path in shards]
    shards[0].write_text("again")
    (elsewhere,) = quarantine({str(shards[0]): "broken"}, tmp_path / "out/of/the/project")
    assert elsewhere.is_relative_to(tmp_path / "out/of/the/project")
    assert elsewhere.parts[-4:] == ("sessions", "web", "round-0", "one.parquet")


def test_quarantine_can_be_repeated(tmp_path: Path) -> None:
    path = store(tmp_path, session(0))
    reasons = {str(path): "cut"}
    assert len(quarantine(reasons, tmp_path / "q")) == 1
    assert quarantine(reasons, tmp_path / "q") == []
    assert (tmp_path / "q/sessions/round-0/train-000-random-s0.reason.txt").read_text() == "cut\n"
