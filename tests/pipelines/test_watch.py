"""What the flows tell Prefect arrives there as events; a champion that fell is told of; who wants
devices waits for its slots."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from prefect import flow
from prefect.client.orchestration import get_client

from jamel import registry
from jamel.collect import collect
from jamel.config import load_config, parse_config
from jamel.episodes import write_session
from jamel.layout import Layout
from jamel.monitor import REWARDED
from pipelines import events, turns
from pipelines.watch import watch
from tests.conftest import copied
from tests.registered import enter, tiny_model
from tests.smallest import SMALLEST
from tests.test_monitor import stuck

pytestmark = pytest.mark.usefixtures("server")


@pytest.fixture
def watched(databases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A champion with two rounds of its own; in the second no step reached new code."""
    root = copied(databases, tmp_path / "watched")
    enter(root, "jamel", hf_dir=tiny_model(tmp_path / "model"))
    registry.promote(root)
    explored = {"apps": 3, "agents": ["random"], "on_policy_share": 1.0, "steps": 12, "workers": 1}
    profile = SMALLEST | {"profile": "watched", "collect": explored}
    (root / "watched.yaml").write_text(yaml.safe_dump(profile))
    config, model = load_config(root / "watched.yaml"), registry.champion_dir(root)
    sessions = Layout.of(config, root).sessions
    for index in (1, 2):
        folder = sessions / f"round-{index}"
        collect(config, folder, round_index=index, arm="jamel", model_dir=model)
    for path in folder.glob("*.parquet"):
        write_session(stuck(path), folder)
    monkeypatch.chdir(root)
    return root


def arrived(event: str, seconds: float = 60) -> dict[str, Any]:
    """The last event of the name that the server has, once it has one."""
    deadline = time.monotonic() + seconds
    with get_client(sync_client=True) as client:
        while True:
            wanted = {"filter": {"event": {"name": [event]}}, "limit": 1}
            found = client.request("POST", "/events/filter", json=wanted).json()["events"]
            if found:
                return dict(found[0])
            assert time.monotonic() < deadline, f"{event} did not arrive"
            time.sleep(0.2)


def test_a_champion_that_fell_is_an_event_and_an_artifact(watched: Path) -> None:
    found = watch(config="watched.yaml")
    assert REWARDED in found["fell"]
    told = arrived(events.CHAMPION_FELL)
    assert told["resource"]["prefect.resource.id"] == "jamel.model.jamel"
    assert told["resource"]["jamel.flow"] == "watch"
    assert told["payload"] | {"fell": ""} == {"model": "jamel", "version": "1", "fell": ""}
    assert REWARDED in told["payload"]["fell"]


@flow(name="tells")
def tells() -> None:
    events.build_changed("com.example", "1.4.2")
    events.dataset_pushed("d41d8.dir", "dataset/x/round-3")
    events.model_registered("web", "7")


def test_events_name_what_they_are_about_and_the_flow_that_tells() -> None:
    tells()
    for event, resource, payload in (
        (events.BUILD_CHANGED, "jamel.app.com.example", {"app": "com.example", "build": "1.4.2"}),
        (events.DATASET_PUSHED, "jamel.dataset", {"md5": "d41d8.dir", "tag": "dataset/x/round-3"}),
        (events.MODEL_REGISTERED, "jamel.model.web", {"model": "web", "version": "7"}),
    ):
        told = arrived(event)
        assert told["resource"]["prefect.resource.id"] == resource
        assert told["resource"]["jamel.flow"] == "tells"
        assert told["payload"] == payload


def test_runs_of_deployments_wait_for_slots_which_are_made_where_they_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No deployment names this profile, so no worker has made its limit."""
    monkeypatch.setattr(turns, "deployed", lambda: True)
    section = {"collect": {"workers": 2}, "evaluate": {"workers": 1}}
    config = parse_config({"profile": "of-nobody"} | section, source="test")
    seen: list[str] = []

    def wait() -> None:
        with turns.devices(config, 1):
            seen.append("second in")

    second = Thread(target=wait)
    with get_client(sync_client=True) as client:
        with turns.devices(config, 2):
            limit = client.read_global_concurrency_limit_by_name("devices-of-nobody")
            assert (limit.limit, limit.active_slots) == (2, 2)
            second.start()
            second.join(timeout=3)
            seen.append("first out")
        second.join(timeout=60)
        assert seen == ["first out", "second in"]
        # What a user sets stays, and nobody asks for more than there is.
        client.upsert_global_concurrency_limit_by_name("devices-of-nobody", 1)
        with turns.devices(config, 2):
            limit = client.read_global_concurrency_limit_by_name("devices-of-nobody")
            assert (limit.limit, limit.active_slots) == (1, 1)
