"""What a dataset holds, and which builds it has met, from shards as they lie on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from jamel.builds import met, new_builds
from jamel.dataset_card import card, card_rows
from jamel.episodes import session_header, write_session
from tests.test_validate import session, store


def test_a_card_counts_labelled_sessions_by_round_and_agent(tmp_path: Path) -> None:
    store(tmp_path, session(0))
    store(tmp_path, session(1, covered=(0, 0, 4)))
    store(tmp_path, replace(session(2), agent="planner", session_id="train-002-planner-s0"))
    write_session(session(3), tmp_path / "sessions" / "round-0")
    rows = card_rows(tmp_path / "sessions", tmp_path / "labels")
    assert {row["agent"]: row["sessions"] for row in rows} == {"random": 2, "planner": 1}
    assert rows[-1] | {"agent": "random"} == rows[-1]
    assert (rows[-1]["apps"], rows[-1]["steps"], rows[-1]["new_probes"]) == (2, 7, 9)
    assert rows[-1]["rewarded"] == 42.9, "three of seven steps"
    text = card("abc.dir", "dataset/1", rows)
    assert text.startswith("# Dataset abc.dir")
    assert "3 sessions, 11 steps" in text
    assert "| round-0 | planner | 1 | 1 | 4 | 50.0 | 5 |" in text


def test_an_empty_dataset_has_a_card(tmp_path: Path) -> None:
    assert "0 sessions" in card("abc.dir", "t", card_rows(tmp_path, tmp_path))


def test_only_a_further_build_of_a_known_app_is_a_change(tmp_path: Path) -> None:
    known = session(0)
    earlier = [write_session(known, tmp_path / "a"), write_session(session(1), tmp_path / "a")]
    fresh = [
        write_session(known, tmp_path / "b"),
        write_session(replace(session(1), build="next"), tmp_path / "b"),
        write_session(session(2), tmp_path / "b"),
    ]
    assert new_builds(earlier, fresh) == [("train/1", "next")]
    assert new_builds([], fresh) == []


def test_a_damaged_shard_has_no_header(tmp_path: Path) -> None:
    path = write_session(session(0), tmp_path)
    assert session_header(path)["build"] == "train0000"
    path.write_bytes(path.read_bytes()[:-20])
    assert session_header(path) == {}
    assert met([path, tmp_path / "missing.parquet"]) == {}
