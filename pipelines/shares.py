"""A round shared out among Prefect's workers, and the flow that does one share.

A share writes whole files, as the round would, and the round takes up what is there. So a share
that fails costs time and nothing else, and other machines' workers need only the project's folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import WorkerStatus
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling

from jamel.collect import collect
from jamel.config import Config, parse_config, with_key
from jamel.errors import ConfigError
from jamel.label import label
from pipelines.caching import say
from pipelines.isolation import in_own_process
from pipelines.ticker import Ticker
from pipelines.turns import POOL, devices, limit_of

DEPLOYMENT = "share/share"
LOOK_EVERY_S = 1.0
QUIET_S = 1800.0
"""A share that has written nothing for so long is given up: nothing tells of a worker's death while
another one lives. The longest session of a phone takes a third of it."""
Verb = Literal["collect", "label"]
VERBS: dict[Verb, Callable[..., list[Path]]] = {"collect": collect, "label": label}
PATHS = {"out_dir", "model_dir"}


@flow(name="share")
def share(verb: Verb, config: dict[str, Any], given: dict[str, Any], number: int, of: int) -> int:
    """Collect or label one share of a round with the processes of this machine.

    Args:
        verb: what is done.
        config: the profile that the round runs with, whole.
        given: the verb's other arguments, paths as text.
        number: which share.
        of: how many there are.

    Returns:
        How many shards the share has.

    Raises:
        ConfigError: the profile is wrong.
        DeviceError: this machine has no such devices.
        ProcessDied: a worker process was killed.
        StoreError: the disk is full; what was written is kept.
    """
    settings = with_key(parse_config(config, source="the profile of the round"), os.environ)
    name = Path(given["out_dir"]).name
    with devices(settings, settings.collect.workers):
        shards = in_own_process(
            VERBS[verb],
            settings,
            **_as_paths(given),
            share=(number, of),
            progress=Ticker(f"{verb} {name}, share {number + 1} of {of}"),
        )
    say(f"{name}: {len(shards)} shards")
    return len(shards)


def share_out(verb: Verb, config: Config, /, **given: Any) -> None:
    """Have Prefect's workers do a round in `collect.shares` shares, where the profile says so.

    When it returns, each share is done or has failed; the round itself is yet to be run and finds
    what is there. Whoever interrupts it cancels the shares.

    Raises:
        ConfigError: there is no deployment of shares, or no worker, as without `jamel serve`.
    """
    if config.collect.spread != "prefect":
        return
    own = config.collect.model_copy(update={"spread": "processes"})
    profile = config.model_copy(update={"collect": own}).model_dump(mode="json")
    of, plain = config.collect.shares, _as_text(given)
    begun: list[UUID] = []
    with get_client(sync_client=True) as client:
        _require_worker(client)
        # A share knows its own part alone, and would make the limit too small for all.
        limit_of(client, config)
        try:
            for number in range(of):
                parameters = {"verb": verb, "config": profile, "given": plain}
                parameters |= {"number": number, "of": of}
                begun.append(_begin(f"{verb} {number + 1} of {of}", parameters))
            failed = _await(client, begun, Path(given["out_dir"]))
        except BaseException:
            for run in begun:
                client.set_flow_run_state(run, Cancelling())
            raise
    if failed:
        say(f"{failed} of {of} shares failed; their runs say why, and the round makes up for them")


def _require_worker(client: SyncPrefectClient) -> None:
    if not _works(client):
        raise ConfigError(
            f"expected a worker of the pool {POOL} for collect.spread: prefect, found none. Run "
            "`jamel serve`, and start the run from its pages or with its PREFECT_API_URL."
        )


def _works(client: SyncPrefectClient) -> bool:
    try:
        workers = client.read_workers_for_work_pool(POOL)
    except ObjectNotFound:
        return False
    return any(worker.status == WorkerStatus.ONLINE for worker in workers)


def _begin(name: str, parameters: dict[str, Any]) -> UUID:
    try:
        run: Any = run_deployment(DEPLOYMENT, parameters=parameters, flow_run_name=name, timeout=0)
    except ObjectNotFound:
        raise ConfigError(
            f"expected the deployment {DEPLOYMENT} for collect.spread: prefect, found none. Take "
            "prefect.yaml from git again, and start `jamel serve` anew."
        ) from None
    return UUID(str(run.id))


def _await(client: SyncPrefectClient, begun: list[UUID], written: Path) -> int:
    """Wait for all runs; how many of them failed, or were given up as nobody works on them."""
    left, failed = list(begun), 0
    files, since = _count(written), time.monotonic()
    while True:
        for run in list(left):
            state = client.read_flow_run(run).state
            if state is not None and state.is_final():
                left.remove(run)
                failed += not state.is_completed()
        if not left:
            return failed
        if (now := _count(written)) != files:
            files, since = now, time.monotonic()
        if time.monotonic() - since > QUIET_S or not _works(client):
            for run in left:
                client.set_flow_run_state(run, Cancelling())
            return failed + len(left)
        time.sleep(LOOK_EVERY_S)


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0


def _as_text(given: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in given.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _as_paths(given: dict[str, Any]) -> dict[str, Any]:
    found = {
        name: Path(value) if name in PATHS and value else value for name, value in given.items()
    }
    if "session_paths" in found:
        found["session_paths"] = [Path(path) for path in found["session_paths"]]
    return found
