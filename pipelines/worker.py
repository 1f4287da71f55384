"""The worker of `jamel serve`: `python -m pipelines.worker`, with PREFECT_API_URL set.

Before it takes up work it makes what the deployments of prefect.yaml need (work pool, slots of
devices), registers them, and tidies up after a worker that was killed. Running it again changes
nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import (
    FlowRunFilterExpectedStartTime,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkerStatus
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

from jamel.config import load_config
from jamel.errors import ConfigError, JamelError
from pipelines.runs import runs_in
from pipelines.turns import POOL, slots_of

DEPLOYMENTS = Path("prefect.yaml")
SECRET_BLOCK = "prefect.blocks.secret."
PREFECT = [sys.executable, "-m", "prefect"]
_OURS = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))


def main() -> None:
    """Prepare the server, then become the worker."""
    try:
        refuse_secrets(DEPLOYMENTS)
        with get_client(sync_client=True) as client:
            make_pool(client)
            make_slots(client, DEPLOYMENTS)
            end_dead_runs(client)
            skip_missed_runs(client, datetime.now(UTC))
    except JamelError as error:
        print(f"jamel: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    done = subprocess.run([*PREFECT, "--no-prompt", "deploy", "--all"], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    # By the health check `jamel serve` learns that the worker is ready.
    start = ["worker", "start", "--pool", POOL, "--name", POOL, "--with-healthcheck"]
    os.execv(sys.executable, [*PREFECT, *start])


def refuse_secrets(deployments: Path) -> None:
    """Raise ConfigError where the file names a Secret block.

    `prefect deploy` reads the block at once: its value would lie in Prefect's database as it is.
    """
    if deployments.is_file() and SECRET_BLOCK in deployments.read_text(encoding="utf-8"):
        raise ConfigError(
            f"expected no Secret block in {deployments}, found {SECRET_BLOCK}: registering it "
            "would write the secret into Prefect's database. Name the block in the work pool's job "
            "template, as docs/production.md says."
        )


def make_pool(client: SyncPrefectClient) -> None:
    """Create the work pool unless it is there; what a user set on it stays."""
    try:
        client.read_work_pool(POOL)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))


def make_slots(client: SyncPrefectClient, deployments: Path) -> None:
    """As many slots for every profile as it has sessions at once."""
    for path in profiles_of(deployments):
        name, count = slots_of(load_config(path))
        client.upsert_global_concurrency_limit_by_name(name, count)


def profiles_of(deployments: Path) -> list[str]:
    """The profiles that the deployments name, each once; raises ConfigError for an ill file."""
    try:
        found: Any = yaml.safe_load(deployments.read_text(encoding="utf-8"))
        named = [item.get("parameters", {}).get("config") for item in found["deployments"]]
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise ConfigError(
            f"expected deployments in {deployments}, found: {error}. Take it from git again."
        ) from None
    return list(dict.fromkeys(path for path in named if path))


def end_dead_runs(client: SyncPrefectClient) -> None:
    """Mark runs that a killed worker left as crashed: they would hold their deployment's slot.

    Nothing tells whose run is whose, so while another worker of the pool lives all are left alone.
    """
    others = client.read_workers_for_work_pool(POOL)
    if any(one.name != POOL and one.status == WorkerStatus.ONLINE for one in others):
        return
    started = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
    for run in runs_in(client, started, work_pool_filter=_OURS):
        dead = Crashed(message="Its worker was stopped.")
        client.set_flow_run_state(run.id, dead)


def skip_missed_runs(client: SyncPrefectClient, now: datetime) -> None:
    """Of the scheduled runs that nobody was there to start, only the last is made up for."""
    due = FlowRunFilterExpectedStartTime(before_=now)
    scheduled = runs_in(client, [StateType.SCHEDULED], due, work_pool_filter=_OURS)
    for run in superseded([run for run in scheduled if run.auto_scheduled]):
        client.set_flow_run_state(run.id, Cancelled(message="Missed."))


def superseded(runs: Sequence[FlowRun]) -> list[FlowRun]:
    """All but the latest run of each deployment."""
    ordered = sorted(
        runs, key=lambda run: run.expected_start_time or datetime.min.replace(tzinfo=UTC)
    )
    latest = {run.deployment_id: run.id for run in ordered}
    return [run for run in ordered if latest[run.deployment_id] != run.id]


if __name__ == "__main__":
    main()
