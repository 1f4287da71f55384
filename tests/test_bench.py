"""Speed is measured with the same keys everywhere, and appended as JSON lines."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from itertools import count

import pytest

from jamel import bench, scores, web_bench
from jamel.collect import collect
from jamel.config import Config, parse_config
from jamel.errors import AdbMissing, DeviceMissing
from jamel.suites import suite_apps
from tests.envs.browser import no_browser
from tests.registered import tiny_model


def test_a_device_is_warm_before_it_is_timed():
    # A clock that is one second later with every question. Ten steps at the least, and then one
    # for every question that is answered with less than five: fourteen in six seconds.
    clock = count().__next__
    assert bench.device_speed("in_process", 5, clock) == round(14 / 6, 2)


def test_an_agent_decides(monkeypatch):
    for module in (bench, scores):
        monkeypatch.setattr(module, "LATENCY_STEPS", (10, 20))
    found = bench.decision_latency("planner", None)
    assert set(found) == {"planner_ms_at_10", "planner_ms_at_20"}
    assert min(found.values()) > 0


def test_answers_over_http_are_timed_along_a_session_and_anew(monkeypatch, tmp_path):
    from jamel.registry import server

    asked = []

    @contextmanager
    def serving(uri, root):
        yield uri

    keys = {"apps": 1, "steps": 10, "workers": 1, "agents": ["random"]}
    (session,) = collect(parse_config({"collect": keys}, source="test"), tmp_path)
    monkeypatch.setattr(bench, "SERVED_STEPS", (2, 5, 9))
    monkeypatch.setattr(bench, "SERVED_TIMES", 2)
    monkeypatch.setattr(server, "serving", serving)
    monkeypatch.setattr(server, "ask_over_http", lambda *question: asked.append(question))
    monkeypatch.setattr(time, "perf_counter", count(step=0.25).__next__)
    found = bench.served_latency(tiny_model(tmp_path / "model"), session, tmp_path)
    kinds = ("served_ms_at_2", "served_ms_at_5", "served_anew_ms_at_2", "served_anew_ms_at_5")
    assert found == dict.fromkeys(kinds, 250)
    assert {address for address, _ in asked} == {str(tmp_path / "served")}
    numbers = [len(question.memory) for _, (question,) in asked]
    assert numbers == [0, 1, 2, 3, 4, 5, 6, 2, 2, 5, 5]
    assert (tmp_path / "served" / "artifacts" / "hf" / "model.safetensors").is_file()


def test_a_snapshot_and_its_restore_are_timed_in_microseconds(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", count(step=0.25).__next__)
    assert bench.snapshot_speed() == 250_000


def test_labels_are_counted_and_told_what_they_cost(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "WARM_UP", 2)
    monkeypatch.setattr(bench, "IN_PROCESS_S", 0.05)
    keys = {"apps": 4, "steps": 10, "workers": 1, "agents": ["random"]}
    config = parse_config({"collect": keys}, source="test")
    sessions = collect(config, tmp_path / "sessions")
    found, shards = bench.label_speed(config, sessions, tmp_path / "labels" / "round-0")
    assert [path.name for path in shards] == [path.name for path in sessions]
    assert found["labels_per_s"] > 0 and found["label_workers"] == 1
    assert 0 < found["app_steps_per_label"] < 10_000


def test_the_speed_of_every_app_is_told_as_a_share_and_a_spread(monkeypatch):
    speeds = {spec.name: 10_000 + 1000 * n for n, spec in enumerate(suite_apps("test"))}
    monkeypatch.setattr(bench, "app_speed", lambda spec: speeds[spec.name])
    assert bench.corpus_speed() == {
        "apps_at_20000_steps_per_s": round(38 / 48, 3), "apps_slowest_steps_per_s": 10_000,
        "apps_p10_steps_per_s": 14_000, "apps_median_steps_per_s": 34_000,
        "apps_together_steps_per_s": 26_666,
    }  # fmt: skip


def test_an_app_is_walked_warm_before_it_is_timed(monkeypatch):
    monkeypatch.setattr(bench, "WARM_STEPS", 50)
    monkeypatch.setattr(bench, "TIMED_STEPS", 100)
    monkeypatch.setattr(time, "process_time", count().__next__)
    assert bench.app_speed(suite_apps("test", 1)[0]) == 100


def test_a_web_app_is_walked_and_its_time_is_split(tmp_path):
    pytest.importorskip("playwright")
    if no_browser():
        pytest.skip(no_browser())
    (tmp_path / "index.html").write_text(web_bench.PAGE, encoding="utf-8")
    found = web_bench.walk(tmp_path, 0, 1.0)
    assert found.steps > 0 and found.wall_s > 0.5
    assert all(found.spent_s[part] > 0 for part in web_bench.PARTS)
    assert sum(found.spent_s.values()) < 1.05 * found.wall_s + 0.5


def test_shares_of_a_web_step_add_up():
    spent = {"browser": 6.0, "coverage": 1.0, "tree": 2.0}
    found = web_bench.summary([web_bench.Walk(200, 10.0, spent), web_bench.Walk(100, 10.0, spent)])
    assert found == {
        "web_steps_per_s": 30.0, "web_share_browser": 0.6, "web_share_coverage": 0.1,
        "web_share_tree": 0.2, "web_share_agent": 0.1,
    }  # fmt: skip


def test_what_a_machine_lacks_is_null_with_the_reason(monkeypatch, tmp_path):
    def speed(transport: str, at_least_s: float) -> float:
        if transport == "adb":
            raise AdbMissing("expected adb on the path, found none. Install it.")
        return 1000.0

    def web_speed(at_least_s: float) -> None:
        raise DeviceMissing("Expected a Chromium, found none on the path. Install one.")

    monkeypatch.setattr(bench, "web_speed", web_speed)
    monkeypatch.setattr(bench, "device_speed", speed)
    monkeypatch.setattr(bench, "decision_latency", lambda name, folder: {f"{name}_ms_at_10": 1.0})
    monkeypatch.setattr(bench, "app_speed", lambda spec: 30_000.0)
    monkeypatch.setattr(bench, "learning_speed", lambda config, folder: {"labels_per_s": 5.0})
    path = tmp_path / "docs" / "bench.jsonl"
    bench.bench(Config(), path)
    row = bench.bench(Config(), path)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 2 and lines[1] == row
    assert row["in_process_steps_per_s"] == 1000.0
    assert row["apps_at_20000_steps_per_s"] == 1.0
    assert row["adb_steps_per_s"] is None
    assert "Install it" in row["adb_steps_per_s_reason"]
    assert row["web_steps_per_s"] is None and "Install one" in row["web_steps_per_s_reason"]
    assert {"when", "commit", "config", "processor", "cores", "labels_per_s"} <= set(row)
