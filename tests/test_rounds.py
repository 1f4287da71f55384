"""The curve of the rounds, and when another one is worth it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from jamel import rounds
from jamel.collect import collect
from jamel.config import Config, RoundsConfig, parse_config
from jamel.coverage.raw import read_coverage
from jamel.episodes import read_session
from jamel.errors import ConfigError
from jamel.label import label
from jamel.plots import rounds_png
from jamel.report import render
from jamel.scores import Run, collate
from jamel.tables import correlation_sentence, rounds_table
from tests.registered import tiny_model


def measured(
    index: int, *covered: int, suite: str = "valid", rewarded: float | None = None
) -> dict[str, Any]:
    runs = [
        Run(
            suite=suite, app=f"{suite}/{app}", agent="jamel", version=str(index), seed=0, start=0,
            covered=(size,), executed=(True,), ms=(1.0,), tokens_memory=(1,), tokens_screen=(1,),
            reachable=100,
        )
        for app, size in enumerate(covered)
    ]  # fmt: skip
    found = collate(runs, 200, {"suite": suite, "budget": 1, "seeds": [0]})
    return found | {"round": {"round": index, "seconds": 60.0, "rewarded": rewarded}}


def test_the_curve_has_gains_and_seconds() -> None:
    curve = rounds.curve([measured(0, 30, 40, 50), measured(1, 40, 50, 60)])
    assert curve["seconds"] == 120 and curve["suite"] == "valid"
    first, second = curve["curve"]
    assert (first["mean"], first["gain"]) == (40, None)
    assert second["gain"] == {"difference": 10, "low": 10, "high": 10}
    assert rounds_png(curve["curve"], 1, "valid").startswith(b"\x89PNG")


def test_rounds_that_were_measured_otherwise_are_left_out() -> None:
    other = [measured(0, 30, 40), measured(0, 30, 40, 50, suite="train")]
    assert [p["round"] for p in rounds.curve([*other, measured(1, 40, 50, 60)])["curve"]] == [1]


def test_what_a_model_came_to_in_use_is_told_beside_what_the_next_one_measures(
    tmp_path: Path,
) -> None:
    keys = {"apps": 4, "steps": 10, "workers": 1, "agents": ["random"]}
    config = parse_config({"collect": keys}, source="test")
    assert config.collect.on_policy_share == 0.75
    model = tiny_model(tmp_path / "model")
    sessions = collect(config, tmp_path / "a", round_index=1, arm="jamel", model_dir=model)
    labels = label(config, sessions, tmp_path / "labels")
    own = [read_session(path) for path in sessions if "jamel" in path.stem]
    assert len(own) == 3
    grown = []
    for session in own:
        start = read_coverage(session.coverage[session.start_probes]).count()
        counts = [start, *(step.covered for step in session.transitions())]
        grown += [new > old for old, new in pairwise(counts)]
    assert 0 < sum(grown) < len(grown) == 30
    assert rounds.rewarded(sessions, labels, model) == round(100 * sum(grown) / 30, 2)
    assert rounds.rewarded(sessions, labels, None) == rounds.rewarded(sessions, labels, model)
    assert rounds.rewarded(sessions, labels, tiny_model(tmp_path / "champion", seed=1)) is None
    others = [path for path in sessions if "jamel" not in path.stem]
    assert rounds.rewarded(others, label(config, others, tmp_path / "labels"), model) is None
    point = {"round": 1, "seconds": 1, "rewarded": 12.34, "mean": 1, "low": 0, "high": 2}
    (row,) = rounds_table({"budget": 9, "curve": [point | {"gain": None}]})
    assert row["explored"] == "12.3 % of steps new"


@pytest.mark.parametrize(
    ("explored", "spearman"),
    [([40, 50, 60], 1.0), ([60, 50, 40], -1.0), ([50, 40, 60], 0.5), ([40, 60, 60], 0.866)],
)
def test_a_models_coverage_is_compared_with_what_it_explored_a_round_later(
    explored: list[float], spearman: float
) -> None:
    covered = [(30, 40), (31, 41), (35, 45), (36, 46)]
    files = [
        measured(index, *covered[index], rewarded=found)
        # A first round's explorer, if any, is a model that was not measured here.
        for index, found in enumerate([99.0, *explored])
    ]
    found = rounds.curve(files)
    assert found["correlation"] == {"spearman": spearman, "models": 3}
    said = f"rank correlation of coverage on valid and explored, over 3 models: {spearman:+.2f}"
    assert correlation_sentence(found) == said
    page = render(files[-1] | {"rounds": found})
    assert f"sessions; {said}." in page
    # What a model explored is not told beside the coverage of the one two rounds before.
    assert rounds.curve([files[0], *files[2:]])["correlation"] is None


def test_models_that_came_to_the_same_correlate_with_nothing() -> None:
    same = [measured(index, 30 + index, 40, rewarded=50.0) for index in range(5)]
    assert (found := rounds.curve(same))["correlation"] is None
    assert correlation_sentence(found) == ""
    assert "rank correlation" not in render(same[-1] | {"rounds": found})


@pytest.mark.parametrize(
    ("after", "on"), [((41, 52, 63), True), ((20, 60, 50), False), ((10, 20, 30), False)]
)
def test_rounds_go_on_while_the_gains_interval_is_above_zero(after: Any, on: bool) -> None:
    point = rounds.curve([measured(0, 30, 40, 50), measured(1, *after)])["curve"][-1]
    assert rounds.goes_on(Config(rounds=RoundsConfig(stop="gain")), point["gain"]) == on
    assert rounds.goes_on(Config(), point["gain"]), "the budget alone counts"
    assert rounds.goes_on(Config(rounds=RoundsConfig(stop="gain")), None)


def test_a_round_is_never_measured_on_a_suite_of_tests() -> None:
    for suite in ("test", "test-new@heavy"):
        with pytest.raises(ConfigError, match="kept for testing"):
            rounds.settings(Config(rounds=RoundsConfig(suite=suite)))
    section = rounds.settings(Config()).evaluate
    assert (section.suite, section.apps, section.agents) == ("valid", 32, ("jamel",))


def test_without_apps_there_is_no_gain_to_stop_at() -> None:
    assert not rounds.measures(Config(rounds=RoundsConfig(apps=0)))
    with pytest.raises(ConfigError, match=r"Set rounds\.apps"):
        parse_config({"rounds": {"stop": "gain", "apps": 0}}, source="x.yaml")
