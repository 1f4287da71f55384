"""prefect.yaml: what it names is there, and what happens after a worker that was killed."""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import yaml

from jamel.config import load_config
from jamel.errors import ConfigError
from jamel.layout import Layout
from jamel.services import PAGES_URL
from pipelines import events, shares
from pipelines.artifacts import page
from pipelines.notify import automations
from pipelines.rounds import rounds_to_run
from pipelines.turns import POOL, slots_of
from pipelines.worker import profiles_of, refuse_secrets, superseded

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOYMENTS = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
EVENTS = {value for name, value in vars(events).items() if name.isupper()}


@pytest.mark.parametrize(
    "deployment",
    [item for item in DEPLOYMENTS if item["name"] != "share"],
    ids=lambda item: item["name"],
)
def test_a_deployment_names_a_flow_with_its_parameters(deployment: dict[str, Any]) -> None:
    path, name = deployment["entrypoint"].split(":")
    flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
    flow.validate_parameters(deployment["parameters"])
    assert deployment["work_pool"]["name"] == POOL
    assert load_config(REPOSITORY / deployment["parameters"]["config"])
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    for trigger in deployment.get("triggers", []):
        assert set(trigger["expect"]) <= EVENTS
        assert set(trigger.get("parameters", {})) <= set(deployment["parameters"])


def test_shares_run_beside_each_other_and_take_the_profile_of_their_round() -> None:
    (deployment,) = (item for item in DEPLOYMENTS if item["name"] == "share")
    assert deployment["entrypoint"] == "pipelines/shares.py:share"
    assert f"{shares.share.name}/{deployment['name']}" == shares.DEPLOYMENT
    assert "concurrency_limit" not in deployment and deployment["work_pool"]["name"] == POOL
    laptop = load_config(REPOSITORY / "configs/laptop.yaml")
    spread = laptop.collect.model_copy(update={"spread": "prefect", "shares": 3})
    shared = laptop.model_copy(update={"collect": spread})
    assert slots_of(shared) == ("devices-laptop", 3 * laptop.collect.workers)


def test_the_profiles_of_the_deployments_are_those_with_slots() -> None:
    assert profiles_of(REPOSITORY / "prefect.yaml") == ["configs/laptop.yaml"]
    laptop = load_config(REPOSITORY / "configs/laptop.yaml")
    assert slots_of(laptop) == ("devices-laptop", 2)


def test_a_file_without_deployments_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").write_text("deployments: 3\n")
    with pytest.raises(ConfigError, match="expected deployments in"):
        profiles_of(tmp_path / "prefect.yaml")


def test_a_secret_that_registering_would_write_into_the_database_is_refused(
    tmp_path: Path,
) -> None:
    refuse_secrets(REPOSITORY / "prefect.yaml")
    refuse_secrets(tmp_path / "no such file")
    path = tmp_path / "prefect.yaml"
    path.write_text('job_variables: {env: {KEY: "{{ prefect.blocks.secret.bucket-key }}"}}\n')
    with pytest.raises(ConfigError, match="job template"):
        refuse_secrets(path)


def test_only_the_last_missed_run_of_a_deployment_is_made_up_for() -> None:
    noon, hourly, nightly = datetime(2026, 1, 1, 12, tzinfo=UTC), uuid4(), uuid4()
    runs: list[Any] = [
        SimpleNamespace(id=number, deployment_id=of, expected_start_time=noon + timedelta(hours=at))
        for number, (of, at) in enumerate([(hourly, 1), (hourly, 3), (hourly, 2), (nightly, 0)])
    ]
    assert [run.id for run in superseded(runs)] == [0, 2]


def made(root: Path, models: int, labels: int) -> Layout:
    project = Layout.at(root, profile="tiny")
    for index in range(models):
        project.model("jamel", index).mkdir(parents=True)
        (project.model("jamel", index) / "config.json").write_text("{}")
    for index in range(labels):
        (project.labels / f"round-{index}").mkdir(parents=True)
    return project


@pytest.mark.parametrize(
    ("models", "labels", "waiting", "first"),
    [(0, 0, 0, 0), (0, 1, 0, 0), (2, 2, 0, 2), (2, 3, 1, 2), (2, 5, 3, 4)],
)
def test_rounds_that_wait_are_trained_on_before_more_is_collected(
    tmp_path: Path, models: int, labels: int, waiting: int, first: int
) -> None:
    project = made(tmp_path, models, labels)
    assert project.rounds_waiting() == waiting
    tiny = load_config(REPOSITORY / "configs/tiny.yaml")
    assert rounds_to_run(tiny, project, grow=True).start == first


def test_a_message_is_json_whatever_it_tells() -> None:
    from prefect.server.utilities.user_templates import render_user_template_sync

    (refused,) = [item for item in automations(uuid4()) if item.name == "jamel: the gate refused"]
    (action,) = refused.actions
    payload = {"model": "jamel", "version": "3", "verdict": 'NOT PROMOTED\n- FAILED: "better"'}
    text = render_user_template_sync(action.payload, {"event": {"payload": payload}})
    told = json.loads(text)["text"]
    assert told == 'jamel: the gate refused: jamel 3 NOT PROMOTED\n- FAILED: "better"'


def test_pages_are_linked_where_they_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Layout.at(tmp_path)
    assert page(project, project.report) == "`build/laptop/evaluation/report.html`"
    monkeypatch.setenv(PAGES_URL, "http://127.0.0.1:5002/")
    assert page(project, project.report).endswith(
        "(http://127.0.0.1:5002/laptop/evaluation/report.html)"
    )
    assert page(project, tmp_path / "data.dvc") == "`data.dvc`"
