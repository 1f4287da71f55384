"""A promotion that a person decides: weigh a version, suspend until somebody answers, act on it.

The decision is a record in the registry, whoever makes it: what is entered on Prefect's page is
written by the same call as that of `jamel approve` and `jamel refuse`, which need no server. The
first answer counts. No answer in time is a refusal, by the clock in the registry: a run that is
suspended needs nobody to be up for that. `close_reviews` ends runs whose version is decided. The
run tells what was decided, whoever did it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect import flow, get_client, runtime
from prefect.cache_policies import RUN_ID, TASK_SOURCE
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import StateType
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from jamel.config import Config, load_config
from jamel.disk import write_bytes
from jamel.layout import Layout
from jamel.registry import answer, get_version, report_file, waiting, weigh
from jamel.registry.audit import MAX_NAME, MAX_REASON
from jamel.stores import open_stores
from pipelines.artifacts import page
from pipelines.caching import say, step
from pipelines.isolation import in_own_process
from pipelines.promote import tell_decision
from pipelines.runs import runs_in
from pipelines.summary import verdict

CLOSED_BY = "close reviews"


class Review(RunInput):
    """What a reviewer is asked on Prefect's page; anything else leaves the run suspended."""

    approve: bool = Field(description="Whether the version becomes champion.")
    by: str = Field(pattern=r"\S", max_length=MAX_NAME, description="Your name, for the audit.")
    reason: str = Field(pattern=r"\S", max_length=MAX_REASON, description="Why, for the audit.")


@flow(name="approval", persist_result=True, result_serializer="json")
def approval(config: str, version: str, again: bool = True) -> dict[str, Any]:
    """Weigh a version; where `gate.approval` asks for a person, suspend until one has answered.

    Without a deployment a run cannot be suspended: it ends, and the version waits for the command
    line.

    Args:
        config: the profile.
        version: of the registered model `gate.model`.
        again: whether a version that was decided is weighed anew. Where the event of one that waits
            starts the run, somebody may have answered before it began.

    Returns:
        The verdict with its conditions, as `jamel.registry.weigh` or `answer` tells it.

    Raises:
        ConfigError: the profile is wrong, or its gate names an agent that cannot be measured.
        StoreError: the stores or the version are missing.
    """
    settings = load_config(config)
    project = Layout.of(settings)
    open_stores(project.root, settings.stores)
    decision = propose(settings, project, version, again)
    if "waits_until" in decision and runtime.deployment.id:
        asked = question(project, decision)
        review = suspend_flow_run(wait_for_input=Review.with_initial_data(description=asked))
        decision = record_answer(settings, project, decision, review)
    return decision


# A run that goes on begins at the top: it must not weigh anew what was answered meanwhile.
@step("weigh", cache_policy=RUN_ID + TASK_SOURCE, persist_result=True)
def propose(config: Config, project: Layout, version: str, again: bool) -> dict[str, Any]:
    """The gate's verdict on a version, which waits from then on if it holds every condition."""
    decision: dict[str, Any] = in_own_process(
        weigh, project.root, version, config.gate, again=again
    )
    if "waits_until" in decision:
        # No event: such a run is what the event of a version that waits starts.
        say(verdict(decision))
    else:
        tell_decision(decision)
    return decision


@step("answer")
def record_answer(
    config: Config, project: Layout, decision: Mapping[str, Any], review: Review
) -> dict[str, Any]:
    """Act on a reviewer's answer and tell of it; where somebody was faster, of that one's."""
    outcome: dict[str, Any] = in_own_process(
        answer,
        project.root,
        decision["version"],
        review.approve,
        review.by,
        review.reason,
        config.gate,
    )
    tell_decision(outcome)
    return outcome


def question(project: Layout, decision: Mapping[str, Any]) -> str:
    """What the reviewer reads: the verdict, where the report is, until when to answer."""
    lines = [
        verdict(decision),
        "",
        _report(project, decision["model"], decision["version"]),
        f"`jamel compare {decision['version']} champion` shows both side by side.",
    ]
    return "\n".join(lines)


def _report(project: Layout, model: str, version: str) -> str:
    """Where a browser finds the report that the version was registered with."""
    found = report_file(project.root, version, model=model)
    if found is None:
        return "There is no report."
    # From the bucket it is a file that goes away, and pages show what is below build/ alone.
    shown = project.version_results(version).with_name("registered.html")
    write_bytes(shown, found.read_bytes())
    run_id = get_version(project.root, version, model=model).run_id
    return f"Report: {page(project, shown)}; in MLflow files/report.html of run {run_id}."


@flow(name=CLOSED_BY)
def close_reviews(config: str) -> list[str]:
    """End the runs that wait for what is decided, by hand, on the command line or by time.

    Args:
        config: the profile; runs of others stay as they are.

    Returns:
        The versions whose runs go on to their end.
    """
    with get_client(sync_client=True) as client:
        suspended = runs_in(client, [StateType.PAUSED], flow_filter=_APPROVALS)
        asked = [run for run in suspended if run.parameters.get("config") == config]
        # Mostly nothing waits: to look into the registry takes MLflow.
        still = _waiting(load_config(config)) if asked else set()
        decided = [run for run in asked if run.parameters["version"] not in still]
        for run in decided:
            # No answer: the version waits no more, and the first answer has counted.
            told = {"approve": False, "by": CLOSED_BY, "reason": "the version is decided"}
            client.resume_flow_run(run.id, run_input=told)
    return [str(run.parameters["version"]) for run in decided]


_APPROVALS = FlowFilter(name=FlowFilterName(any_=["approval"]))


def _waiting(config: Config) -> set[str]:
    """The versions that wait for a person; those whose time is over are refused first."""
    found = waiting(Layout.of(config).root, model=config.gate.model)
    return {item["version"] for item in found}
