"""A promotion that a person decides: weigh a version, suspend until somebody answers, act on it.

The decision is a record in the registry, whoever makes it: what is entered on Prefect's page is
written by the same call as that of `jamel approve` and `jamel refuse`, which need no server. The
first answer counts. No answer in time is a refusal, by the clock in the registry: a run that is
suspended needs nobody to be up for that. `close_reviews` ends runs whose version is decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect import flow, get_client, runtime
from prefect.cache_policies import RUN_ID, TASK_SOURCE
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from jamel.config import Config, load_config
from jamel.layout import Layout
from jamel.registry import answer, report_file, waiting, weigh
from jamel.stores import open_stores
from pipelines.caching import say, step
from pipelines.isolation import in_own_process
from pipelines.summary import verdict

CLOSED_BY = "close reviews"


class Review(RunInput):
    """What a reviewer is asked on Prefect's page; anything else leaves the run suspended."""

    approve: bool = Field(description="Whether the version becomes champion.")
    by: str = Field(pattern=r"\S", max_length=200, description="Your name, for the audit.")
    reason: str = Field(pattern=r"\S", max_length=1000, description="Why, for the audit.")


@flow(name="approval", persist_result=True, result_serializer="json")
def approval(config: str, version: str) -> dict[str, Any]:
    """Weigh a version; where `gate.approval` asks for a person, suspend until one has answered.

    Without a deployment a run cannot be suspended: it ends, and the version waits for the command
    line.

    Args:
        config: the profile.
        version: of the registered model `gate.model`.

    Returns:
        The verdict with its conditions, as `jamel.registry.weigh` or `answer` tells it.

    Raises:
        ConfigError: the profile is wrong, or its gate names an agent that cannot be measured.
        StoreError: the stores or the version are missing.
    """
    settings = load_config(config)
    project = Layout.of(settings)
    open_stores(project.root)
    decision = propose(settings, project, version)
    if "waits_until" in decision and runtime.deployment.id:
        asked = question(project, decision)
        review = suspend_flow_run(wait_for_input=Review.with_initial_data(description=asked))
        decision = record_answer(settings, project, decision, review)
    return decision


# A run that goes on begins at the top: it must not weigh anew what was answered meanwhile.
@step("weigh", cache_policy=RUN_ID + TASK_SOURCE, persist_result=True)
def propose(config: Config, project: Layout, version: str) -> dict[str, Any]:
    """The gate's verdict on a version, which waits from then on if it holds every condition."""
    decision: dict[str, Any] = in_own_process(weigh, project.root, version, config.gate)
    say(verdict(decision))
    return decision


@step("answer")
def record_answer(
    config: Config, project: Layout, decision: Mapping[str, Any], review: Review
) -> dict[str, Any]:
    """Act on a reviewer's answer; where somebody was faster, tell what that one decided."""
    outcome: dict[str, Any] = in_own_process(
        answer,
        project.root,
        decision["version"],
        review.approve,
        review.by,
        review.reason,
        config.gate,
    )
    say(verdict(outcome))
    return outcome


def question(project: Layout, decision: Mapping[str, Any]) -> str:
    """What the reviewer reads: the verdict, where the report is, until when to answer."""
    model, version = decision["model"], decision["version"]
    report = report_file(project.root, version, model=model)
    lines = [
        verdict(decision),
        "",
        f"Report: [{report.name}]({report.as_uri()})" if report else "There is no report.",
        f"`jamel compare {version} champion` shows both side by side.",
    ]
    return "\n".join(lines)


@flow(name=CLOSED_BY)
def close_reviews(config: str) -> list[str]:
    """End the runs that wait for what is decided, by hand, on the command line or by time.

    Args:
        config: the profile; runs of others stay as they are.

    Returns:
        The versions whose runs go on to their end.
    """
    settings = load_config(config)
    project = Layout.of(settings)
    # This refuses those whose time is over.
    still = {item["version"] for item in waiting(project.root, model=settings.gate.model)}
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_filter=_APPROVALS, flow_run_filter=_SUSPENDED)
        decided = [run for run in runs if _decided(run, config, still)]
        for run in decided:
            # No answer: the version waits no more, and the first answer has counted.
            told = {"approve": False, "by": CLOSED_BY, "reason": "the version is decided"}
            client.resume_flow_run(run.id, run_input=told)
    return [str(run.parameters["version"]) for run in decided]


_APPROVALS = FlowFilter(name=FlowFilterName(any_=["approval"]))
_SUSPENDED = FlowRunFilter(
    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
)


def _decided(run: FlowRun, config: str, still: set[str]) -> bool:
    return run.parameters.get("config") == config and run.parameters["version"] not in still
