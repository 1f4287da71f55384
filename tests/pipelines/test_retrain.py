"""The whole loop at its smallest, end to end, and what it does when something is wrong."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from jamel.agents.base import weights_digest
from jamel.collect import collect
from jamel.config import load_config
from jamel.episodes import session_header
from jamel.errors import Busy, ConfigError
from jamel.evaluate import read_json
from jamel.stores import project_lock
from pipelines.gather import collect as collect_flow
from pipelines.isolation import IMPORTABLE, in_own_process
from pipelines.measure import evaluate as evaluate_flow
from pipelines.retrain import retrain
from pipelines.rounds import rounds_to_run, trained_arms

# The whole loop runs once, for all of these: minutes on a slow machine.
pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.timeout(900)]
TINY = "configs/tiny.yaml"


@pytest.fixture(scope="module")
def truncated(project: Path) -> str:
    """A shard that a crash of another tool left behind, in the folder of round 0."""
    path = project / "data" / "sessions" / "round-0" / "train-900-random-s0.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"PAR1 and then nothing")
    return path.name


@pytest.fixture(scope="module")
def unlabelled(project: Path) -> str:
    """A session of a later round, which a run that was interrupted had not labelled yet."""
    tiny = load_config(TINY)
    one = tiny.collect.model_copy(update={"apps": 1, "agents": ("random",)})
    (path,) = collect(
        tiny.model_copy(update={"collect": one}), project / "data/sessions/round-1", round_index=50
    )
    return path.name


@pytest.fixture(scope="module")
def of_another_dataset(project: Path) -> Path:
    """What a run of another profile that was interrupted left in the dataset of its own."""
    path = project / "data/sessions/web/round-0/train-900-random-s0.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 and then nothing")
    return path


@pytest.fixture(scope="module")
def outcome(
    server: None, project: Path, truncated: str, unlabelled: str, of_another_dataset: Path
) -> dict[str, Any]:
    """What one run of the loop came to."""
    return retrain(config=TINY)


def loaded_already() -> tuple[bool, bool]:
    """Whether a step began with the model, and whether it has the nursery's path."""
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return "jamel.model.modeling" in sys.modules, str(IMPORTABLE) in path


def test_steps_are_forked_from_what_was_loaded_ahead_in_any_folder() -> None:
    found_before = str(IMPORTABLE) in os.environ.get("PYTHONPATH", "").split(os.pathsep)
    assert in_own_process(loaded_already) == (True, found_before)


def test_the_loop_measures_every_agent_of_the_profile(outcome: dict, project: Path) -> None:
    rows = read_json(project / "build/tiny/evaluation/results.json")["rows"]
    assert {row["agent"] for row in rows} == {"random", "planner", "no-memory", "jamel"}
    assert len({row["app"] for row in rows}) == 4
    assert (project / "build/tiny/evaluation/report.html").stat().st_size > 1000


def test_a_broken_shard_is_set_aside_and_the_rest_goes_on(
    outcome: dict, project: Path, truncated: str
) -> None:
    assert outcome["validation"]["passed"]
    assert outcome["validation"]["sessions"] == 13, "round 0, a round of each of two arms, one left"
    assert not (project / "data/sessions/round-0" / truncated).exists()
    (reason,) = (project / "data/quarantine").rglob("*.reason.txt")
    assert reason.name.startswith(truncated.removesuffix(".parquet"))


def test_another_dataset_is_left_alone(outcome: dict, of_another_dataset: Path) -> None:
    assert of_another_dataset.is_file(), "neither validated nor set aside"


def test_what_an_interrupted_run_left_is_labelled(
    outcome: dict, project: Path, unlabelled: str
) -> None:
    assert (project / "data/labels/round-1" / unlabelled).is_file()


def test_both_arms_went_through_their_own_on_policy_round(outcome: dict, project: Path) -> None:
    for arm, folder in (("jamel", "round-1"), ("no-memory", "no-memory-round-1")):
        sessions = list((project / "data/sessions" / folder).glob(f"*-{arm}-s*.parquet"))
        assert len(sessions) == 3, "three quarters of four apps are explored by the arm's model"
        assert (project / f"build/tiny/models/{arm}/round-1/model.safetensors").exists()


def test_the_last_model_is_calibrated_and_registered_with_it(outcome: dict, project: Path) -> None:
    from jamel.calibration import FILE, read_calibration

    found = read_calibration(project / "build/tiny/models/jamel/round-1")
    assert found is not None and found.suite == "valid"
    (kept,) = (project / "stores").rglob(FILE)
    assert read_calibration(kept.parent) == found, "it goes with the registered weights"
    believed = read_json(project / "build/tiny/evaluation/results.json")["reliability"]
    assert set(believed) == {"no-memory", "jamel"}
    assert believed["jamel"]["novelty"]["after"] and not believed["no-memory"]["novelty"]["after"]
    page = (project / "build/tiny/evaluation/report.html").read_text()
    assert "What jamel predicted against what came" in page


