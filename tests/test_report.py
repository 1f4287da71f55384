"""The page says what the results say, escapes what is hostile and needs nothing from elsewhere."""

from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser

import pytest

from jamel.report import render, write_report
from jamel.scores import Run, collate

HOSTILE = '<script>alert("x")</script>/0'
VOID = {"meta", "img", "br", "link", "hr"}


def make_results(apps: tuple[str, ...] = ("test/0", "test/1", "test/2"), budget: int = 120) -> dict:
    ends = {"random": 30, "planner": 48, "no-memory": 40, "jamel": 70}
    base = Run("test", "", "", "v1", 0, 5, (), (True,) * budget, (1.5,) * budget, (), (), 100)
    runs = [
        dataclasses.replace(
            base,
            app=app,
            agent=agent,
            covered=tuple(5 + (end + index - 5) * step // budget for step in range(1, budget + 1)),
            tokens_memory=(32,) * budget,
            tokens_screen=(60,) * budget,
        )
        for index, app in enumerate(apps)
        for agent, end in ends.items()
    ]
    meta = {"suite": "test", "budget": budget, "seeds": [0], "commit": "abc123", "config": "d1"}
    meta |= {"dataset_md5": "f00d.dir", "machine": {"processor": "CPU", "cores": 2}}
    return collate(runs, 200, meta)


class Page(HTMLParser):
    """Collects headings, table cells by row, image sources and unbalanced tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("h1", "h2"):
            self.headings.append("")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings[-1] += data
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def row_of(page: Page, *first: str) -> list[str]:
    (found,) = [row for row in page.rows if tuple(row[: len(first)]) == first]
    return found


def test_headings_and_numbers_are_those_of_the_results():
    results = make_results()
    page = Page(render(results))
    assert page.open == []
    assert page.headings == [
        "Evaluation on test",
        "Coverage over steps",
        "Agents",
        "Paired differences of jamel",
        "Coverage@120 per app",
        "Lineage",
    ]
    titles = [re.sub(r"[^a-z@0-9/].*", "", cell) for cell in page.rows[0]]
    assert titles[1:5] == ["coverage@50", "coverage@120", "reward@50rewarded", "reward@120rewarded"]
    (cell,) = [
        item
        for item in results["summary"]
        if (item["agent"], item["budget"], item["metric"]) == ("jamel", 120, "coverage")
    ]
    expected = f"{cell['mean']:.1f} [{cell['low']:.1f}, {cell['high']:.1f}]"
    agents = [row for row in page.rows if len(row) == len(page.rows[0])]
    assert [row[0] for row in agents[1:]] == ["jamel", "planner", "no-memory", "random"]
    assert agents[1][2] == expected == "71.0 [70.0, 72.0]"
    assert "92.032 + 60" in agents[1]
    assert "1.50" in agents[1]


def test_pairs_say_who_won_how_often():
    page = Page(render(make_results()))
    paired = next(index for index, row in enumerate(page.rows) if row[0] == "against")
    assert page.rows[paired][1:3] == ["coverage@50", "coverage@120"]
    cells = {row[0]: row for row in page.rows[paired + 1 :] if len(row) == len(page.rows[paired])}
    assert cells["planner"][2] == "+22.0 [+22.0, +22.0]3 won, 0 tied, 0 lost"
    assert cells["no-memory"][1].endswith("3 won, 0 tied, 0 lost")


def test_the_verdict_is_read_from_the_intervals():
    text = render(make_results())
    assert "jamel covers more than no-memory in 120 steps: +30.0 points" in text


def test_every_app_has_a_row():
    page = Page(render(make_results()))
    assert row_of(page, "test/2") == ["test/2", "32.0", "50.0", "42.0", "72.0"]


def test_names_are_escaped():
    gate = {
        "promoted": False,
        "conditions": [{"name": HOSTILE, "passed": False, "found": HOSTILE, "required": "r"}],
    }
    text = render(make_results((HOSTILE, "test/1")), gate, {HOSTILE: HOSTILE})
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 5
    assert Page(text).open == []


def test_a_hostile_agent_name_is_escaped_and_drawn():
    renamed = "$\\frac<img src=x>$"
    results = make_results()
    for item in (*results["rows"], *results["summary"]):
        item["agent"] = renamed if item["agent"] == "random" else item["agent"]
    results["curves"][renamed] = results["curves"].pop("random")
    text = render(results)
    assert "<img src=x>" not in text
    assert renamed.replace("<", "&lt;").replace(">", "&gt;") in text


def test_the_page_is_self_contained_and_fits_a_phone():
    text = render(make_results())
    page = Page(text)
    assert len(page.links) == 1
    kind, data = page.links[0].split(",", 1)
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data).startswith(b"\x89PNG")
    assert not re.search(r"https?://|@import|<script", text)
    assert 'name="viewport"' in text
    assert text.count('<div class="scroll">') == text.count("<table")


@pytest.mark.parametrize(("promoted", "word"), [(True, "Promoted"), (False, "Refused")])
def test_the_gate_decision_lists_its_conditions(promoted, word):
    condition = {"name": "better than random", "passed": promoted, "found": "+4", "required": "> 0"}
    text = render(make_results(), {"promoted": promoted, "conditions": [condition]})
    assert f">{word}<" in text
    found = row_of(Page(text), "better than random")
    assert found[1:] == ["passed" if promoted else "failed", "+4", "> 0"]


def test_lineage_says_commit_dataset_and_what_is_given():
    text = render(make_results(), lineage={"model version": 7})
    for fact in ("abc123", "f00d.dir", "<dt>model version</dt><dd>7</dd>"):
        assert fact in text


def test_one_app_shows_no_interval():
    page = Page(render(make_results(("test/0",))))
    assert next(row for row in page.rows if row[0] == "jamel")[2] == "70.0"


def test_results_without_summary_or_curves_still_render(tmp_path):
    results = make_results()
    bare = {key: results[key] for key in ("meta", "rows", "paired")}
    path = write_report(bare, tmp_path / "deep" / "report.html")
    text = path.read_text(encoding="utf-8")
    assert "71.0 [70.0, 72.0]" in text and "<img" not in text
    assert [item.name for item in path.parent.iterdir()] == ["report.html"]
