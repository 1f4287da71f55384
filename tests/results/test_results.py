"""Several evaluations as one: trainings and apps in the intervals, goals judged, a page of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jamel.errors import EvaluationError
from jamel.results import Measured, results_page, verdicts
from jamel.scores import Run, collate
from jamel.statistics import bounds, crossed_means

APPS = 12
EVEN = {"random": 20, "planner": 30, "oracle-2": 60}


def make_run(agent: str, app: str, covered: int, version: str, fresh: int) -> Run:
    return Run(
        suite="test", app=app, agent=agent, version=version, seed=0, start=0,
        covered=(covered // 2, covered), executed=(True, True), ms=(1.0, 1.0),
        tokens_memory=(30, 32), tokens_screen=(20, 20), reachable=100,
        covered_new=(0, fresh) if fresh else (), reachable_new=50 if fresh else 0,
    )  # fmt: skip


def evaluation(
    suite: str = "test", training: int = 0, apps: int = APPS, fresh: int = 0, **covered: int
) -> dict[str, Any]:
    """Agents that cover so much, app by app a little more; agents with a model by training."""
    runs = [
        make_run(name, f"{suite}/{app}", size + app, f"{name}-{version}", fresh and fresh + size)
        for name, size in {key.replace("_", "-"): value for key, value in covered.items()}.items()
        for version in [training if name not in EVEN else 0]
        for app in range(apps)
    ]
    meta = {"suite": suite, "budget": 120, "seeds": [0], "commit": "abc", "dataset_md5": "f00"}
    return collate(runs, 20, meta)


def judged(*evaluations: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {item.goal: (item.verdict, item.measured) for item in verdicts(Measured(evaluations))}


def test_goals_are_met_missed_or_not_measured() -> None:
    found = judged(evaluation(jamel=56, planner=30, random=20, oracle_2=60, no_memory=38))
    simple = "coverage@120 on `test`, against the best agent without learning"
    assert found[simple] == ("met", "+26.0 [+26.0, +26.0], 12 apps × 1 trainings against planner")
    assert found["against `no-memory`"][0] == "missed", "18 of 20"
    assert found["share of oracle-2's coverage on `test`"][0] == "missed"
    assert found["the same on `test-new`"] == ("not measured", "–")
    assert found["against `graph-no-memory`, identity noise heavy"][0] == "not measured"


def test_noise_levels_and_unseen_kinds_have_goals_of_their_own() -> None:
    found = judged(
        evaluation("test@none", jamel=50, graph_no_memory=50),
        evaluation("test@heavy", jamel=45, graph_no_memory=36),
        evaluation("test-new", jamel=46, planner=30, fresh=1),
    )
    assert found["against `graph-no-memory`, identity noise none"][0] == "met"
    assert found["against `graph-no-memory`, identity noise heavy"][0] == "missed", "9 of 10"
    assert found["against `graph-no-memory`, identity noise real"][0] == "not measured"
    verdict, words = found["on the probes of unseen kinds alone"]
    assert verdict == "met" and words.startswith("+32.0")


def test_web_apps_have_goals_of_their_own() -> None:
    found = judged(evaluation("web-test", jamel=40, transferred=30, planner=30, random=20))
    (before, after) = found
    assert found[before][0] == "met" and found[before][1].endswith("against planner")
    assert found[after][0] == "met" and found[after][1].endswith("of planner's")
    found = judged(evaluation("web-test", jamel=32, transferred=25, planner=30, random=20))
    assert [verdict for verdict, _ in found.values()] == ["missed", "missed"]
    assert "web app" not in results_page(Measured([evaluation(jamel=50, planner=30)]))


def test_apps_with_names_have_a_row_each() -> None:
    results = evaluation("web-test", jamel=40, planner=30, apps=1)
    for row in results["rows"]:
        row["app"] = "web-test/mail"
    page = results_page(Measured([results]))
    assert "| mail | 40 | 30 |" in page and "rewarded steps" in page


def test_what_a_choice_among_the_agents_could_give_is_told() -> None:
    results = evaluation("web-test", jamel=40, planner=30, apps=2)
    for row in results["rows"]:
        first = row["app"] == "web-test/0"
        row["app"] = "web-test/mail" if first else "web-test/shop"
        if row["agent"] == "planner" and first:
            row["probes"] = 61
    page = results_page(Measured([results]))
    assert "of each app, chosen afterwards: 51 on average, 110.9 % of what planner finds" in page


def test_an_interval_that_reaches_too_low_misses_the_goal() -> None:
    even = [evaluation(training=seed, jamel=size, planner=30) for seed, size in enumerate((61, 48))]
    verdict, words = judged(*even)[
        "coverage@120 on `test`, against the best agent without learning"
    ]
    assert verdict == "missed" and words.startswith("+24.5 [+18.0, +31.0]")


def test_intervals_cover_trainings_as_well_as_apps() -> None:
    three = [evaluation(training=seed, jamel=size) for seed, size in enumerate((40, 50, 60))]
    one = Measured(three[1:2]).mean("test@real", "jamel", "coverage", 120)
    all_three = Measured(three).mean("test@real", "jamel", "coverage", 120)
    assert one is not None and all_three is not None
    assert (one.trainings, all_three.trainings) == (1, 3)
    assert all_three.mean == one.mean and all_three.high - all_three.low > 2 * (one.high - one.low)


def test_the_same_weights_in_two_files_are_one_training() -> None:
    twice = Measured([evaluation(jamel=50, planner=30), evaluation(jamel=50, random=20)])
    mean = twice.mean("test@real", "jamel", "coverage", 120)
    assert mean is not None and mean.trainings == 1
    assert twice.agents("test@real") == ["jamel", "planner", "random"]
    against = twice.difference("test@real", "jamel", "random", "coverage", 120)
    assert against is not None and against.estimate.mean == 30
    assert (against.wins, against.ties, against.losses) == (APPS, 0, 0)


def test_evaluations_on_other_apps_are_refused() -> None:
    with pytest.raises(EvaluationError, match="on the same apps"):
        Measured([evaluation(jamel=50), evaluation(jamel=50, apps=3)])


def test_costs_are_judged_by_late_decisions() -> None:
    steps = {10: 1.0, 100: 1.1, 1000: 1.3}

    def late(**slower: float) -> list[dict]:
        return [
            {"agent": "jamel", "app": app, "step": step, "ms": ms * slower.get(app, 1.0)}
            | {"tokens_memory": 32.0, "tokens_screen": 20.0}
            for app in "abc"
            for step, ms in steps.items()
        ]

    found = judged(evaluation(jamel=50) | {"latency": late()})
    assert found["memory tokens read a decision"][0] == "met"
    assert found["latency at step 1,000 against 10"][0] == "missed"
    steps[1000] = 1.1
    # One app whose late screens are large is not the model's doing.
    assert (
        judged(evaluation(jamel=50) | {"latency": late(c=9.0)})["latency at step 1,000 against 10"][
            0
        ]
        == "met"
    )


def test_the_page_says_everything_and_is_the_same_each_time() -> None:
    rounds = {"seconds": 600, "curve": [{"round": 0, "mean": 40, "low": 35, "high": 45}]}
    evaluations = [evaluation(jamel=50, planner=30, oracle_2=60) | {"rounds": rounds}]
    page = results_page(Measured(evaluations))
    assert page == results_page(Measured(evaluations))
    assert "## Suite `test@real`" in page and "| planner | +20.0" in page
    assert "| 1 | 0 | 40.0 [35.0, 45.0] |" in page
    assert "10.0 minutes" in page and "abc" in page
    assert page.count("| jamel | ") == 1


def test_a_page_about_something_else_has_no_table_of_goals() -> None:
    page = results_page(Measured([evaluation("valid", jamel=50, raw_history=48)]))
    assert "## Goals" not in page and "| raw-history | +2.0" in page
    assert "## Goals" in results_page(Measured([evaluation(jamel=50, planner=30)]))


def test_hostile_names_break_no_table() -> None:
    page = results_page(Measured([evaluation(**{"<b>|x": 50})]))
    assert "<b>" not in page and r"\|x" in page


def test_a_crossed_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, hits = np.random.default_rng(3), 0
    for trial in range(120):
        seeds, apps = rng.normal(0, 1, (6, 1)), rng.normal(0, 2, (1, 40))
        low, high = bounds(crossed_means(seeds + apps + rng.normal(0, 1, (6, 40)), 400, trial))
        hits += low <= 0 <= high
    assert 0.82 <= hits / 120 <= 1.0
