"""One function over many items on a Ray cluster, results as they come: as over processes here.

RAY_ADDRESS names the cluster, whose machines have this project in the same folder; without it a Ray
of this machine's own is started on loopback and stopped again. Knows nothing of what is done.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from jamel.errors import ConfigError, JamelError, ProcessDied

Item = TypeVar("Item")
Result = TypeVar("Result")

LOOPBACK = "127.0.0.1"
LOCAL_ONLY = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Ray's name for whether a node has an address that others reach; read when Ray is imported."""
ANSWER_S = 10.0
"""Ray itself tries for six minutes."""
TRIES = 2
"""How often an item is begun whose worker died: machines of a cluster come and go."""
STORE_BYTES = 100 * 1024 * 1024
"""Items and results are paths and counts; what they are about goes through files."""


def run_on_ray(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    prepare: Callable[[], None],
) -> Iterator[Result]:
    """Yield `work(item)` for every item, in order of completion, `workers` at once.

    A worker calls `prepare` before each.

    Raises:
        ProcessDied: Workers of one item died again and again.
        ConfigError: Ray is not installed, its cluster does not answer, or has no such folder.
    """
    with _cluster(workers) as ray:
        task = ray.remote(_one).options(
            num_cpus=1, max_retries=TRIES - 1, scheduling_strategy="SPREAD"
        )
        waiting, running = list(reversed(items)), list[Any]()
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    running.append(task.remote(os.getcwd(), prepare, work, waiting.pop()))
                (done,), running = ray.wait(running, num_returns=1)
                yield _result(ray, done)
        finally:
            for one in running:
                ray.cancel(one, force=True)


def _one(folder: str, prepare: Callable[[], None], work: Callable[[Any], Any], item: Any) -> Any:
    """In a worker: the item, in the folder of the project."""
    if not Path(folder).is_dir():
        raise ConfigError(
            f"expected the project in {folder} on every machine of the Ray cluster, found no such "
            f"folder on {os.uname().nodename}. Mount it there."
        )
    os.chdir(folder)
    prepare()
    return work(item)


def _result(ray: Any, done: Any) -> Any:
    try:
        return ray.get(done)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, JamelError):
            raise error.cause from None
        raise
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as error:
        raise ProcessDied(
            f"expected a Ray worker to finish its item, found that {TRIES} of them died, most "
            "likely for want of memory. Start again: what was written is kept. If it happens "
            "again, lower collect.workers."
        ) from error


@contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    """Ray, connected to; what was started for it is stopped."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Else Ray gives its workers the accelerators of nobody's choice, and says so on the terminal.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    address = os.environ.get("RAY_ADDRESS")
    if address:
        _require_answer(address)
    else:
        os.environ[LOCAL_ONLY] = "0"
    try:
        import ray
    except ImportError:
        raise ConfigError(
            "expected Ray for collect.spread: ray, found that it is not installed. Run `pip "
            "install -c constraints.txt -e '.[ray]'`."
        ) from None
    folder = None if address else tempfile.mkdtemp(prefix="jamel-ray-", dir=_short_folder())
    own: dict[str, Any] = {
        "num_cpus": workers,
        "object_store_memory": STORE_BYTES,
        "include_dashboard": False,
        "_node_ip_address": LOOPBACK,
        "_temp_dir": folder,
    }
    try:
        try:
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({} if address else own),
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _no_cluster(address or LOOPBACK, error) from None
        yield ray
    finally:
        ray.shutdown()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _require_answer(address: str) -> None:
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), ANSWER_S).close()
    except OSError as error:
        raise _no_cluster(address, error) from None


def _no_cluster(address: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"expected a Ray cluster at {address}, found: {error}. Start it with `ray start --head`, "
        "or unset RAY_ADDRESS for one of this machine."
    )


def _short_folder() -> str:
    """Sockets lie there, whose paths have at most 107 bytes, sixty of which are Ray's."""
    usual = tempfile.gettempdir()
    return usual if len(usual) < 25 else "/tmp"
