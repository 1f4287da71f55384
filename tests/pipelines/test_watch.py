"""What the flows tell Prefect arrives there as events, and at a webhook what needs a person; who
wants devices waits for its slots."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread

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
from pipelines import events, notify, turns
from pipelines.watch import watch
from tests.conftest import copied
from tests.pipelines.arrivals import arrived
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


@contextmanager
def listening() -> Iterator[tuple[str, Queue[str]]]:
    """An address on loopback, and the texts of what is posted to it."""
    posted: Queue[str] = Queue()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.put(json.loads(body)["text"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks/a-secret", posted
        finally:
            server.shutdown()
            thread.join()


@flow(name="fails")
def fails() -> None:
    raise ValueError('no "device" answers')


@flow(name="asks")
def asks() -> None:
    decision = {"model": "jamel", "version": "4", "previous": "3", "promoted": False}
    events.gate_decided(decision | {"waits_until": "2999-01-01T00:00:00Z"}, "WAITING")


def test_a_run_that_fails_and_a_version_that_waits_are_posted_to_the_webhook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["notify"])
    with pytest.raises(SystemExit):
        notify.main()
    assert "Set JAMEL_WEBHOOK to it" in capsys.readouterr().err
    with listening() as (url, posted):
        monkeypatch.setenv(notify.WEBHOOK, url)
        notify.main()
        told = capsys.readouterr().out
        assert told.count("POST to http://127.0.0.1") == len(notify.MESSAGES)
        assert "a-secret" not in told
        with pytest.raises(ValueError, match="device"):
            fails()
        failed = posted.get(timeout=120)
        assert failed.startswith("jamel: a run failed: fails ") and " Failed " in failed
        assert 'no "device" answers' in failed
        asks()
        waits = posted.get(timeout=120)
        assert waits == "jamel: a version waits for approval: jamel 4 WAITING"
    with get_client(sync_client=True) as client:
        for name in notify.MESSAGES:
            (automation,) = client.read_automations_by_name(name)
            client.delete_automation(automation.id)


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
