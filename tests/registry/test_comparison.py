"""Two models beside each other, on a real MLflow store: by version, by alias and by run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jamel import comparison, registry
from jamel.config import MODEL_NAME, parse_config
from jamel.errors import StoreError
from jamel.registry.comparison import compare_two
from tests.conftest import copied


def row(app: int, coverage: float, seed: int = 0, agent: str = "jamel") -> dict[str, Any]:
    return {"suite": "valid", "app": f"valid/{app}", "seed": seed, "agent": agent, "budget": 10} | {
        "coverage": coverage,
        "reward": 5.0,
        "auc": 30.0,
        "ms_per_decision": 1.0,
        "tokens_memory": 2.0,
        "tokens_screen": 3.0,
    }


def results(gain: float, apps: int, reachable: int = 100) -> dict[str, Any]:
    rows = [row(app, 40 + app + gain) for app in range(apps)]
    others = [row(app, 99.0, agent="planner") for app in range(apps)]
    known = {f"valid/{app}": 100 for app in range(apps)} | {"valid/0": reachable}
    meta = {"suite": "valid", "budget": 10, "reachable": known}
    curve = {name: [20.0, 40.0 + gain] for name in ("mean", "low", "high")}
    curves = {"jamel": curve, "planner": curve}
    return {"meta": meta, "rows": rows + others, "paired": [], "curves": curves}


def log(root: Path, updates: int, evaluation: dict[str, Any] | None, **tags: str) -> str:
    """A run as a registration leaves it, with its version but without model files."""
    tracker = registry.Tracker(root)
    with tracker.run("retrain", parse_config({"train": {"updates": updates}}, "x")) as run_id:
        tracker.log_metrics(run_id, {"coverage": 40.0})
        if evaluation is not None:
            tracker.log_json(run_id, evaluation, "results.json")
    if evaluation is not None:
        made = tracker.client.create_model_version
        made(MODEL_NAME, source=f"runs:/{run_id}", run_id=run_id, tags=tags)
    return run_id


@pytest.fixture(scope="module")
def root(databases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three versions: the third was measured where fewer probes counted as reachable."""
    root = copied(databases, tmp_path_factory.mktemp("project"))
    client = registry.Tracker(root).client
    client.create_registered_model(MODEL_NAME)
    log(root, 100, results(0.0, apps=3))
    log(root, 200, results(2.0, apps=4))
    log(root, 100, results(9.0, apps=3, reachable=80))
    client.set_registered_model_alias(MODEL_NAME, "champion", "1")
    return root


def test_versions_are_paired_on_the_apps_that_both_were_measured_on(root: Path) -> None:
    found = compare_two(root, "2", "champion", resamples=100)
    coverage = next(item for item in found["paired"] if item["metric"] == "coverage")
    assert (coverage["mine"], coverage["theirs"], coverage["apps"]) == (43.0, 41.0, 3)
    assert coverage["low"] == coverage["difference"] == coverage["high"] == 2.0
    assert (coverage["wins"], coverage["ties"], coverage["losses"]) == (3, 0, 0)
    metrics = [item["metric"] for item in found["paired"]]
    assert metrics == ["reward", "coverage", "auc", "tokens", "ms_per_decision"]


def test_what_differs_in_the_configuration_and_where_both_come_from(root: Path) -> None:
    found = compare_two(root, "2", "1", resamples=10)
    assert found["config"] == [{"name": "train.updates", "first": "200", "second": "100"}]
    origin = {item["name"]: (item["first"], item["second"]) for item in found["origin"]}
    assert origin["version"] == ("2", "1")
    assert set(origin) > {"run_id", "dataset_md5", "git_commit", "config_digest"}
    assert origin["config_digest"][0] != origin["config_digest"][1]
    assert found["figures"][0] == {"name": "coverage", "first": 40.0, "second": 40.0}


def test_an_app_with_another_denominator_is_left_out_and_named(root: Path) -> None:
    found = compare_two(root, "3", "1", resamples=10)
    assert found["apps_left_out"] == ["valid/0"]
    assert {item["apps"] for item in found["paired"]} == {2}


