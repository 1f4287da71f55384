"""Runs of deployments wait for their turn; a run by hand is refused at once, as its user can wait.

Knows the project's lock, which the kernel drops when its holder dies, and slots of devices, which
are shared by all runs of one Prefect server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from jamel.config import Config
from jamel.layout import Layout
from jamel.stores import project_lock

POOL = "jamel"
"""The work pool whose workers run all deployments."""
WAIT_S = 24 * 3600.0
"""A retraining takes hours on a small machine."""
LEASE_S = 60.0
"""A run that was killed occupies its slots for so long, the least that Prefect takes."""


def deployed() -> bool:
    """Whether this run was started by a deployment, rather than by a person who looks on."""
    return runtime.deployment.id is not None


def alone(project: Layout) -> AbstractContextManager[None]:
    """Hold the project; raises Busy when another process does, after `WAIT_S` if deployed."""
    return project_lock(project.root, WAIT_S if deployed() else 0.0)


def slots_of(config: Config) -> tuple[str, int]:
    """The name of a profile's limit and how many sessions it has at once."""
    shared = config.collect.shares if config.collect.spread == "prefect" else 1
    most = max(config.collect.workers * shared, config.evaluate.workers)
    return f"devices-{config.profile}", most


@contextmanager
def devices(config: Config, count: int) -> Iterator[None]:
    """Occupy `count` of the profile's slots, or all; a run by hand holds the project, not these.

    Without a limit Prefect would let everybody pass, so one that is missing is made first.
    """
    with _slots(config, count) if deployed() else nullcontext():
        yield


def _slots(config: Config, count: int) -> AbstractContextManager[None]:
    with get_client(sync_client=True) as client:
        there = limit_of(client, config)
    name, _ = slots_of(config)
    return concurrency(name, occupy=min(count, there), lease_duration=LEASE_S)


def limit_of(client: SyncPrefectClient, config: Config) -> int:
    """How many slots the profile's limit has, made where it is missing; what a user set stays."""
    name, most = slots_of(config)
    try:
        return client.read_global_concurrency_limit_by_name(name).limit
    except ObjectNotFound:
        with suppress(ObjectAlreadyExists):
            wanted = GlobalConcurrencyLimitCreate(name=name, limit=most)
            client.create_global_concurrency_limit(wanted)
        return client.read_global_concurrency_limit_by_name(name).limit
