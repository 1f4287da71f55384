"""A comparison as a page, as Markdown and as tables: it says what the data says, and escapes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from jamel.comparison import markdown, render, sections, verdict

HOSTILE = '<script>alert("x")</script>|'


def comparison(low: float = 0.5, **more: Any) -> dict[str, Any]:
    pair = {"suite": "test", "budget": 120, "metric": "coverage", "mine": 44.0, "theirs": 42.0}
    pair |= {"difference": 2.0, "low": low, "high": 3.0, "wins": 2, "ties": 0, "losses": 1}
    curve = {name: [1.0, 2.0] for name in ("mean", "low", "high")}
    found: dict[str, Any] = {
        "first": "3",
        "second": "champion",
        "metric": "coverage",
        "paired": [pair | {"apps": 3}],
        "apps": [
            {"suite": "test", "app": f"test/{n}", "budget": 120, "mine": 1.0, "theirs": 2.0}
            | {"difference": -1.0}
            for n in range(30)
        ],
        "costs": [{"name": "tokens", "first": 48.0, "second": 24.0}],
        "curves": {"first": curve, "second": curve},
        "figures": [{"name": "auc", "first": None, "second": None}],
        "config": [{"name": "train.lr", "first": "0.1", "second": "0.2"}],
        "origin": [{"name": "run_id", "first": "a", "second": "b"}],
        "code": {
            "commits": [{"in": "first", "commit": "abc", "subject": "Better"}],
            "files": [{"file": "a.py", "added": 3, "removed": None}],
        },
        "packages": [{"name": "numpy", "first": "2", "second": None}],
        "dataset": {
            **{"in_both": 5, "only_first": ["round-1/a"], "only_second": [], "changed": []},
            **{"apps_only_first": ["train/9"], "apps_only_second": []},
        },
        "apps_left_out": [],
        "notes": ["nothing to note"],
    }
    return found | more


def test_the_tables_say_what_differs() -> None:
    tables = {title: rows for title, rows, _ in sections(comparison())}
    (paired,) = tables["Paired differences over apps, with 95 % intervals"]
    assert paired["difference"] == "+2.00 [+0.50, +3.00]"
    assert (paired["version 3"], paired["champion"], paired["apps won/tied/lost"]) == (
        *("44.00", "42.00"),
        "2/0/1",
    )
    assert tables["Cost of a decision"][0]["ratio"] == "2.00"
    assert tables["Commits"] == [{"only in": "version 3", "commit": "abc", "subject": "Better"}]
    assert tables["Changed files"][0]["lines added"] == "+3"
    assert tables["Packages"] == [{"name": "numpy", "version 3": "2", "champion": ""}]
    assert {"what": "sessions only in version 3", "number": "1", "which": "round-1/a"} in tables[
        "Dataset"
    ]
    assert tables["Figures of each one's own evaluation"] == []
    assert len(tables["coverage by app"]) == 30


def test_long_tables_are_cut_for_a_terminal_and_say_so() -> None:
    tables = {title: rows for title, rows, _ in sections(comparison(), 12)}
    assert len(tables["coverage by app, 12 of 30"]) == 12


@pytest.mark.parametrize(("low", "word"), [(0.5, "has more"), (-0.5, "has neither more nor less")])
def test_the_verdict_is_read_from_the_interval(low: float, word: str) -> None:
    assert f"version 3 {word} coverage@120 than champion on test" in verdict(comparison(low))
    assert "share no evaluated app" in verdict(comparison(paired=[]))


def test_the_page_is_self_contained_and_escapes() -> None:
    text = render(comparison(first=HOSTILE, notes=[HOSTILE]))
    assert "<script" not in text and "&lt;script&gt;" in text
    assert text.count('src="data:image/png;base64,') == 1
    assert not re.search(r"https?://|@import", text)
    assert text.count("<table") == text.count('<div class="scroll">') == 9
    assert "test/29" in text
    assert "<img" not in render(comparison(curves={}))


def test_markdown_has_the_tables_and_no_html() -> None:
    text = markdown(comparison(first=HOSTILE, notes=[HOSTILE]))
    assert "<script" not in text
    assert "| numpy | 2 |  |" in text
    assert "\\|" in text, "a name does not end its cell"


def test_two_of_one_name_keep_apart() -> None:
    tables = {title: rows for title, rows, _ in sections(comparison(second="3"))}
    assert tables["Packages"] == [
        {"name": "numpy", "version 3 (first)": "2", "version 3 (second)": ""}
    ]
