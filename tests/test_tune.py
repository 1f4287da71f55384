"""Settings are tried on what may be tuned on, and the best are what the next profile reads."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from jamel.agents import agent_settings
from jamel.config import Config, EvaluateConfig, load_config
from jamel.errors import ConfigError
from jamel.tune import Grid, combinations, grid_of, keep_best, laid_over, read_grid, tune

CONFIG = Config(evaluate=EvaluateConfig(bootstrap=50, workers=1))
GRID = Grid(
    apps=2,
    budget=15,
    agents={
        "planner": {"gamma": (0.7, 0.8), "alike": (1, 0)},
        "least_tried": {"tried": ("screen",)},
    },
)


def test_the_grid_that_ships_is_whole_and_covers_every_agent_with_settings() -> None:
    grid = read_grid(Path("configs/tune.yaml"))
    for agent in ("monkey", "least-tried", "frontier", "planner", "fastbot", "jamel", "no-memory"):
        assert len(grid_of(grid, agent)) > 1, agent
    assert not grid_of(grid, "random")


def test_every_combination_is_tried_and_the_best_comes_first() -> None:
    told: list[tuple] = []
    tried = tune(CONFIG, GRID, {"planner": None, "least-tried": None}, lambda *x: told.append(x))
    assert [item.agent for item in tried] == ["planner"] * 4 + ["least-tried"]
    assert len(told) == 5 * 2
    planner = tried[:4]
    assert [item.best for item in planner] == [True, False, False, False]
    assert planner[0].behind == (0, 0, 0)
    for better, worse in pairwise(planner):
        assert better.coverage[0] >= worse.coverage[0]
        assert worse.behind[0] == pytest.approx(worse.coverage[0] - planner[0].coverage[0])
    assert {tuple(item.settings.items()) for item in planner} == {
        (("gamma", gamma), ("alike", alike)) for gamma in (0.7, 0.8) for alike in (1, 0)
    }


def test_the_best_are_what_a_profile_reads_and_its_own_settings_win(tmp_path: Path) -> None:
    tried = tune(CONFIG, GRID, {"planner": None})
    kept = keep_best(tried, GRID, tmp_path / "tuned.yaml")
    (tmp_path / "plain.yaml").write_text("profile: plain\ntuned: tuned.yaml\n")
    config = load_config(tmp_path / "plain.yaml")
    planner = agent_settings("planner", config.agents)
    assert {key: planner[key] for key in tried[0].settings} == tried[0].settings
    assert "# Written by `jamel tune`" in kept.read_text()
    own = "profile: own\ntuned: tuned.yaml\nagents: {planner: {gamma: 0.55}}\n"
    (tmp_path / "own.yaml").write_text(own)
    planner = agent_settings("planner", load_config(tmp_path / "own.yaml").agents)
    assert (planner["gamma"], planner["alike"]) == (0.55, tried[0].settings["alike"])


def test_what_was_not_tuned_this_time_stays(tmp_path: Path) -> None:
    path = tmp_path / "tuned.yaml"
    path.write_text("policies: {jamel: {temperature: 0.2}}\nplanner: {gamma: 0.9}\n")
    keep_best(tune(CONFIG, GRID, {"planner": None}), GRID, path)
    kept = yaml.safe_load(path.read_text())
    assert kept["policies"] == {"jamel": {"temperature": 0.2}}
    assert kept["planner"]["gamma"] in (0.7, 0.8)


def test_trained_agents_have_the_policys_grid_each_its_own() -> None:
    grid = Grid(agents={"policy": {"temperature": (0.1, 2.0)}})
    assert grid_of(grid, "jamel") == combinations({"temperature": (0.1, 2.0)})
    tuned = laid_over(laid_over(CONFIG.agents, "jamel", {"temperature": 0.1}), "no-memory", {})
    temperatures = {
        name: agent_settings(name, tuned)["temperature"]
        for name in ("jamel", "champion", "zeroed-memory", "no-memory", "append-memory")
    }
    assert temperatures == {
        "jamel": 0.1, "champion": 0.1, "zeroed-memory": 0.1, "no-memory": 2.5, "append-memory": 0.3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{suite: test, agents: {planner: {gamma: [0.7]}}}", "kept for testing"),
        ("{suite: test-new@heavy, agents: {planner: {gamma: [0.7]}}}", "kept for testing"),
        ("{agents: {planner: {gama: [0.7]}}}", "no setting 'gama'"),
        ("{agents: {planer: {gamma: [0.7]}}}", "'planer' has no setting"),
        ("{agents: {planner: {gamma: [7]}}}", "less than 1"),
        ("{agents: {planner: {gamma: 7}}}", "agents.planner.gamma"),
        ("{}", "agents"),
    ],
)
def test_a_bad_grid_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_grid(path)


def test_suites_of_tests_and_agents_without_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="kept for testing"):
        tune(CONFIG, GRID.model_copy(update={"suite": "test"}), {"planner": None})
    with pytest.raises(ConfigError, match="agents with a grid"):
        tune(CONFIG, GRID, {"random": None})


def test_a_profile_whose_tuned_file_is_missing_or_wrong_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("profile: mine\ntuned: gone.yaml\n")
    with pytest.raises(ConfigError, match=r"gone\.yaml, found no such file"):
        load_config(path)
    (tmp_path / "gone.yaml").write_text("planer: {gamma: 0.3}\n")
    with pytest.raises(ConfigError, match=r"gone\.yaml: unknown key 'agents\.planer'"):
        load_config(path)
