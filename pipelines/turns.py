"""Runs of deployments wait for their turn; a run by hand is refused at once, as its user can wait.

Knows the project's lock, which the kernel drops when its holder dies, and slots of devices, which
are shared by all runs of one Prefect server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from prefect import runtime
from prefect.concurrency.sync import concurrency

from jamel.config import Config
from jamel.layout import Layout
from jamel.stores import project_lock

POOL = "jamel"
"""The work pool whose workers run all deployments."""
WAIT_S = 24 * 3600.0
"""A retraining takes hours on a small machine."""


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
    """Occupy `count` of the profile's slots; a run by hand holds the project and needs none."""
    name, most = slots_of(config)
    slots = concurrency(name, occupy=min(count, most)) if deployed() else nullcontext()
    with slots:
        yield
