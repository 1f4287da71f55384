"""The corpus's own statistics: counted right, and near those of real dumps."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from jamel.corpus import corpus, describe
from jamel.dumps import REAL, count, measures
from jamel.suites import suite_apps
from jamel.types import Element
from jamel.virtual_device.apps.looks import TOOLKITS, look_of

SIZE = (100, 200)


def element(
    parent: int, clickable: bool = False, text: str = "", rid: str = "",
    box: tuple[int, int, int, int] = (0, 0, 9, 9), cls: str = "a.B",
) -> Element:  # fmt: skip
    flags = (False, False, False, False, True, False, False, False)
    return Element(cls, text, rid, "", box, clickable, *flags, parent)


def test_labels_ids_and_ambiguity_are_counted() -> None:
    screen = (
        element(-1), element(0, True, "Go"), element(0, True, "Go"), element(0, True, rid="p:id/x"),
        element(3, text="inside"), element(0, True),
    )  # fmt: skip
    found = count(screen, SIZE)
    wanted = {
        "elements": 6, "depth": 3, "clickable": 4, "own text": 2, "label below": 1, "no label": 1,
        "with id": 1, "ambiguous": 2, "texts": 3, "characters": 10, "ids of 3 letters": 1,
        "ids of the app": 0, "overlapping pairs": 6, "nested clickables": 0, "landscape": False,
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted


def test_groups_nesting_and_odd_bounds_are_counted() -> None:
    whole = element(-1, True, box=(0, 0, 100, 200))
    rows = [element(0, True, f"é{n}", box=(0, 20 * n, 100, 20 * n + 10)) for n in range(5)]
    stray = element(1, box=(0, 0, 50, 30))
    found = count((whole, *rows, stray), SIZE)
    assert (found["groups of 4"], found["group size"], found["whole"]) == (1, [5], 1)
    assert (found["nested clickables"], found["overlapping pairs"]) == (5, 0)
    assert found["child larger"] and not found["dialog"] and found["texts with non-ASCII"] == 5
    assert count((element(-1, box=(5, 50, 95, 150)),), SIZE)["dialog"]


def test_a_field_that_was_typed_in_says_no_hint() -> None:
    edit = "android.widget.EditText"
    texts = ("Name", "hello", "", "••••")
    screen = [element(-1), *(element(0, True, text, cls=edit) for text in texts)]
    found = count(screen, SIZE)
    assert (found["edit texts"], found["edit text hints"]) == (4, 1)


def test_measures_are_quantiles_and_shares_of_screens() -> None:
    screens = [count([element(-1)] * n, SIZE) for n in range(1, 11)]
    taken = measures()
    assert taken["elements p50"](screens) == 6 and taken["elements p90"](screens) == 10
    assert taken["none clickable"](screens) == 1 and taken["with edit text"](screens) == 0
    assert set(taken) == {name for real in REAL.values() for name in real}


def test_without_noise_a_state_always_looks_the_same() -> None:
    visits, exactly, by_shape = zip(*describe("valid/3", 200)["revisits"].values(), strict=True)
    assert min(visits) > 20 and exactly[0] == visits[0] and by_shape[0] == visits[0]
    shares = [same / all_ for same, all_ in zip(exactly, visits, strict=True)]
    assert shares[0] == 1 > shares[1] > shares[2]


def test_looks_are_drawn_in_their_shares() -> None:
    drawn = [look_of(number / 1000) for number in range(1000)]
    for name, look in TOOLKITS.items():
        assert abs(drawn.count(name) / 1000 - look.share) < 0.002


@pytest.mark.parametrize("suite", ["train", "valid", "test", "test-new"])
def test_every_suite_has_each_look_and_lying_displays_in_their_shares(suite: str) -> None:
    specs = suite_apps(suite)
    looks = Counter(spec.look for spec in specs)
    for name, look in TOOLKITS.items():
        assert abs(looks[name] / len(specs) - look.share) < 0.05, name
    lying = sum(width > height for width, height in (spec.size_px for spec in specs))
    assert abs(lying / len(specs) - 0.16) < 0.06


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["look"], row["measure"]): row for row in corpus("valid", 100, workers=1)}


NEAR = {
    "elements p50": 1.3, "elements p90": 1.3, "depth p50": 1.2, "depth p90": 1.35,
    "clickable p50": 1.4, "clickable p90": 1.35, "fewer than 3 clickable": 1.5,
    "clickable of 90 % of the screen": 1.5, "clickable height p50": 1.3,
    "with long-clickable": 1.4, "with scrollable": 1.4, "with edit text": 1.3,
    "with focused": 1.4, "with selected": 1.4, "texts p50": 1.35, "texts p90": 1.3,
    "characters p50": 1.3, "characters p90": 1.35, "texts with non-ASCII": 1.25,
    "with nested clickables": 1.35, "with overlapping pairs": 1.5, "with groups of 4": 1.25,
    "edit text says its hint": 1.4, "ids of the app": 1.25, "ids of 3 letters": 1.35,
    "dialogs or sheets": 1.6, "landscape": 1.6, "with id": 1.25, "ambiguous": 1.35,
}  # fmt: skip
"""How many times as much or as little as in real dumps is near enough, by measure."""


@pytest.mark.parametrize("measure", NEAR)
def test_the_corpus_is_near_real_dumps(rows: dict, measure: str) -> None:
    row = rows["all", measure]
    assert 1 / NEAR[measure] <= row["ratio"] <= NEAR[measure], row
    assert row["low"] <= row["here"] <= row["high"], row


@pytest.mark.parametrize(
    ("look", "where"),
    [("native", "description"), ("compose", "label below"), ("flutter", "description"),
     ("react", "description")],
)  # fmt: skip
def test_labels_stand_where_the_toolkit_has_them(rows: dict, look: str, where: str) -> None:
    assert rows[look, where]["here"] == pytest.approx(rows[look, where]["real"], abs=0.12)


def test_an_exact_match_fails_often_on_real_noise_and_nearly_always_on_heavy(rows: dict) -> None:
    matched = {noise: rows["all", f"revisit matched exactly, noise {noise}"]["here"]
               for noise in ("none", "real", "heavy")}  # fmt: skip
    assert matched["none"] == 1 and 0.2 < matched["real"] < 0.6 and matched["heavy"] < 0.1
    structure = [rows["all", f"revisit matched by classes and ids, noise {noise}"]["here"]
                 for noise in ("none", "real", "heavy")]  # fmt: skip
    assert structure[0] == 1 > structure[1] > 0.85 > structure[2]
