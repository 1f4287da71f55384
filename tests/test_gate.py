"""The gate promotes only on intervals, and a refusal names what failed."""

from __future__ import annotations

from typing import Any

import pytest

from jamel.config import GateConfig
from jamel.errors import ConfigError, GateError
from jamel.gate import Decision, decide, require, rivals

VALID = {"passed": True, "evaluated": 12}
MEANS = {"random": 30.0, "planner": 48.0, "no-memory": 35.0, "jamel": 65.0, "champion": 60.0}


def results(**intervals: tuple[float, float]) -> dict[str, Any]:
    """Results in which jamel beats everyone, save for the intervals given by agent name."""
    base = {"no-memory": (20.0, 30.0), "random": (30.0, 40.0), "planner": (10.0, 20.0)}
    base |= {"champion": (2.0, 8.0)} | {key.replace("_", "-"): v for key, v in intervals.items()}
    rows = [
        {"agent": agent, "coverage": mean, "tokens_memory": 32, "tokens_screen": 60}
        | {"ms_per_decision": 1.0, "app": f"test/{app}"}
        for agent, mean in MEANS.items()
        for app in range(2)
    ]
    paired = [
        {"agent": "jamel", "against": name, "metric": "coverage", "difference": (low + high) / 2}
        | {"low": low, "high": high, "wins": 5, "ties": 0, "losses": 1}
        for name, (low, high) in base.items()
    ]
    return {"meta": {}, "rows": rows, "paired": paired}


def failed(decision: Decision) -> set[str]:
    return {condition.name for condition in decision.failed()}


def test_first_promotion_needs_no_champion() -> None:
    decision = decide(results(), VALID, None, GateConfig())
    assert decision.promoted and decision.reasons() == ""
    assert len(decision.conditions) == 4
    require(decision)


def test_all_conditions_hold_against_a_champion() -> None:
    decision = decide(results(), VALID, {"version": 3}, GateConfig())
    assert decision.promoted and len(decision.conditions) == 7


@pytest.mark.parametrize(
    ("name", "interval"),
    [("no_memory", (-1.0, 9.0)), ("random", (0.0, 9.0)), ("champion", (-0.1, 5.0))],
)
def test_an_interval_that_touches_zero_is_not_better(
    name: str, interval: tuple[float, float]
) -> None:
    decision = decide(results(**{name: interval}), VALID, {"version": 1}, GateConfig())
    assert failed(decision) == {f"better than {name.replace('_', '-')}"}


def test_only_significantly_worse_than_the_best_simple_agent_refuses() -> None:
    overlapping = decide(results(planner=(-4.0, 1.0)), VALID, None, GateConfig())
    worse = decide(results(planner=(-9.0, -0.5)), VALID, None, GateConfig())
    assert overlapping.promoted
    assert failed(worse) == {"not worse than the best simple agent"}


def test_unvalidated_or_unevaluated_data_refuses() -> None:
    for validation in ({"passed": False, "evaluated": 9}, {"passed": True, "evaluated": 0}, {}):
        assert failed(decide(results(), validation, None, GateConfig())) == {"the dataset is valid"}


def test_cost_is_compared_with_the_champion() -> None:
    found = results()
    for row in found["rows"]:
        if row["agent"] == "jamel":
            row["tokens_memory"], row["ms_per_decision"] = 90, 2.0
    decision = decide(found, VALID, {"version": 1}, GateConfig())
    assert failed(decision) == {"tokens per decision", "ms per decision"}


def test_cost_falls_back_on_the_champions_record() -> None:
    found = results()
    found["rows"] = [row for row in found["rows"] if row["agent"] != "champion"]
    record = {"tokens_per_decision": 92.0, "ms_per_decision": 1.0}
    assert decide(found, VALID, record, GateConfig()).promoted
    assert not decide(found, VALID, {}, GateConfig()).promoted


def test_missing_comparisons_refuse_rather_than_pass() -> None:
    decision = decide({"meta": {}, "rows": [], "paired": []}, VALID, None, GateConfig())
    assert len(decision.failed()) == 3
    with pytest.raises(GateError, match="better than no-memory: required"):
        require(decision)


def test_a_pair_stored_the_other_way_round_is_turned() -> None:
    found = results()
    for pair in found["paired"]:
        pair["agent"], pair["against"] = pair["against"], pair["agent"]
        pair["difference"] = -pair["difference"]
        pair["low"], pair["high"] = -pair["high"], -pair["low"]
    assert decide(found, VALID, None, GateConfig()).promoted


def test_only_the_full_budget_counts() -> None:
    found = results()
    found["meta"]["budget"] = 120
    early = [pair | {"budget": 50, "low": -9.0, "high": -8.0} for pair in found["paired"]]
    found["paired"] = early + [pair | {"budget": 120} for pair in found["paired"]]
    assert decide(found, VALID, None, GateConfig()).promoted


def test_a_decision_is_plain_data() -> None:
    plain = decide(results(), VALID, None, GateConfig()).as_dict()
    assert plain["promoted"] is True
    assert set(plain["conditions"][0]) == {"name", "passed", "found", "required"}


def test_what_has_to_be_beaten_is_a_setting() -> None:
    found = results(no_memory=(-9.0, 9.0), random=(-9.0, 9.0), planner=(-4.0, 9.0))
    nobody = decide(found, VALID, None, GateConfig(better_than=()))
    assert nobody.promoted
    assert [item.name for item in nobody.conditions] == [
        "the dataset is valid",
        "not worse than the best simple agent",
    ]
    one = decide(found, VALID, None, GateConfig(better_than=("planner", "planner")))
    assert failed(one) == {"better than planner"} and len(one.conditions) == 3
    assert decide(results(), VALID, None, GateConfig(better_than=("planner",))).promoted


def test_an_agent_to_beat_that_was_not_measured_refuses_and_says_so() -> None:
    decision = decide(results(), VALID, None, GateConfig(better_than=("frontier", "random")))
    (condition,) = decision.failed()
    assert condition.name == "better than frontier"
    assert condition.found == (
        "no paired coverage comparison of jamel with frontier: evaluate.agents has to name both"
    )


@pytest.mark.parametrize("name", ["frontyer", "jamel", "champion"])
def test_an_agent_that_none_can_be_measured_beside_is_a_mistake(name: str) -> None:
    gate = GateConfig(better_than=("random", name))
    with pytest.raises(ConfigError, match=rf"in gate\.better_than, found '{name}'\. Name one of"):
        rivals(gate)
    with pytest.raises(ConfigError):
        decide(results(), VALID, None, gate)
