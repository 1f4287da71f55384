"""What a second worker is worth: a round collected, labelled and trained on by one and by two.

`python -m pipelines.scaling` measures it for processes of this machine, a Ray, Prefect's workers
and torchrun, and appends a line to docs/scaling.jsonl. The start of processes is included, and the
up to ten seconds until a worker asks for runs; that of Prefect's server and workers is not. All is
done in a temporary folder.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import Worker, WorkerStatus
from prefect.settings import PREFECT_API_URL, temporary_settings

from jamel import provenance
from jamel.collect import collect
from jamel.config import Config, Spread, load_config
from jamel.config.loading import BESIDE
from jamel.disk import append_line
from jamel.errors import JamelError, ProcessDied
from jamel.label import label
from jamel.parallel import Progress
from jamel.services import (
    LOOPBACK,
    START_TIMEOUT_S,
    Service,
    free_ports,
    prefect_service,
    running,
    until_stopped,
)
from jamel.stores import Stores
from jamel.tables import show
from jamel.train import train
from pipelines.shares import share_out
from pipelines.turns import POOL, limit_of
from pipelines.worker import PREFECT, make_pool

COUNTS = (1, 2)
UPDATES = 40
PROFILE = Path("configs/scaling.yaml")
HISTORY = Path("docs/scaling.jsonl")
FIRST_PORT = 5300

Measure = tuple[str, Callable[[], Any]]


def main() -> None:
    """Entry point of `python -m pipelines.scaling`."""
    options = _options()
    try:
        config = load_config(options.config)
        with until_stopped():
            row = scaling(config, spreads_here(), HISTORY, _tell)
            show([{"measure": key, "value": value} for key, value in row.items()], "Speed")
    except JamelError as error:
        print(f"jamel: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def _tell(done: int, of: int, name: str) -> None:
    print(f"{done}/{of} {name}", flush=True)


def spreads_here() -> list[Spread]:
    """Who can share a round on this machine."""
    ray: list[Spread] = ["ray"] if importlib.util.find_spec("ray") else []
    return ["processes", *ray, "prefect"]


def scaling(
    config: Config,
    spreads: Sequence[Spread],
    path: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Time a round of the profile with one and with two workers and append it to `path`.

    A round is `collect.apps` sessions, most of them a model's own, as in all rounds but the first.
    `WHAT_N_s` are seconds with N workers, `WHAT_ratio` how many times faster the second makes it.

    Args:
        config: the profile.
        spreads: who shares the round, `processes` among them: training is of what they made.
        path: a file of JSON lines, created when missing; None appends nowhere.
        progress: is told of every finished measure.

    Raises:
        ProcessDied: torchrun's processes failed.
        StoreError: Prefect's server or a worker did not start.
    """
    row: dict[str, Any] = {}
    of = len(COUNTS) * (2 * len(spreads) + 1)
    with (
        tempfile.TemporaryDirectory(prefix="jamel-scaling-") as at,
        closing(_measures(config, spreads, Path(at))) as measures,
    ):
        for number, (name, measure) in enumerate(measures, 1):
            began = time.perf_counter()
            measure()
            row[f"{name}_s"] = round(time.perf_counter() - began, 2)
            if progress is not None:
                progress(number, of, name)
    for name in [key.removesuffix("_1_s") for key in row if key.endswith("_1_s")]:
        row[f"{name}_ratio"] = round(row[f"{name}_1_s"] / row[f"{name}_2_s"], 3)
    sizes = {"sessions": config.collect.apps, "updates": UPDATES}
    row = provenance.stamp(config) | sizes | row
    if path is not None:
        append_line(path, json.dumps(row))
    return row


def _measures(
    config: Config, spreads: Sequence[Spread], folder: Path
) -> Generator[Measure, None, None]:
    """What is timed, in this order: labels are of what was collected, training of both.

    What has to stand before a measure is made between the one before and it, and is not timed.
    """
    model = _a_model(config, folder)
    for spread in spreads:
        with ExitStack() as stack:
            if spread == "prefect":
                server = stack.enter_context(_prefect_server(config, folder))
            for count in COUNTS:
                if spread == "prefect":
                    stack.enter_context(_another_worker(server, count))
                yield from _a_round(_spread_over(config, spread, count), folder, model)
    for count in COUNTS:
        yield f"train_torchrun_{count}", partial(_train, config, folder, count)


def _spread_over(config: Config, spread: Spread, count: int) -> Config:
    """Of Prefect's workers each has one share, and one process in it."""
    parts = {"shares": count, "workers": 1} if spread == "prefect" else {"workers": count}
    section = config.collect.model_copy(update={"spread": spread, **parts})
    return config.model_copy(update={"collect": section})


def _a_round(config: Config, folder: Path, model: Path) -> Iterator[Measure]:
    section = config.collect
    count = section.shares if section.spread == "prefect" else section.workers
    name = f"{section.spread}-{count}"
    at, out = folder / "sessions" / name, folder / "labels" / name
    key = name.replace("-", "_")
    yield f"collect_{key}", partial(_collect_round, config, at, model)
    yield f"label_{key}", partial(_label_round, config, at, out)


