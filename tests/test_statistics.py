"""Intervals over apps and paired comparisons, on rows whose answers are known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from jamel.errors import EvaluationError
from jamel.statistics import (
    bootstrap_curves,
    bootstrap_mean,
    paired_difference,
    paired_rows,
    paired_runs,
    per_app,
    summarise,
)


def make_row(app: str, agent: str, seed: int, coverage: float, budget: int = 50) -> dict:
    return {
        "suite": "test",
        "app": app,
        "seed": seed,
        "agent": agent,
        "budget": budget,
        "reward": 10,
        "coverage": coverage,
        "auc": coverage / 2,
        "tokens_memory": 0,
        "tokens_screen": 20.0,
        "ms_per_decision": 0.5,
        "invalid": 0,
    }


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for trial in range(200):
        interval = bootstrap_mean(rng.normal(5, 2, size=40).tolist(), 400, seed=trial)
        hits += interval.low <= 5 <= interval.high
    assert 0.88 <= hits / 200 <= 0.99


def test_equal_values_have_an_interval_of_no_width():
    assert bootstrap_mean([3.0, 3.0, 3.0])[:3] == pytest.approx((3.0, 3.0, 3.0))


def test_the_same_seed_gives_the_same_interval():
    assert bootstrap_mean([1.0, 2.0, 9.0]) == bootstrap_mean([1.0, 2.0, 9.0])


def test_curves_have_one_interval_a_step():
    mean, low, high = bootstrap_curves(np.array([[0.0, 10.0], [0.0, 30.0]]))
    assert mean.tolist() == [0.0, 20.0]
    assert low.tolist() == [0.0, 10.0]
    assert high.tolist() == [0.0, 30.0]


def test_no_app_is_an_error_that_says_what_to_do():
    with pytest.raises(EvaluationError, match="Evaluate on a suite with apps"):
        bootstrap_mean([])


def test_paired_differences_count_wins_ties_and_losses():
    pair = paired_difference(
        {"a": 5.0, "b": 4.0, "c": 1.0, "d": 9.0}, {"a": 1.0, "b": 4.0, "c": 2.0, "d": 2.0}
    )
    assert (pair.wins, pair.ties, pair.losses) == (2, 1, 1)
    assert pair.difference == pytest.approx(2.5)
    assert pair.low <= pair.difference <= pair.high


def test_pairing_is_stronger_than_two_separate_means():
    rng = np.random.default_rng(0)
    base = {str(i): float(v) for i, v in enumerate(rng.normal(50, 20, size=30))}
    better = {app: value + 1 for app, value in base.items()}
    assert paired_difference(better, base).low == pytest.approx(1.0)


def test_different_apps_are_refused():
    with pytest.raises(EvaluationError, match="same apps"):
        paired_difference({"a": 1.0}, {"b": 1.0})


def test_seeds_of_one_app_are_averaged_before_resampling():
    rows = [make_row("x", "a", 0, 10.0), make_row("x", "a", 1, 30.0), make_row("y", "a", 0, 40.0)]
    assert per_app(rows, "coverage", "a", 50) == {"x": 20.0, "y": 40.0}
    (coverage,) = [item for item in summarise(rows) if item["metric"] == "coverage"]
    assert coverage["mean"] == pytest.approx(30.0)
    assert coverage["apps"] == 2


def test_pairs_are_written_in_both_directions():
    rows = [
        make_row(app, agent, 0, value)
        for app, agent, value in (
            ("x", "a", 1.0),
            ("y", "a", 2.0),
            ("x", "b", 3.0),
            ("y", "b", 5.0),
        )
    ]
    pairs = {
        (pair["agent"], pair["against"]): pair
        for pair in paired_rows(rows)
        if pair["metric"] == "coverage"
    }
    assert pairs["b", "a"]["difference"] == pytest.approx(2.5)
    assert pairs["a", "b"]["difference"] == pytest.approx(-2.5)
    assert (pairs["b", "a"]["wins"], pairs["b", "a"]["losses"]) == (2, 0)


def test_two_evaluations_are_paired_on_what_both_measured():
    mine = [make_row("a", "jamel", 0, 30.0), make_row("a", "jamel", 1, 50.0)]
    mine += [make_row("b", "jamel", 0, 10.0), make_row("c", "jamel", 0, 90.0)]
    theirs = [make_row("a", "jamel", 0, 20.0), make_row("a", "jamel", 1, 20.0)]
    theirs += [make_row("b", "jamel", 0, 30.0), make_row("b", "jamel", 0, 99.0, budget=120)]
    found = paired_runs(mine, theirs, resamples=50)
    coverage = next(item for item in found if item["metric"] == "coverage")
    assert {item["budget"] for item in found} == {50}
    assert (coverage["mine"], coverage["theirs"], coverage["difference"]) == (25.0, 25.0, 0.0)
    assert (coverage["wins"], coverage["losses"], coverage["apps"]) == (1, 1, 2)


def test_two_evaluations_without_a_common_app_have_no_pairs():
    one, other = [make_row("a", "jamel", 0, 1.0)], [make_row("b", "jamel", 0, 1.0)]
    assert paired_runs(one, other) == [] == paired_runs([], one)