def test_every_round_is_measured_and_is_a_run_with_its_trainings_below(
    outcome: dict, project: Path
) -> None:
    from jamel.registry import Tracker
    from jamel.registry.connection import experiment_id

    results = read_json(project / "build/tiny/evaluation/results.json")
    curve = results["rounds"]["curve"]
    assert [point["round"] for point in curve] == [0, 1]
    assert curve[0]["gain"] is None
    assert curve[1]["gain"]["difference"] == pytest.approx(curve[1]["mean"] - curve[0]["mean"])
    assert results["rounds"]["seconds"] > 0
    client = Tracker(project).client
    runs = client.search_runs([experiment_id(project)])
    below = {run.info.run_name: run.data.tags.get("mlflow.parentRunId") for run in runs}
    ids = {run.info.run_name: run.info.run_id for run in runs}
    for index in (0, 1):
        assert below[f"round {index}"] == outcome["run_id"]
        assert below[f"train jamel round-{index}"] == ids[f"round {index}"]
    trained_on = {run.info.run_name: run.data.tags["dataset_md5"] for run in runs}
    pinned = {run.info.run_name: _datasets(run) for run in runs}
    for index in (0, 1):
        md5 = trained_on[f"train jamel round-{index}"]
        assert trained_on[f"round {index}"] == md5 and md5[:36] in pinned[f"round {index}"]
    assert trained_on["round 1"] == trained_on["retrain"] == outcome["dataset"]
    assert trained_on["round 0"] != outcome["dataset"]
    history = client.get_metric_history(outcome["run_id"], "round_coverage")
    assert {point.step: point.value for point in history} == {
        point["round"]: point["mean"] for point in curve
    }
    assert "plots/rounds.png" in [
        item.path for item in client.list_artifacts(outcome["run_id"], "plots")
    ]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert "Coverage by round" in (project / "build/tiny/evaluation/report.html").read_text()


def _datasets(run: Any) -> list[str]:
    return [item.dataset.digest for item in run.inputs.dataset_inputs]


def test_the_dataset_is_pinned_and_its_md5_is_in_the_results(outcome: dict, project: Path) -> None:
    assert outcome["dataset"].endswith(".dir")
    assert outcome["dataset"] in (project / "data.dvc").read_text()
    meta = read_json(project / "build/tiny/evaluation/results.json")["meta"]
    assert meta["dataset_md5"] == outcome["dataset"]


def test_the_decision_has_reasons_and_a_registered_version(outcome: dict, project: Path) -> None:
    from jamel.registry import champion, list_versions

    decision = outcome["decision"]
    assert decision["version"] == "1"
    assert len(decision["conditions"]) >= 4
    assert decision["promoted"] == all(item["passed"] for item in decision["conditions"])
    (version,) = list_versions(project)
    assert version.tags["dataset_md5"] == outcome["dataset"]
    assert (champion(project) is not None) == decision["promoted"]


def test_the_outcome_is_plain_data(outcome: dict) -> None:
    assert json.loads(json.dumps(outcome)) == outcome


def test_a_second_run_at_the_same_time_is_refused(project: Path) -> None:
    with project_lock(project), pytest.raises(Busy, match="no other run"):
        retrain(config=TINY)


def test_a_wrong_profile_is_refused_before_anything_starts(project: Path) -> None:
    (project / "wrong.yaml").write_text("collect: {app: 3}\n")
    with pytest.raises(ConfigError, match=r"'collect\.apps'"):
        retrain(config="wrong.yaml")
    (project / "wrong.yaml").write_text("gate: {better_than: [nobody]}\n")
    with pytest.raises(ConfigError, match=r"in gate\.better_than, found 'nobody'"):
        retrain(config="wrong.yaml")


def test_rounds_grow_from_the_last_one(outcome: dict, project: Path) -> None:
    from jamel.layout import Layout

    tiny, there = load_config(TINY), Layout.at(profile="tiny")
    assert rounds_to_run(tiny, there, grow=False) == range(0, 2)
    assert rounds_to_run(tiny, there, grow=True) == range(2, 3)


def test_a_run_leaves_what_a_person_reads(outcome: dict) -> None:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        latest = client.request("POST", "/artifacts/latest/filter").json()
    found = {item["key"]: item for item in latest}
    shown = {"dataset", "validation", "training", "evaluation", "evaluation-curves", "promotion"}
    assert shown <= set(found)
    assert outcome["dataset"] in found["dataset"]["data"]
    assert "validation/docs/index.html" in found["validation"]["data"]
    assert found["training"]["data"].startswith("data:image/png;base64,")


def test_a_round_is_collected_by_the_champion_and_waits_for_a_retraining(
    outcome: dict, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jamel.layout import Layout

    there = Layout.at(profile="tiny")
    champion = there.model("jamel", 0)
    monkeypatch.setattr("pipelines.gather.champion_model", lambda *_: {"folder": str(champion)})
    done = collect_flow(config=TINY, ahead=1)
    weights = weights_digest(champion)
    own = (project / "data/sessions/round-2").glob("*-jamel-s*.parquet")
    assert {session_header(path)["agent_version"][:12] for path in own} == {weights}
    assert weights != weights_digest(there.model("jamel", 1)), "the last model was refused"
    assert (done["round"], done["validation"]["sessions"], done["builds"]) == (2, 21, [])
    assert done["dataset"] != outcome["dataset"]
    assert done["dataset"] in (project / "data.dvc").read_text()
    assert there.rounds_waiting() == 1
    assert rounds_to_run(load_config(TINY), there, grow=True) == range(2, 3)
    assert collect_flow(config=TINY, ahead=1) == {}, "as many rounds wait as may"


def test_a_version_is_measured_beside_agents_without_learning(outcome: dict, project: Path) -> None:
    done = evaluate_flow(config=TINY, version="1")
    results = read_json(project / "build/tiny/versions/1/results.json")
    assert done["version"] == "1"
    assert {row["agent"] for row in results["rows"]} == {"random", "planner", "jamel"}
    assert {row["suite"] for row in results["rows"]} == {"valid"}
    assert (project / "build/tiny/versions/1/report.html").is_file()
    with pytest.raises(ConfigError, match="test"):
        evaluate_flow(config=TINY, version="1", suite="test")


def test_the_arms_follow_from_the_agents_to_measure() -> None:
    from jamel.config import Config

    assert trained_arms(Config()) == ["jamel", "no-memory"]
