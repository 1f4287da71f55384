"""Rows, curves and pairs from runs whose scores are known by hand."""

from __future__ import annotations

import dataclasses
import json

import pytest

from jamel.scores import Run, collate, curves, latencies, to_row

RUN = Run(
    suite="test",
    app="test/0",
    agent="random",
    version="1",
    seed=0,
    start=10,
    covered=(10, 12, 12, 20),
    executed=(True, True, False, True),
    ms=(1.0, 2.0, 3.0, 6.0),
    tokens_memory=(0, 1, 2, 3),
    tokens_screen=(10, 10, 20, 20),
    reachable=40,
)
META = {"suite": "test", "budget": 4}


def make_run(**changes: object) -> Run:
    return dataclasses.replace(RUN, **changes)  # type: ignore[arg-type]


def test_a_row_holds_what_the_session_came_to():
    assert to_row(RUN, 4, 40) == {
        "suite": "test",
        "app": "test/0",
        "seed": 0,
        "agent": "random",
        "budget": 4,
        "reward": 2,
        "coverage": 50.0,
        "auc": 33.75,
        "probes": 10,
        "coverage_new": None,
        "tokens_memory": 1.5,
        "tokens_screen": 15.0,
        "ms_per_decision": 3.0,
        "invalid": 1,
    }


def test_a_shorter_budget_reads_the_beginning_only():
    row = to_row(RUN, 2, 40)
    assert (row["reward"], row["coverage"], row["invalid"]) == (1, 30.0, 0)


def test_launching_the_app_earns_no_reward():
    assert to_row(make_run(covered=(10,)), 1, 40)["reward"] == 0
    assert to_row(make_run(covered=(11,)), 1, 40)["reward"] == 1


def test_a_session_that_ended_early_keeps_its_coverage():
    row = to_row(make_run(covered=(20,), executed=(True,)), 4, 40)
    assert (row["coverage"], row["auc"], row["reward"]) == (50.0, 50.0, 1)


def test_a_run_that_finds_more_than_the_oracle_raises_it_for_all():
    results = collate([RUN, make_run(agent="jamel", covered=(10, 20, 40, 80))], 50, META)
    coverage = {row["agent"]: row["coverage"] for row in results["rows"]}
    assert coverage == {"random": 25.0, "jamel": 100.0}
    assert results["meta"]["reachable"] == {"test/0": 80}
    assert results["meta"]["reachable_raised"] == ["test/0"]


@pytest.mark.parametrize(
    ("budget", "expected"), [(30, [30]), (50, [50]), (120, [50, 120]), (150, [50, 120, 150])]
)
def test_reported_budgets_are_those_the_run_reaches(budget, expected):
    results = collate([RUN], 50, {"suite": "test", "budget": budget})
    assert results["meta"]["budgets"] == expected
    assert [row["budget"] for row in results["rows"]] == expected


def test_curves_average_seeds_then_apps():
    runs = [
        RUN,
        make_run(seed=1, covered=(20, 20, 20, 20)),
        make_run(app="test/1", covered=(30, 30, 30, 40)),
    ]
    found = curves(runs, 4, {"test/0": 40, "test/1": 40}, 200)["random"]
    assert found["mean"] == [56.25, 57.5, 57.5, 75.0]
    assert all(len(found[key]) == 4 for key in ("low", "high"))
    assert found["low"][-1] == 50.0 and found["high"][-1] == 100.0


def test_results_are_plain_json_and_compare_every_pair():
    runs = [
        make_run(app=app, agent=agent, covered=(10, 20, 30, end))
        for app in ("test/0", "test/1")
        for agent, end in (("random", 30), ("jamel", 36))
    ]
    results = json.loads(json.dumps(collate(runs, 50, META), allow_nan=False))
    (pair,) = [
        pair
        for pair in results["paired"]
        if (pair["agent"], pair["metric"]) == ("jamel", "coverage")
    ]
    assert pair["difference"] == pytest.approx(15.0)
    assert (pair["wins"], pair["ties"], pair["losses"]) == (2, 0, 0)
    assert results["meta"]["versions"] == {"random": "1", "jamel": "1"}


def test_probes_of_unseen_kinds_are_counted_apart_where_there_are_any():
    some = make_run(covered_new=(1, 2, 2, 6), reachable_new=10)
    better = make_run(covered_new=(1, 2, 2, 12), reachable_new=10, seed=1)
    none = make_run(app="test/1")
    results = collate([some, better, none], 10, META)
    shares = [row["coverage_new"] for row in results["rows"] if row["budget"] == 4]
    assert shares == [50.0, 100.0, None], "the better run raises what is in reach"
    (mean,) = [item for item in results["summary"] if item["metric"] == "coverage_new"]
    assert (mean["mean"], mean["apps"]) == (75.0, 1)


def test_latencies_are_medians_around_early_and_late_steps():
    long = make_run(
        ms=tuple(float(number) for number in range(120)),
        tokens_memory=(3,) * 120,
        tokens_screen=(7,) * 120,
    )
    rows = latencies(long)
    assert [(row["step"], row["ms"]) for row in rows] == [(10, 15.0), (100, 100.0)]
    assert rows[0]["tokens_memory"] == 3 and rows[0]["tokens_screen"] == 7
