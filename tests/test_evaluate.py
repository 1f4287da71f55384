"""Evaluation end to end on the embedded apps, small; and what its sessions are made of."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from jamel.agents import make_agent
from jamel.config import Config, EvaluateConfig
from jamel.disk import write_json
from jamel.errors import ConfigError, EvaluationError
from jamel.evaluate import evaluate, plan, read_json
from jamel.parallel import Progress
from jamel.tables import agents_table, show
from jamel.trials import Job, Metered, run_jobs
from tests.tiny_env import TinyEnv

ROW = {
    *("suite", "app", "seed", "agent", "budget", "reward", "coverage", "auc"),
    *("tokens_memory", "tokens_screen", "ms_per_decision", "invalid", "coverage_new", "probes"),
}
PAIR = {"agent", "against", "metric", "difference", "low", "high", "wins", "ties", "losses"}
SIMPLE = {"random": None, "least-tried": None}


def make_config(**changes: Any) -> Config:
    given = {"suite": "valid", "seeds": (0, 1), "budget": 8, "apps": 2, "workers": 1} | changes
    return Config(evaluate=EvaluateConfig(bootstrap=100, **given))


def measure(progress: Progress | None = None, **changes: Any) -> dict:
    return evaluate(make_config(**changes), SIMPLE, progress)


def without_time(results: dict) -> list[dict]:
    return [{k: v for k, v in row.items() if k != "ms_per_decision"} for row in results["rows"]]


@pytest.fixture(scope="module")
def results() -> dict:
    return measure()


def test_there_is_a_row_for_every_app_seed_agent_and_budget(results):
    assert len(results["rows"]) == 2 * 2 * 2
    assert {row["app"] for row in results["rows"]} == {"valid/0", "valid/1"}
    for row in results["rows"]:
        assert set(row) == ROW
        assert 0 < row["auc"] <= row["coverage"] <= 100
        assert 0 <= row["reward"] <= 8


def test_pairs_cover_both_directions_and_every_metric(results):
    assert all(set(pair) >= PAIR for pair in results["paired"])
    found = {(pair["agent"], pair["against"], pair["metric"]) for pair in results["paired"]}
    assert len(found) == len(results["paired"]) == 2 * 4


def test_meta_says_where_the_numbers_come_from(results):
    meta = results["meta"]
    wanted = {"commit", "dataset_md5", "seeds", "machine", "suite", "versions", "config", "started"}
    assert wanted <= set(meta)
    assert meta["apps"] == 2 and meta["budgets"] == [8]
    assert meta["families"].keys() == meta["reachable"].keys()


def test_processes_and_repetition_change_nothing(results):
    assert without_time(measure(workers=2)) == without_time(results)


def test_apps_are_not_explored_with_the_same_choices(results):
    jobs = plan(make_config(), SIMPLE)
    assert len({job.session_seed for job in jobs if job.agent == "random"}) == 4


def test_nothing_to_run_is_an_error():
    with pytest.raises(ConfigError, match="0 agents"):
        evaluate(make_config(), {})


def test_progress_is_told_of_every_run():
    told = []
    measure(apps=1, seeds=(0,), progress=lambda *given: told.append(given))
    assert told == [(1, 2, "valid/0 random seed 0"), (2, 2, "valid/0 least-tried seed 0")]


def test_a_failing_run_stops_the_evaluation():
    config = make_config()
    job = Job("valid", "valid/0", "no-such-agent", None, 0, 8, config)
    with pytest.raises(ConfigError, match="no-such-agent"):
        run_jobs([job, job], workers=2)


def test_results_survive_the_file(results, tmp_path):
    path = write_json(tmp_path / "deep" / "results.json", results)
    assert read_json(path) == json.loads(json.dumps(results))
    assert [item.name for item in path.parent.iterdir()] == ["results.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_an_ill_formed_results_file_says_how_to_write_one(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EvaluationError, match="jamel evaluate --json"):
        read_json(path)


def test_the_table_has_a_row_an_agent_with_intervals(results, capsys):
    rows = agents_table(results)
    assert {row["agent"] for row in rows} == {row["agent"] for row in results["rows"]}
    show(rows, "agents")
    text = capsys.readouterr().out
    assert rows[0]["agent"] in text and re.search(r"\d \[\d+\.\d, \d+\.\d\]", text)


def test_the_meter_times_every_decision_and_starts_afresh():
    agent, env = Metered(make_agent("random"), "champion"), TinyEnv()
    observation, _ = env.reset(options={"new_session": True})
    agent.reset(0)
    agent.act(observation)
    agent.act(observation)
    assert agent.name == "champion"
    assert len(agent.ms) == 2 and min(agent.ms) >= 0
    assert agent.tokens == [(0, 0), (0, 0)]
    agent.reset(1)
    assert agent.ms == []


def test_a_run_that_the_device_interrupts_begins_again():
    from jamel.config import parse_config
    from jamel.errors import SessionLost
    from jamel.trials import Job, run_job

    def run(rate: float, tries: int = 10):
        faults = {"rate": rate, "kinds": ["vanish", "death"], "seed": 2}
        config = parse_config({"device": {"faults": faults, "tries": tries}}, source="test")
        return run_job(Job("valid", "valid/0", "random", None, 0, 15, config))

    assert run(0.1).covered == run(0.0).covered
    with pytest.raises(SessionLost, match="random on valid/0 in 2 tries"):
        run(1.0, tries=2)


def test_on_apps_of_unseen_kinds_their_probes_are_counted_apart():
    apart = measure(suite="test-new", seeds=(0,), budget=30)
    for row in apart["rows"]:
        assert 0 <= row["coverage_new"] <= 100
    assert len({row["coverage_new"] for row in apart["rows"]}) > 1
    assert "coverage_new" in {pair["metric"] for pair in apart["paired"]}


def test_latency_is_measured_in_long_sessions_of_every_agent_on_the_first_apps(monkeypatch):
    from jamel import evaluate as module
    from jamel import scores

    for place in (module, scores):
        monkeypatch.setattr(place, "LATENCY_STEPS", (5, 30))
    monkeypatch.setattr(module, "LATENCY_APPS", 2)
    timed = measure(apps=3, seeds=(0, 1), latency=True)["latency"]
    assert sorted((row["app"], row["agent"], row["step"]) for row in timed) == sorted(
        (f"valid/{app}", agent, step) for app in (0, 1) for agent in SIMPLE for step in (5, 30)
    )
    assert min(row["ms"] for row in timed) > 0
