"""The registry on a real SQLite store with a real, tiny model: log, check, promote, roll back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from jamel import registry, stores
from jamel.config import Config, config_digest, parse_config
from jamel.errors import GateError, RequestError, StoreError
from jamel.registry import serving, smoke, wire
from jamel.registry.tracking import PROCESS_TAG
from jamel.registry.wire import Question, Ranked, Remembered
from jamel.statistics import summarise
from jamel.types import Action, ActionKind
from tests.conftest import copied
from tests.registered import VALID, tiny_model
from tests.registered import evaluation as results

CONFIG: Config = parse_config({}, "test")


@pytest.fixture(scope="module")
def hf_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"), seed=0)


@pytest.fixture
def project(databases: Path, tmp_path: Path) -> Path:
    return copied(databases, tmp_path)


def register(root: Path, hf_dir: Path, low: float = 1.0) -> registry.ModelVersion:
    return registry.register(root, hf_dir, CONFIG, results(low), VALID, losses=[2.0, 1.0])


def test_a_run_says_where_it_comes_from(project: Path) -> None:
    tracker = registry.Tracker(project)
    with tracker.run("train", CONFIG, note="What it is about.", arm="jamel") as run_id:
        tracker.add_note(run_id, "What came of it.")
        tracker.add_note(run_id, "What came of it.")
        tracker.log_history(run_id, {"loss": [3.0, 2.0, 1.0]}, first=10)
        tracker.log_table(run_id, [{"a": 1, "b": "x"}], "tables/t.json")
    run = tracker.client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["train.updates"] == str(CONFIG.train.updates)
    assert run.data.tags["config_digest"] == config_digest(CONFIG)
    note = run.data.tags["mlflow.note.content"]
    assert note == "What it is about.\n\nWhat came of it."
    assert {"dataset_md5", "git_commit", "environment_digest", "arm"} <= set(run.data.tags)
    history = tracker.client.get_metric_history(run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(10, 3.0), (11, 2.0), (12, 1.0)]


def test_a_failing_run_is_marked_failed(project: Path) -> None:
    tracker = registry.Tracker(project)
    with pytest.raises(RuntimeError), tracker.run("train") as run_id:
        raise RuntimeError
    assert tracker.client.get_run(run_id).info.status == "FAILED"


def test_runs_can_be_logged_from_many_threads(project: Path) -> None:
    tracker = registry.Tracker(project)

    def one(index: int) -> str:
        with tracker.run(f"run-{index}") as run_id:
            tracker.log_metrics(run_id, {"index": index})
        return run_id

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(one, range(8)))
    metrics = [tracker.client.get_run(run_id).data.metrics["index"] for run_id in ids]
    assert metrics == list(range(8))


def test_register_stores_a_model_without_pickle_that_answers_the_same(
    project: Path, hf_dir: Path
) -> None:
    version = register(project, hf_dir)
    assert version.version == "1" and version.figures["coverage"] == 60.0
    assert version.figures["tokens_per_decision"] == 52.0
    stored = list(stores.stores_at(project).mlflow_artifacts.rglob("*"))
    assert not [path for path in stored if path.suffix in (".pkl", ".pickle", ".bin", ".pt")]
    questions = serving.example_questions()
    answers = smoke.ask(smoke.load("models:/jamel/1"), questions)
    ranker = serving.load_ranker(hf_dir)
    assert [item.action for item in answers[1]] == [
        item.action for item in ranker.rank(questions[1])
    ]
    assert (registry.model_dir(project, "1") / "model.safetensors").exists()
    client = registry.Tracker(project).client
    card = client.get_model_version("jamel", "1").description
    assert "## Limits" in card and "| jamel | 60.0 |" in card


def test_an_evaluation_is_a_table_a_plot_and_a_page(project: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text("<p>measured</p>")
    found = results()
    found["meta"]["budgets"] = [10]
    found |= {"summary": summarise(found["rows"], 10)}
    found |= {"curves": {"jamel": {name: [1.0, 2.0] for name in ("mean", "low", "high")}}}
    config = parse_config({"tracking": {"system_metrics_s": 0.1}}, "test")
    client = registry.Tracker(project).client
    with registry.evaluation_run(project, config) as run_id:
        assert client.get_run(run_id).info.status == "RUNNING"
        await_load(client, run_id)
        registry.log_evaluation(project, run_id, found, report)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED" and run.data.tags["dataset_md5"]
    assert run.data.metrics["jamel.coverage_at_10"] == run.data.metrics["coverage"] == 60.0
    assert "- jamel: coverage@10 60.0" in run.data.tags["mlflow.note.content"]
    assert [item.dataset.name for item in run.inputs.dataset_inputs] == ["valid"]
    names = {item.path for where in ("tables", "plots", "files") for item in
             client.list_artifacts(run_id, where)}  # fmt: skip
    assert names >= {"tables/agents.json", "tables/paired.json", "plots/coverage.png"}
    assert "files/report.html" in names
    plot = client.download_artifacts(run_id, "plots/coverage.png", str(tmp_path))
    assert Path(plot).read_bytes().startswith(b"\x89PNG")


def test_the_flows_run_has_the_correlation_of_coverage_and_use(project: Path) -> None:
    tracker = registry.Tracker(project)
    point = {"mean": 40.0, "low": 35.0, "high": 45.0, "gain": None, "rewarded": 50.0}
    curve = {"suite": "valid", "budget": 10, "curve": [point | {"round": 3}]}
    curve |= {"correlation": {"spearman": 0.5, "models": 3}}
    with tracker.run("loop", CONFIG) as parent:
        run_id = registry.open_round(project, CONFIG, 3, parent)
        registry.close_round(project, run_id, parent, results(1.0), curve)
    history = tracker.client.get_metric_history(parent, "offline_online_correlation")
    assert [(found.step, found.value) for found in history] == [(3, 0.5)]
    assert "offline_online_correlation" not in tracker.client.get_run(run_id).data.metrics


def test_a_model_that_answers_otherwise_is_not_registered(
    project: Path, hf_dir: Path, tmp_path: Path
) -> None:
    other = serving.load_ranker(tiny_model(tmp_path / "other", seed=1))
    tracker = registry.Tracker(project)
    with pytest.raises(StoreError, match="another ranking"), tracker.run("train") as run_id:
        registry.log_model(project, run_id, hf_dir, "card", reference=other)
    assert registry.list_versions(project) == []


def test_a_pickle_and_an_empty_folder_are_refused(
    project: Path, hf_dir: Path, tmp_path: Path
) -> None:
    tracker = registry.Tracker(project)
    with tracker.run("train") as run_id:
        with pytest.raises(StoreError, match=r"config\.json"):
            registry.log_model(project, run_id, tmp_path / "none", "card")
        folder = tmp_path / "pickled"
        folder.mkdir()
        (folder / "pytorch_model.bin").write_bytes(b"")
        with pytest.raises(StoreError, match="pytorch_model"):
            registry.log_model(project, run_id, folder, "card")


def test_promotion_rollback_and_audit(project: Path, hf_dir: Path) -> None:
    assert registry.champion(project) is None and registry.champion_dir(project) is None
    register(project, hf_dir)
    first = {"model": "jamel", "version": "1", "previous": "", "promoted": True}
    assert registry.promote(project) == first
    register(project, hf_dir)
    registry.promote(project, "2")
    again = registry.weigh(project, "2")
    assert (again["previous"], again["promoted"], len(again["conditions"])) == ("2", True, 5)
    assert (champion := registry.champion(project)) and champion.version == "2"
    assert [(row["version"], row["champion"]) for row in registry.compare(project)] == [
        ("2", True),
        ("1", False),
    ]
    assert [row["version"] for row in registry.compare(project, ["1"])] == ["1"]
    assert registry.rollback(project)["version"] == "1"
    assert (champion := registry.champion(project)) and champion.version == "1"
    assert (found := registry.champion_dir(project)) and (found / "config.json").exists()
    with pytest.raises(GateError, match="earlier champion"):
        registry.rollback(project)
    with stores.stores_at(project).audit.open("a") as audit:
        audit.write('{"cut sho')
    events = [(entry["event"], entry["version"]) for entry in registry.read_audit(project)]
    assert events == [("promote", "1"), ("promote", "2"), ("rollback", "1")]


def test_what_is_registered_already_is_not_registered_again(project: Path, hf_dir: Path) -> None:
    """As by a run that was killed after it had registered, and starts again."""
    first = register(project, hf_dir)
    assert first.is_new and register(project, hf_dir) == first
    registry.promote(project)
    beside = register(project, hf_dir)
    assert (beside.version, beside.tags["measured_against"]) == ("2", "1")
    assert register(project, hf_dir, low=-3.0).version == "3"
    registry.weigh(project, "3")
    refused = register(project, hf_dir, low=-3.0)
    assert refused.version == "3" and not refused.is_new


def test_the_gate_refuses_and_says_why(project: Path, hf_dir: Path) -> None:
    register(project, hf_dir, low=-3.0)
    with pytest.raises(GateError, match="better than no-memory"):
        registry.promote(project)
    assert registry.champion(project) is None
    assert registry.weigh(project)["promoted"] is False
    refusal = registry.read_audit(project)[-1]
    assert refusal["event"] == "refuse" and len(refusal["failed"]) == 3
    assert registry.compare(project)[0]["gate"] == "refused"


def test_a_comparison_with_a_former_champion_does_not_count(project: Path, hf_dir: Path) -> None:
    register(project, hf_dir)
    late = register(project, hf_dir, low=2.0)
    registry.promote(project, "1")
    assert late.tags["measured_against"] == ""
    with pytest.raises(GateError, match="measured against the current champion"):
        registry.promote(project, "2")


def test_files_that_are_gone_are_a_sentence(project: Path, hf_dir: Path) -> None:
    register(project, hf_dir)
    shutil.rmtree(stores.stores_at(project).mlflow_artifacts / "models")
    with pytest.raises(StoreError, match="from a backup"):
        registry.model_dir(project, "1")


def test_unknown_versions_and_uninitialised_stores(project: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="found none"):
        registry.promote(project)
    with pytest.raises(StoreError, match="jamel init"):
        registry.compare(tmp_path / "elsewhere")
    with pytest.raises(GateError):
        registry.rollback(project)


def test_memory_changes_the_ranking(hf_dir: Path) -> None:
    home = serving.example_questions()[0].observation
    again = (Remembered(home, Action(ActionKind.TAP, 0)),) * 3
    ranker = serving.load_ranker(hf_dir)
    plain, remembered = ranker.rank(Question(home)), ranker.rank(Question(home, again))
    scores = [{item.action: item.score for item in ranked} for ranked in (plain, remembered)]
    assert scores[0] != scores[1]
    assert sum(2.718281828459045**item.score for item in plain) == pytest.approx(1.0)


def test_questions_survive_json_and_hostile_ones_are_refused() -> None:
    question = serving.example_questions()[2]
    assert wire.read_observation(wire.to_json(question.observation)) == question.observation
    assert wire.read_memory(wire.memory_to_json(question.memory)) == question.memory
    ranked = [Ranked(Action(ActionKind.TYPE, 3, "12"), -0.5, 3.25)]
    assert wire.read_ranked(wire.ranked_to_json(ranked)) == ranked
    for bad in ("{", "[]", '{"elements": [{"cls": 3}]}', '{"os": "x"}', "[" * 100_000):
        with pytest.raises(RequestError):
            wire.read_observation(bad)
    with pytest.raises(RequestError, match=r"steps\.0\.action\.kind"):
        wire.read_memory(json.dumps([{"observation": {}, "action": {"kind": "rm"}}]))


def test_two_runs_name_a_new_dataset_at_the_same_moment(project: Path) -> None:
    tracker, together = registry.Tracker(project), threading.Barrier(2)

    def log(number: int) -> str:
        with registry.Tracker(project).run(f"train {number}") as run_id:
            for digest in range(10):
                together.wait(30)
                tracker.log_dataset(run_id, f"{digest:032x}", "training")
        return run_id

    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(log, range(2)))
    for run_id in runs:
        found = tracker.client.get_run(run_id)
        assert found.info.status == "FINISHED" and len(found.inputs.dataset_inputs) == 10


def test_the_load_of_the_machine_is_watched_and_the_watch_ends(project: Path) -> None:
    tracker = registry.Tracker(project)
    with tracker.run("train") as run_id, registry.watched(project, run_id, every_s=0.1):
        await_load(tracker.client, run_id)
    assert "SystemMetricsMonitor" not in [thread.name for thread in threading.enumerate()]
    with registry.watched(project, "no run at all", every_s=0):
        assert "SystemMetricsMonitor" not in [thread.name for thread in threading.enumerate()]


def test_a_run_is_abandoned_once_its_process_is_no_more(project: Path) -> None:
    tracker = registry.Tracker(project)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        began = psutil.Process(process.pid).create_time() - psutil.boot_time()
        with tracker.run("at work"):
            run_id = tracker.start("at work in another process")
            tracker.client.set_tag(run_id, PROCESS_TAG, f"{process.pid}@{began:.2f}")
            assert tracker.close_abandoned() == 0
            other = tracker.start("at work before this number was used again")
            tracker.client.set_tag(other, PROCESS_TAG, f"{process.pid}@{began - 60:.2f}")
            assert tracker.close_abandoned() == 1
            process.kill()
            psutil.Process(process.pid).wait(timeout=60)
            assert tracker.close_abandoned() == 1
            assert tracker.client.get_run(run_id).info.status == "KILLED"
    assert tracker.close_abandoned() == 0


def await_load(client: MlflowClient, run_id: str) -> None:
    deadline = time.monotonic() + 60
    while "system/cpu_utilization_percentage" not in client.get_run(run_id).data.metrics:
        assert time.monotonic() < deadline
        time.sleep(0.1)