def test_apps_curves_and_costs_are_those_of_the_models_themselves(root: Path) -> None:
    found = compare_two(root, "2", "1", resamples=10)
    assert [(item["app"], item["mine"], item["theirs"]) for item in found["apps"]] == [
        (f"valid/{app}", 42.0 + app, 40.0 + app) for app in range(3)
    ]
    assert found["curves"]["first"]["mean"] == [20.0, 42.0]
    assert found["curves"]["second"]["mean"] == [20.0, 40.0]
    costs = {row["name"]: (row["first"], row["second"]) for row in found["costs"]}
    assert costs["tokens"] == (5.0, 5.0) and costs["ms_per_decision"] == (1.0, 1.0)
    assert found["notes"][:2] == [
        "left out, measured only for 2: valid/3",
        "curves, costs and figures are over each one's own apps",
    ]


def test_runs_can_be_compared_even_without_an_evaluation(root: Path) -> None:
    run_id = log(root, 300, None)
    found = compare_two(root, run_id, "1", resamples=10)
    assert found["paired"] == found["apps"] == []
    assert found["config"][0]["first"] == "300"
    assert f"no evaluation was logged with {run_id}: nothing is paired" in found["notes"]
    assert "share no evaluated app" in comparison.verdict(found)


def test_evaluations_on_other_suites_are_said_to_be_and_not_paired(root: Path) -> None:
    other = results(1.0, apps=2)
    other["meta"] |= {"suite": "test"}
    other["rows"] = [row | {"suite": "test", "app": f"test/{n}"} for n, row in
                     enumerate(other["rows"])]  # fmt: skip
    found = compare_two(root, log(root, 100, other), "1", resamples=10)
    assert found["paired"] == []
    assert found["notes"][0] == "measured with suite test and valid: nothing is paired"


def test_a_champion_is_compared_where_the_candidate_was_measured_beside_it(root: Path) -> None:
    beside = results(5.0, apps=2)
    beside["rows"] += [row(app, 44.0 + app, agent="champion") for app in range(2)]
    beside["meta"] |= {"budget": 20}  # Another profile than that of the champion's evaluation.
    beside["rows"] = [item | {"budget": 20} for item in beside["rows"]]
    log(root, 100, beside, measured_against="2")
    newest = registry.list_versions(root)[0].version
    found = compare_two(root, newest, "2", resamples=10)
    coverage = next(item for item in found["paired"] if item["metric"] == "coverage")
    assert (coverage["mine"], coverage["theirs"], coverage["budget"]) == (45.5, 44.5, 20)
    assert f"2 was measured beside {newest}, in its evaluation" in found["notes"]


def test_packages_and_sessions_are_those_logged_with_the_runs(root: Path) -> None:
    ids = [log(root, 100, None) for _ in range(2)]
    tracker = registry.Tracker(root)
    for name, run_id in zip("ab", ids, strict=True):
        tracker.set_tags(run_id, {"dataset_md5": f"{name}.dir", "environment_digest": name})
        tracker.client.log_text(run_id, f"numpy==1\nonly-{name}==2\n", "environment.txt")
        sessions = {f"round-0/{name}": {"md5": name, "app": f"train/{name}"}}
        tracker.log_json(run_id, {"md5": f"{name}.dir", "sessions": sessions}, "dataset.json")
    below = tracker.start("train", parent=ids[0], environment_digest="c")
    tracker.finish(below)
    found = compare_two(root, below, ids[1], resamples=10)
    assert {"name": "only-a", "first": "2", "second": None} in found["packages"], "its parent's"
    found = compare_two(root, ids[0], ids[1], resamples=10)
    assert found["dataset"]["only_first"] == ["round-0/a"]
    assert found["dataset"]["apps_only_second"] == ["train/b"]
    tracker.set_tags(ids[1], {"dataset_md5": "0.dir"})
    found = compare_two(root, ids[0], ids[1], resamples=10)
    assert found["dataset"] == {}
    assert f"the sessions of {ids[1]} are not known" in found["notes"][-1]


@pytest.mark.parametrize("name", ["99", "nobody", "0" * 32, "../up", ""])
def test_an_unknown_name_lists_the_versions(root: Path, name: str) -> None:
    with pytest.raises(StoreError, match=r"the versions are: (\d, )*3, 2, 1\."):
        compare_two(root, "1", name)


def test_an_unknown_version_and_an_early_rollback(root: Path) -> None:
    with pytest.raises(StoreError, match=r"a registered version 99, found (\d, )*3, 2, 1 "):
        registry.promote(root, "99")
