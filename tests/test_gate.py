"""The gate promotes only on intervals, and a refusal names what failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jamel.config import GateConfig, load_config, read_yaml
from jamel.errors import ConfigError, GateError
from jamel.gate import Decision, decide, require, rivals

VALID = {"passed": True, "evaluated": 12}
SERVED = {"offered": 2, "ranked": [[-0.1, 3.0], [-2.4, 0.5]], "problem": ""}
LOOKS = ("native", "flutter", "web")
FAMILIES = {f"test/{app}": LOOKS[app // 3] for app in range(8)}
"""Three native apps, three of Flutter, and two of the web, which are too few to judge."""
MEANS = {"random": 30.0, "planner": 48.0, "no-memory": 35.0, "jamel": 65.0, "champion": 60.0}


def results(**intervals: tuple[float, float]) -> dict[str, Any]:
    """Results in which jamel beats everyone, save for the intervals given by agent name."""
    base = {"no-memory": (20.0, 30.0), "random": (30.0, 40.0), "planner": (10.0, 20.0)}
    base |= {"champion": (2.0, 8.0)} | {key.replace("_", "-"): v for key, v in intervals.items()}
    rows = [
        {"agent": agent, "coverage": mean, "tokens_memory": 32, "tokens_screen": 60}
        | {"ms_per_decision": 1.0, "app": f"test/{app}"}
        for agent, mean in MEANS.items()
        for app in range(len(FAMILIES))
    ]
    paired = [
        {"agent": "jamel", "against": name, "metric": "coverage", "difference": (low + high) / 2}
        | {"low": low, "high": high, "wins": 5, "ties": 0, "losses": 1}
        for name, (low, high) in base.items()
    ]
    return {"meta": {"families": FAMILIES}, "rows": rows, "paired": paired}


def changed(agent: str, apps: range | None = None, **values: float) -> dict[str, Any]:
    """Results in which an agent's sessions, on all apps by default, came to something else."""
    found = results()
    for row in found["rows"]:
        if row["agent"] == agent and (apps is None or int(row["app"].split("/")[1]) in apps):
            row.update(values)
    return found


def failed(decision: Decision) -> set[str]:
    return {condition.name for condition in decision.failed()}


def test_first_promotion_needs_no_champion() -> None:
    decision = decide(results(), VALID, SERVED, None, GateConfig())
    assert decision.promoted and decision.reasons() == ""
    assert len(decision.conditions) == 5
    require(decision)


def test_all_conditions_hold_against_a_champion() -> None:
    decision = decide(results(), VALID, SERVED, {"version": 3}, GateConfig())
    assert decision.promoted and len(decision.conditions) == 9


@pytest.mark.parametrize(
    ("name", "interval"),
    [("no_memory", (-1.0, 9.0)), ("random", (0.0, 9.0)), ("champion", (-0.1, 5.0))],
)
def test_an_interval_that_touches_zero_is_not_better(
    name: str, interval: tuple[float, float]
) -> None:
    decision = decide(results(**{name: interval}), VALID, SERVED, {"version": 1}, GateConfig())
    assert failed(decision) == {f"better than {name.replace('_', '-')}"}


@pytest.mark.parametrize(
    ("commit", "passed"),
    [("1a2b3c", True), ("1a2b3c-dirty", False), ("unknown", False), ("", False)],
)
def test_code_that_nobody_can_check_out_is_refused_where_the_gate_says_so(
    commit: str, passed: bool
) -> None:
    found = results()
    found["meta"]["commit"] = commit
    decision = decide(found, VALID, SERVED, None, GateConfig(committed=True))
    assert failed(decision) == (set() if passed else {"the code is committed"})
    assert decide(found, VALID, SERVED, None, GateConfig()).promoted


def test_only_significantly_worse_than_the_best_simple_agent_refuses() -> None:
    overlapping = decide(results(planner=(-4.0, 1.0)), VALID, SERVED, None, GateConfig())
    worse = decide(results(planner=(-9.0, -0.5)), VALID, SERVED, None, GateConfig())
    assert overlapping.promoted
    assert failed(worse) == {"not worse than the best simple agent"}


