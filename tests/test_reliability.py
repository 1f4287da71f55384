"""Reliability figures on cases that can be reckoned by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.calibration import Calibration, Exhausted, Line, Platt
from jamel.errors import EvaluationError
from jamel.plots import reliability_png
from jamel.reliability import exhausted_said, judged, novelty_said, reliability, worth_said
from jamel.scores import Run
from jamel.tables import reliability_table

BASE = Run("test", "test/0", "jamel", "v", 0, 5, (), (), (), (), (), 100)
RUN = dataclasses.replace(
    BASE,
    covered=(7, 7, 8, 8, 8),
    novelty=(0.5, 0.5, 0.5, 0.1, 0.1),
    worth=(3.0, 1.0, 1.0, 0.5, 0.0),
    features=((0.0,) * 4,) * 5,
)


def test_two_bins_by_hand() -> None:
    predicted = np.array([0.2] * 5 + [0.8] * 5)
    came = np.array([0.0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    found = reliability(predicted, came, ["a", "b"] * 5)
    assert [(item["came"], item["count"]) for item in found["bins"]] == [(0.2, 5), (1, 5)]
    assert [item["predicted"] for item in found["bins"]] == pytest.approx([0.2, 0.8])
    assert found["rate"] == 0.6 and found["count"] == 10
    assert found["ece"]["mean"] == pytest.approx(0.1)
    assert found["brier"]["mean"] == pytest.approx((4 * 0.04 + 0.64 + 5 * 0.04) / 10)


def test_sure_and_right_is_without_error_and_sure_and_wrong_is_all_error() -> None:
    predicted, apps = np.array([0.0, 1.0] * 10), ["a", "b", "c", "d"] * 5
    right, wrong = (reliability(predicted, came, apps) for came in (predicted, 1 - predicted))
    assert right["ece"] == right["brier"] == {"mean": 0, "low": 0, "high": 0}
    assert wrong["ece"] == wrong["brier"] == {"mean": 1, "low": 1, "high": 1}


def test_intervals_are_over_apps_and_not_over_decisions() -> None:
    predicted, came = np.full(400, 0.5), np.repeat([0.0, 1.0], 200)
    by_app = reliability(predicted, came, ["a"] * 200 + ["b"] * 200)
    spread = reliability(predicted, came, [f"{n}" for n in range(400)])
    assert (by_app["bins"][0]["low"], by_app["bins"][0]["high"]) == (0, 1)
    assert spread["bins"][0]["high"] - spread["bins"][0]["low"] < 0.12


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.sampled_from("abc")), min_size=1))
def test_bins_hold_every_decision_and_figures_stay_within_bounds(
    said: list[tuple[float, bool, str]],
) -> None:
    predicted, came, apps = zip(*said, strict=True)
    found = reliability(np.array(predicted), np.array(came, dtype=float), apps, 20)
    assert sum(item["count"] for item in found["bins"]) == len(said)
    for key in ("ece", "brier"):
        assert -1e-9 <= found[key]["low"] <= found[key]["high"] <= 1 + 1e-9
    assert all(0 <= item["low"] <= item["high"] <= 1 for item in found["bins"])


def test_what_came_is_read_from_the_coverage() -> None:
    assert novelty_said([RUN]).came.tolist() == [1, 0, 1, 0, 0]
    assert worth_said([RUN], 0.5, 2).came.tolist() == [2, 0.5, 1, 0]
    assert worth_said([RUN], 0.5, 1).came.tolist() == [2, 0, 1, 0, 0]
    assert exhausted_said([RUN], 2, 1).came.tolist() == [0, 0, 1]
    assert not len(exhausted_said([RUN], 5, 1).figures), "no step has five after it"
    assert novelty_said([RUN, BASE]).apps == ["test/0"] * 5, "one that gave no figures is left out"


def test_an_agents_figures_are_judged_before_and_after() -> None:
    runs = [dataclasses.replace(RUN, app=f"test/{number}") for number in range(3)]
    exhausted = Exhausted(
        window=2, fewer=1, mean=(0.0,) * 4, scale=(1.0,) * 4, weights=(0.0,) * 4, bias=0.0
    )
    halved = Calibration(
        weights="w", suite="valid", novelty=Platt(), worth=Line(slope=0.5), exhausted=exhausted
    )
    bare = judged(runs, None, 0.5, 2, 50)
    assert list(bare) == ["novelty", "worth"] and bare["worth"]["after"] is None
    found = judged(runs, halved, 0.5, 2, 50)
    assert list(found) == ["novelty", "worth", "exhausted"]
    assert found["worth"]["before"] == bare["worth"]["before"]
    assert found["worth"]["after"]["bins"][-1]["predicted"] == pytest.approx(1.5)
    assert found["exhausted"]["means"] == "fewer than 1 new probes in 2 steps"
    assert reliability_png(found) == reliability_png(found)
    assert reliability_png(bare).startswith(b"\x89PNG")
    table = reliability_table({"jamel": bare})
    assert [row["error after"] for row in table] == ["", ""]


def test_nothing_cannot_be_judged() -> None:
    with pytest.raises(EvaluationError, match="found none"):
        reliability(np.zeros(0), np.zeros(0), [])
