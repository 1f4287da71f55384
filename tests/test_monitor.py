"""A champion that reaches less than in its first round is told from one that does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jamel.collect import collect
from jamel.config import CollectConfig, Config
from jamel.coverage.raw import read_coverage
from jamel.episodes import read_session, write_session
from jamel.errors import DatasetError, EvaluationError
from jamel.layout import Layout
from jamel.model.configuration import JamelConfig
from jamel.model.modeling import JamelModel
from jamel.monitor import CALIBRATION, REWARDED, look_at, monitor, own_rounds
from jamel.statistics import independent_difference
from jamel.types import Session

SECTION = CollectConfig(apps=3, agents=("random",), on_policy_share=1.0, steps=12, workers=1)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "jamel" / "round-0"
    JamelModel(JamelConfig(width=32, heads=2, hash_buckets=256)).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def project(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Two rounds that the model explored, after one that it did not."""
    layout = Layout.at(tmp_path_factory.mktemp("monitored"))
    for index in range(3):
        arm, model = ("jamel", model_dir) if index else (None, None)
        folder = layout.sessions / f"round-{index}"
        collect(Config(collect=SECTION), folder, round_index=index, arm=arm, model_dir=model)
    (layout.sessions / "no-memory-round-1").mkdir()
    return layout


def test_rounds_are_the_champions_own(project: Layout, model_dir: Path) -> None:
    rounds = project.session_rounds("jamel")
    assert list(rounds) == ["round-0", "round-1", "round-2"]
    assert list(project.session_rounds("no-memory")) == ["no-memory-round-1"]
    own = own_rounds(rounds, model_dir)
    assert {name: len(shards) for name, shards in own.items()} == {"round-1": 3, "round-2": 3}


def test_what_the_model_says_of_a_recorded_session_is_what_it_said(
    project: Layout, model_dir: Path
) -> None:
    session = read_session(project.session_rounds("jamel")["round-1"][0])
    seen = look_at(session, model_dir)
    assert len(seen.figures) == len(seen.came) == 12
    assert ((seen.figures >= 0) & (seen.figures <= 1)).all()
    assert seen.rewarded == pytest.approx(100 * seen.came.mean())
    assert seen.screen["elements"] > 1


def test_a_champion_that_reaches_nothing_any_more_fell(
    project: Layout, model_dir: Path, tmp_path: Path
) -> None:
    rounds = own_rounds(project.session_rounds("jamel"), model_dir)
    same = monitor(model_dir, {"a": rounds["round-1"], "b": rounds["round-1"]}, resamples=200)
    assert (same["unit"], same["sessions"], same["fell"]) == ("app", [3, 3], [])
    assert all(row["then"] == row["now"] for row in same["measures"])

    worse = [write_session(stuck(path), tmp_path) for path in rounds["round-2"]]
    found = monitor(model_dir, {"a": rounds["round-1"], "b": worse}, resamples=200)
    rows = {row["measure"]: row for row in found["measures"]}
    assert min(look_at(read_session(path), model_dir).rewarded for path in rounds["round-1"]) > 0
    assert rows[REWARDED]["now"] == 0 and rows[REWARDED]["high"] < 0
    assert REWARDED in found["fell"]
    assert rows[CALIBRATION]["now"] != rows[CALIBRATION]["then"]


def stuck(path: Path) -> Session:
    """The session as it would be had no step reached new code."""
    session = read_session(path)
    raw = {session.start_probes: session.coverage[session.start_probes]}
    still = [
        replace(step, probes=session.start_probes, covered=start_count(session))
        for step in session.transitions()
    ]
    episode = replace(session.episodes[0], transitions=tuple(still))
    return replace(session, episodes=(episode,), coverage=raw)


def start_count(session: Session) -> int:
    return read_coverage(session.coverage[session.start_probes]).count()


def test_one_round_is_nothing_to_compare(project: Layout, model_dir: Path) -> None:
    with pytest.raises(DatasetError, match="found 1"):
        monitor(model_dir, {"a": project.session_rounds("jamel")["round-1"]})


def test_the_interval_of_independent_samples_is_that_of_their_difference() -> None:
    found = independent_difference([3.0, 5.0], [1.0, 1.0], resamples=500)
    assert (found.then, found.now, found.difference) == (1.0, 4.0, 3.0)
    assert (found.low, found.high) == (2.0, 4.0)
    with pytest.raises(EvaluationError):
        independent_difference([], [1.0])
