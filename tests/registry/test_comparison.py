"""Two models beside each other, on a real MLflow store: by version, by alias and by run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jamel import registry
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
    return {"meta": meta, "rows": rows + others, "paired": []}


def log(root: Path, updates: int, evaluation: dict[str, Any] | None) -> str:
    """A run as a registration leaves it, with its version but without model files."""
    tracker = registry.Tracker(root)
    with tracker.run("retrain", parse_config({"train": {"updates": updates}}, "x")) as run_id:
        tracker.log_metrics(run_id, {"coverage": 40.0})
        if evaluation is not None:
            tracker.log_json(run_id, evaluation, "results.json")
    if evaluation is not None:
        tracker.client.create_model_version(MODEL_NAME, source=f"runs:/{run_id}", run_id=run_id)
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


def test_runs_can_be_compared_even_without_an_evaluation(root: Path) -> None:
    run_id = log(root, 300, None)
    found = compare_two(root, run_id, "1", resamples=10)
    assert found["paired"] == []
    assert found["config"][0]["first"] == "300"


@pytest.mark.parametrize("name", ["99", "nobody", "0" * 32, "../up", ""])
def test_an_unknown_name_lists_the_versions(root: Path, name: str) -> None:
    with pytest.raises(StoreError, match="the versions are: 3, 2, 1"):
        compare_two(root, "1", name)


def test_an_unknown_version_and_an_early_rollback(root: Path) -> None:
    with pytest.raises(StoreError, match="expected a registered version 99, found 3, 2, 1"):
        registry.promote(root, "99")
