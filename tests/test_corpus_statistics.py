"""The corpus's own statistics: counted right, and near those of real dumps."""

from __future__ import annotations

from jamel.corpus import corpus, count, describe
from jamel.types import Element
from jamel.virtual_device.apps.looks import TOOLKITS, look_of


def element(parent: int, clickable: bool = False, text: str = "", rid: str = "") -> Element:
    flags = (False, False, False, False, True, False, False, False)
    return Element("a.B", text, rid, "", (0, 0, 9, 9), clickable, *flags, parent)


def test_labels_ids_and_ambiguity_are_counted() -> None:
    screen = (
        element(-1), element(0, True, "Go"), element(0, True, "Go"), element(0, True, rid="p:id/x"),
        element(3, text="inside"), element(0, True),
    )  # fmt: skip
    assert count(screen) == {
        "elements": 6, "depth": 3, "clickable": 4, "own text": 2, "label below": 1, "no label": 1,
        "with id": 1, "ambiguous": 2,
    }  # fmt: skip


def test_without_noise_a_state_always_looks_the_same() -> None:
    revisits = describe("valid/3", 150)["revisits"]
    shares = [changed / visits for visits, changed in revisits.values()]
    assert shares[0] == 0 < shares[1] < shares[2]


def test_looks_are_drawn_in_their_shares() -> None:
    drawn = [look_of(number / 1000) for number in range(1000)]
    for name, look in TOOLKITS.items():
        assert abs(drawn.count(name) / 1000 - look.share) < 0.002


def test_screens_are_about_as_full_as_real_ones() -> None:
    rows = {(row["look"], row["measure"]): row for row in corpus("valid", 60, workers=1)}
    elements = rows["all", "elements p50"]
    assert 0.7 * 52 < elements["here"] < 1.4 * 52 and elements["apps"] == 32
    for share in ("with id", "ambiguous", "few clickables"):
        row = rows["all", share]
        assert abs(row["here"] - row["published"]) < 0.15, row
        assert row["low"] <= row["here"] <= row["high"], row