def test_unvalidated_or_unevaluated_data_refuses() -> None:
    for validation in ({"passed": False, "evaluated": 9}, {"passed": True, "evaluated": 0}, {}):
        assert failed(decide(results(), validation, SERVED, None, GateConfig())) == {
            "the dataset is valid"
        }


def test_cost_is_compared_with_the_champion() -> None:
    found = results()
    for row in found["rows"]:
        if row["agent"] == "jamel":
            row["tokens_memory"], row["ms_per_decision"] = 90, 2.0
    decision = decide(found, VALID, SERVED, {"version": 1}, GateConfig())
    assert failed(decision) == {"tokens per decision", "ms per decision"}


def test_cost_falls_back_on_the_champions_record() -> None:
    found = results()
    found["rows"] = [row for row in found["rows"] if row["agent"] != "champion"]
    record = {"tokens_per_decision": 92.0, "ms_per_decision": 1.0}
    gate = GateConfig(family_apps=0)
    assert decide(found, VALID, SERVED, record, gate).promoted
    assert not decide(found, VALID, SERVED, {}, gate).promoted


def test_missing_comparisons_refuse_rather_than_pass() -> None:
    decision = decide({"meta": {}, "rows": [], "paired": []}, VALID, SERVED, None, GateConfig())
    assert len(decision.failed()) == 3
    with pytest.raises(GateError, match="better than no-memory: required"):
        require(decision)


def test_a_pair_stored_the_other_way_round_is_turned() -> None:
    found = results()
    for pair in found["paired"]:
        pair["agent"], pair["against"] = pair["against"], pair["agent"]
        pair["difference"] = -pair["difference"]
        pair["low"], pair["high"] = -pair["high"], -pair["low"]
    assert decide(found, VALID, SERVED, None, GateConfig()).promoted


def test_only_the_full_budget_counts() -> None:
    found = results()
    found["meta"]["budget"] = 120
    early = [pair | {"budget": 50, "low": -9.0, "high": -8.0} for pair in found["paired"]]
    found["paired"] = early + [pair | {"budget": 120} for pair in found["paired"]]
    assert decide(found, VALID, SERVED, None, GateConfig()).promoted


def test_a_decision_is_plain_data() -> None:
    plain = decide(results(), VALID, SERVED, None, GateConfig()).as_dict()
    assert plain["promoted"] is True
    assert set(plain["conditions"][0]) == {"name", "passed", "found", "required"}


def test_what_has_to_be_beaten_is_a_setting() -> None:
    found = results(no_memory=(-9.0, 9.0), random=(-9.0, 9.0), planner=(-4.0, 9.0))
    nobody = decide(found, VALID, SERVED, None, GateConfig(better_than=()))
    assert nobody.promoted
    assert [item.name for item in nobody.conditions] == [
        "the dataset is valid",
        "not worse than the best simple agent",
        "the served model answers",
    ]
    one = decide(found, VALID, SERVED, None, GateConfig(better_than=("planner", "planner")))
    assert failed(one) == {"better than planner"} and len(one.conditions) == 4
    assert decide(results(), VALID, SERVED, None, GateConfig(better_than=("planner",))).promoted


def test_an_agent_to_beat_that_was_not_measured_refuses_and_says_so() -> None:
    decision = decide(
        results(), VALID, SERVED, None, GateConfig(better_than=("frontier", "random"))
    )
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
        decide(results(), VALID, SERVED, None, gate)


NAN = float("nan")
BAD: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "the dataset is valid": (results(), {"passed": False, "evaluated": 12}, SERVED),
    "better than no-memory": (results(no_memory=(-1.0, 9.0)), VALID, SERVED),
    "better than random": (results(random=(-0.5, 9.0)), VALID, SERVED),
    "not worse than the best simple agent": (results(planner=(-9.0, -0.5)), VALID, SERVED),
    "better than champion": (results(champion=(-2.0, 8.0)), VALID, SERVED),
    "no family of apps worse": (changed("jamel", range(3, 6), coverage=55.0), VALID, SERVED),
    "tokens per decision": (changed("jamel", tokens_memory=90), VALID, SERVED),
    "ms per decision": (changed("jamel", ms_per_decision=2.0), VALID, SERVED),
    "the served model answers": (results(), VALID, SERVED | {"ranked": [[-0.1, NAN], [NAN, 0.5]]}),
}
"""Every condition with what a candidate that fails it alone came to."""