def _collect_round(config: Config, out: Path, model: Path) -> None:
    given: dict[str, Any] = {"round_index": 1, "arm": "jamel", "model_dir": model}
    share_out("collect", config, out_dir=out, **given)
    collect(config, out, **given)


def _label_round(config: Config, sessions: Path, out: Path) -> None:
    paths = sorted(sessions.glob("*.parquet"))
    share_out("label", config, session_paths=paths, out_dir=out)
    label(config, paths, out)


@contextmanager
def _prefect_server(config: Config, folder: Path) -> Iterator[tuple[Stores, str]]:
    """A server that knows the deployment of shares; its stores and its address."""
    stores = Stores(folder / "served")
    (port,) = free_ports(FIRST_PORT, 1)
    url = f"http://{LOOPBACK}:{port}/api"
    with running([prefect_service(port)], stores), temporary_settings({PREFECT_API_URL: url}):
        with get_client(sync_client=True) as client:
            make_pool(client)
            # Else the first measure, of one share, would make the limit of the second's.
            limit_of(client, _spread_over(config, "prefect", max(COUNTS)))
        named = [*PREFECT, "--no-prompt", "deploy", "--name", "share"]
        here = os.environ | stores.for_prefect | {"PREFECT_API_URL": url}
        done = subprocess.run(named, env=here, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ProcessDied(
                f"expected the deployment of shares to be registered, found: {_why(done)} Run this "
                "in the project's folder, where prefect.yaml is."
            )
        yield stores, url


@contextmanager
def _another_worker(server: tuple[Stores, str], number: int) -> Iterator[None]:
    """A worker that takes one share at a time."""
    stores, url = server
    (port,) = free_ports(FIRST_PORT, 1)
    name = f"worker-{number}"
    begin = [*PREFECT, "worker", "start", "--pool", POOL, "--name", name, "--with-healthcheck"]
    service = Service(name, [*begin, "--limit", "1"], port, "/health")
    with running([service], stores, {"PREFECT_API_URL": url}):
        _await_workers(number)
        yield


def _await_workers(count: int) -> None:
    """A worker that answers has yet to tell the server that it is there."""
    deadline = time.monotonic() + START_TIMEOUT_S
    with get_client(sync_client=True) as client:
        while sum(map(_online, client.read_workers_for_work_pool(POOL))) < count:
            if time.monotonic() > deadline:
                raise ProcessDied(
                    f"expected {count} workers of the pool {POOL} within {START_TIMEOUT_S:.0f} s, "
                    "found fewer. Run this where nothing else keeps the machine busy."
                )
            time.sleep(0.2)


def _online(worker: Worker) -> bool:
    return worker.status == WorkerStatus.ONLINE


def _a_model(config: Config, folder: Path) -> Path:
    """A model of the profile's size after one update: it costs what a good one does."""
    agents = [name for name in config.collect.agents if name != "jamel"]
    section = config.collect.model_copy(update={"apps": 4, "agents": agents})
    short = config.train.model_copy(update={"updates": 1, "batch_sessions": 2})
    now = config.model_copy(update={"collect": section, "train": short})
    sessions = collect(now, folder / "sessions" / "first")
    labels = label(now, sessions, folder / "labels" / "first")
    return train(now, sessions, labels, folder / "model").path


def _train(config: Config, folder: Path, processes: int) -> None:
    """Train on the first round that was collected, as `jamel train` finds it in a project.

    Each number of processes has a project of its own: what a training keeps of its sessions would
    be a gift to the next.
    """
    root = folder / f"project-{processes}"
    for kind in ("sessions", "labels"):
        shards = root / "data" / kind / "round-0"
        shutil.copytree(folder / kind / "processes-1", shards)
    section = config.train.model_copy(update={"updates": UPDATES, "checkpoint_every": UPDATES})
    profile = config.model_copy(update={"train": section, "profile": PROFILE.stem})
    (root / PROFILE).parent.mkdir()
    # JSON is YAML too. The files beside the profile are laid under it already, and not there.
    (root / PROFILE).write_text(profile.model_dump_json(exclude=set(BESIDE)))
    launcher = ["torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, "-m", "jamel.cli", "train", "--config", str(PROFILE)],
        cwd=root,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProcessDied(
            f"expected torchrun to train with {processes} processes, found: {_why(done)} "
            "Run `jamel train` to see it alone."
        )


def _why(done: subprocess.CompletedProcess[str]) -> str:
    """What a process said before torchrun told of its end at length."""
    lines = done.stderr.strip().splitlines()
    said = [line for line in lines if line.startswith("jamel:")]
    return (said or lines or [f"status {done.returncode}"])[-1]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", type=Path, default=Path("configs/laptop.yaml"), help="a profile in configs/"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
