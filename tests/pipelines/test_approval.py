"""A version that waits: asked about on Prefect's page, answered there or on the command line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.artifacts import Artifact
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from pydantic import ValidationError

from jamel import registry
from jamel.layout import Layout
from jamel.registry.promotion import BY_GATE
from jamel.services import PAGES_URL
from pipelines import approval as approvals
from pipelines import events
from pipelines.approval import Review, approval, close_reviews
from pipelines.runs import runs_in
from pipelines.summary import verdict
from tests.conftest import copied
from tests.pipelines.arrivals import arrived
from tests.registered import enter

PROFILE = "person.yaml"


@pytest.fixture
def root(databases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose gate asks for a person, with three versions before any promotion."""
    root = copied(databases, tmp_path)
    for _ in range(3):
        enter(root, "jamel")
    (root / PROFILE).write_text("profile: person\ngate: {approval: person}\n")
    monkeypatch.chdir(root)

    def in_this_process(verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return verb(*args, **kwargs)

    # A process of its own takes the imports of torch and MLflow each time.
    monkeypatch.setattr(approvals, "in_own_process", in_this_process)
    return root


def deployed() -> Any:
    """A deployment: without one no run can be suspended."""
    with get_client(sync_client=True) as client:
        return client.create_deployment(client.create_flow(approval), name="review")


def started(deployment: Any, version: str, again: bool = True) -> FlowRun:
    with get_client(sync_client=True) as client:
        given = {"config": PROFILE, "version": version, "again": again}
        return client.create_flow_run_from_deployment(deployment, parameters=given)


def run_on(run: FlowRun) -> FlowRun:
    """What a worker does with a run that is due: from the top, until it suspends or ends."""
    with get_client(sync_client=True) as client:
        due = client.read_flow_run(run.id)
        with suppress(Pause):
            run_flow(approval, flow_run=due, parameters=due.parameters, return_type="state")
        return client.read_flow_run(run.id)


def outcome(run: FlowRun) -> dict[str, Any]:
    assert run.state is not None and run.state.type == StateType.COMPLETED, run.state
    found: dict[str, Any] = run.state.result()  # type: ignore[assignment]
    return found


def champion(root: Path) -> str:
    found = registry.champion(root)
    return found.version if found else ""


@pytest.mark.usefixtures("server")
def test_a_run_suspends_until_somebody_has_answered_here_or_there(root: Path) -> None:
    deployment = deployed()
    page, command, nobody = (run_on(started(deployment, version)) for version in "123")
    for run in (page, command, nobody):
        assert run.state is not None and run.state.name == "Suspended"
    assert [item["version"] for item in registry.waiting(root)] == ["1", "2", "3"]
    with get_client(sync_client=True) as client:
        for wrong in ({}, {"approve": True, "by": " ", "reason": "x"}, {"approve": "perhaps"}):
            said = client.resume_flow_run(page.id, run_input=wrong)
            assert said.status == "REJECT" and "Reason" in said.details.reason
        assert run_is(page, "Suspended") and champion(root) == ""
        by_two = runs_in(client, [StateType.PAUSED], limit=2)
        assert {run.id for run in by_two} >= {page.id, command.id, nobody.id}
        given = {"approve": True, "by": "Ada Byron", "reason": "better everywhere"}
        assert client.resume_flow_run(page.id, run_input=given).status == "ACCEPT"
    found = outcome(run_on(page))
    assert (found["promoted"], found["by"]) == (True, "Ada Byron") and champion(root) == "1"
    assert "by Ada Byron: better everywhere" in verdict(found)
    told(events.MODEL_PROMOTED, "1", "by Ada Byron: better everywhere")
    gate = approvals.load_config(PROFILE).gate
    registry.refuse(root, "2", "Bob", "not today", gate)
    assert close_reviews(PROFILE) == ["2"], "the one that nobody has answered goes on waiting"
    assert outcome(run_on(command))["by"] == "Bob"
    told(events.GATE_REFUSED, "2", "by Bob: not today")
    assert run_is(nobody, "Suspended") and champion(root) == "1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry.aliases, "now", lambda: "2999-01-01T00:00:00Z")
        assert close_reviews(PROFILE) == ["3"]
    late = outcome(run_on(nobody))
    assert not late["promoted"] and late["reason"].startswith("nobody approved it until")
    told(events.GATE_REFUSED, "3", "by nobody: nobody approved it until")
    assert close_reviews(PROFILE) == []

    event = run_on(started(deployment, "2", again=False))
    assert outcome(event)["by"] == "Bob", "what an event starts too late asks nobody once more"
    anew = run_on(started(deployment, "2"))
    assert not outcome(anew)["promoted"] and registry.waiting(root) == []
    assert registry.get_version(root, "2").tags["decided_by"] == BY_GATE


def told(event: str, version: str, said: str) -> None:
    """The event of a decision is at the server, and its artifact."""
    found = arrived(event, model="jamel", version=version)
    assert said in found["payload"]["verdict"]
    artifact = Artifact.get("promotion")
    assert artifact is not None and str(version) in str(artifact.description)
    assert artifact.data == found["payload"]["verdict"]


def run_is(run: FlowRun, name: str) -> bool:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run.id).state
        return state is not None and state.name == name


def test_what_a_reviewer_is_asked_needs_a_name_and_a_reason() -> None:
    for wrong in ({"by": " "}, {"reason": ""}, {"by": "x" * 201}):
        with pytest.raises(ValidationError):
            Review(**({"approve": True, "by": "Ada", "reason": "fine"} | wrong))


def test_the_question_has_the_verdict_the_report_and_how_to_answer(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Layout.at(root, "person")
    decision = registry.weigh(root, "1", approvals.load_config(PROFILE).gate)
    asked = approvals.question(project, decision)
    until = decision["waits_until"]
    assert asked.startswith(f"WAITING: version 1 needs a person's approval until {until}")
    assert "- passed: the dataset is valid" in asked and "There is no report." in asked
    assert "jamel approve 1 --by NAME --reason TEXT" in asked
    run_id = registry.get_version(root, "1").run_id
    registry.Tracker(root).client.log_text(run_id, "<h1>60 %</h1>", "files/report.html")
    asked = approvals.question(project, decision)
    assert "Report: `build/person/versions/1/registered.html`" in asked and run_id in asked
    monkeypatch.setenv(PAGES_URL, "http://127.0.0.1:5002/")
    asked = approvals.question(project, decision)
    assert "(http://127.0.0.1:5002/person/versions/1/registered.html)" in asked
    assert (project.build / "person/versions/1/registered.html").read_text() == "<h1>60 %</h1>"