def test_every_condition_refuses_a_candidate_that_fails_it_alone() -> None:
    good = decide(results(), VALID, SERVED, {"version": 1}, GateConfig())
    assert good.promoted and {item.name for item in good.conditions} == set(BAD)
    for name, (found, validation, served) in BAD.items():
        decision = decide(found, validation, served, {"version": 1}, GateConfig())
        assert not decision.promoted and failed(decision) == {name}


def test_a_family_that_is_worse_is_named_with_its_interval() -> None:
    found = changed("jamel", range(3, 6), coverage=55.0)
    (condition,) = decide(found, VALID, SERVED, {}, GateConfig()).failed()
    assert condition.found == "flutter -5.00 [-5.00, -5.00] on 3 apps"
    assert "of 3 apps or more" in condition.required


def test_small_families_are_judged_together_or_not_at_all() -> None:
    web = changed("jamel", range(6, 8), coverage=0.0)
    assert decide(web, VALID, SERVED, {}, GateConfig()).promoted, "two apps say nothing"
    both = changed("jamel", range(3, 8), coverage=55.0)
    both["meta"]["families"] = {app: "native" for app in list(FAMILIES)[:4]}
    (condition,) = decide(both, VALID, SERVED, {}, GateConfig(family_apps=4)).failed()
    assert condition.found == "the others -5.00 [-5.00, -5.00] on 4 apps"
    assert decide(both, VALID, SERVED, {}, GateConfig(family_apps=0)).promoted


def test_families_need_sessions_of_both_on_the_same_apps() -> None:
    found = results()
    found["rows"] = [r for r in found["rows"] if (r["agent"], r["app"]) != ("champion", "test/0")]
    decision = decide(found, VALID, SERVED, {}, GateConfig())
    assert failed(decision) == {"no family of apps worse"}


@pytest.mark.parametrize(
    ("served", "found"),
    [
        ({"problem": "OSError: no such file"}, "OSError: no such file"),
        ({"ranked": []}, "0 of 2 actions ranked, 0 of them with finite figures"),
        ({"ranked": [[-0.1, 3.0]]}, "1 of 2 actions ranked, 1 of them with finite figures"),
        ({"ranked": [[-0.1, 3.0], [-2.4, float("inf")]]}, "2 of 2 actions ranked, 1 of them"),
        ({"offered": 0, "ranked": []}, "0 of 0 actions"),
    ],
)
def test_a_stored_model_that_gives_no_answer_says_what_it_gave(served: dict, found: str) -> None:
    (condition,) = decide(results(), VALID, SERVED | served, None, GateConfig()).failed()
    assert condition.name == "the served model answers" and found in condition.found


def test_the_gate_of_the_profiles_is_the_file() -> None:
    stated = read_yaml(Path("configs/promote.yaml"))
    assert set(stated) == set(GateConfig.model_fields) - {"model"}, "every key is stated there"
    assert load_config(Path("configs/laptop.yaml")).gate == GateConfig(**stated)
    web = load_config(Path("configs/web.yaml")).gate
    assert (web.metric, web.better_than, web.family_apps) == ("probes", ("random",), 3)


def test_a_profile_lays_its_gate_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "strict.yaml").write_text("better_than: [planner]\nmax_tokens_ratio: 1\n")
    path = tmp_path / "mine.yaml"
    path.write_text("profile: mine\npromote: strict.yaml\ngate: {max_tokens_ratio: 2}\n")
    gate = load_config(path).gate
    assert (gate.better_than, gate.max_tokens_ratio) == (("planner",), 2.0)
    (tmp_path / "strict.yaml").write_text("better_then: [planner]\n")
    with pytest.raises(ConfigError, match=r"strict\.yaml: unknown key 'gate\.better_then'"):
        load_config(path)
    (tmp_path / "strict.yaml").unlink()
    with pytest.raises(ConfigError, match=r"strict\.yaml, found no such file\. Copy"):
        load_config(path)
