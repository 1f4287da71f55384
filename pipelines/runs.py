"""Prefect's flow runs, all that there are of a kind: its server gives them a page at a time."""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType


def runs_in(
    client: SyncPrefectClient,
    states: list[StateType],
    due: FlowRunFilterExpectedStartTime | None = None,
    **of: Any,
) -> list[FlowRun]:
    """Every run in one of the states.

    Args:
        client: of the server.
        states: their types.
        due: when they were to start.
        of: what else `read_flow_runs` takes, such as `flow_filter`.
    """
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=states))
    wanted = FlowRunFilter(state=state, expected_start_time=due)
    found: list[FlowRun] = []
    while page := client.read_flow_runs(flow_run_filter=wanted, offset=len(found), **of):
        found += page
    return found
