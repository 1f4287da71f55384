"""A worker or a whole `jamel serve` that is killed, and a run that is cancelled, leave nothing
running, and the next run goes on from what is on disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import psutil
import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from jamel.collect import collect
from jamel.config import load_config
from jamel.label import label
from jamel.layout import Layout
from tests.conftest import initialised
from tests.pipelines.test_stopping import REPOSITORY, await_line, running
from tests.smallest import SMALLEST

DEPLOYMENTS = """
name: test
prefect-version: 3.8.8
deployments:
  - name: asked
    entrypoint: pipelines/gather.py:collect
    parameters: {config: configs/killed.yaml, ahead: 2}
    work_pool: {name: jamel}
    concurrency_limit: {limit: 1, collision_strategy: ENQUEUE}
"""
PORT = 18600
ROUND = {"apps": 18, "steps": 120, "agents": ["random"], "workers": 1}
ENDLESS = ROUND | {"apps": 2000}
ENDS_WITHIN_S = 30
LEFT = "processes that a killed `jamel serve` left"


@pytest.fixture
def killed(databases: Path, tmp_path: Path) -> Path:
    root = tmp_path / "killed"
    (root / "configs").mkdir(parents=True)
    (root / "prefect.yaml").write_text(DEPLOYMENTS)
    for name, section in (("killed", ROUND), ("endless", ENDLESS)):
        profile = SMALLEST | {"profile": "killed", "collect": section}
        (root / f"configs/{name}.yaml").write_text(yaml.safe_dump(profile))
    (root / "pipelines").symlink_to(REPOSITORY / "pipelines")
    return initialised(databases, root)


class Served:
    """One start of `jamel serve`, and what is asked of its server."""

    def __init__(self, root: Path, number: int) -> None:
        self.marker = f"{os.getpid()}-killed-{number}"
        self.log, self.sessions = root / f"serve-{number}.log", root / "data/sessions/round-0"
        faster = {"PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_WORKER_PREFETCH_SECONDS": "1"}
        faster |= {"PREFECT_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS": "1"}
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jamel.cli", "serve", "--port", str(PORT)],
                cwd=root,
                env=os.environ | {"JAMEL_TEST_RUN": self.marker} | faster,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        await_line(self.log, "Ctrl-C stops them", 240)
        lines = self.log.read_text().splitlines()
        (self.api,) = (line.split()[1] for line in lines if line.startswith("PREFECT_API_URL"))

    def begin(self, step: str, profile: str = "killed") -> UUID:
        """Ask for a run and wait until it is at a step that has sessions."""
        run = self.ask(profile)
        await_true(
            lambda: any(name_of(one) == step for one in of_marker(self.marker)) and self.shards(),
            step,
            180,
        )
        return run

    def ask(self, profile: str = "killed", ahead: int = 2) -> UUID:
        with (
            temporary_settings({PREFECT_API_URL: self.api}),
            get_client(sync_client=True) as client,
        ):
            deployment = client.read_deployment_by_name("collect/asked")
            given = {"config": f"configs/{profile}.yaml", "ahead": ahead}
            return client.create_flow_run_from_deployment(deployment.id, parameters=given).id

    def cancel(self, run: UUID) -> None:
        """As Prefect's page does it."""
        with (
            temporary_settings({PREFECT_API_URL: self.api}),
            get_client(sync_client=True) as client,
        ):
            client.set_flow_run_state(run, Cancelling())

    def state(self, run: UUID) -> State:
        with (
            temporary_settings({PREFECT_API_URL: self.api}),
            get_client(sync_client=True) as client,
        ):
            state = client.read_flow_run(run).state
        assert state is not None
        return state

    def end_of(self, run: UUID) -> State:
        await_true(lambda: self.state(run).is_final(), "the end of the run", 240)
        return self.state(run)

    def shards(self) -> dict[str, int]:
        """When each session was written."""
        return {path.name: path.stat().st_mtime_ns for path in self.sessions.glob("*.parquet")}


@pytest.mark.timeout(900)
def test_what_is_killed_leaves_nothing_and_goes_on(killed: Path) -> None:
    """First the worker dies, then the whole of `jamel serve`; then a run is cancelled."""
    starts: list[Served] = []
    try:
        starts.append(first := Served(killed, 0))
        begun = first.begin("collect")
        (worker,) = (one for one in of_marker(first.marker) if is_worker(one))
        worker.kill()
        assert first.process.wait(timeout=60) == 1
        assert "expected worker to run until it is stopped" in first.log.read_text()
        assert str(killed / "stores/logs/worker.log") in first.log.read_text()
        assert running(first.marker) == []
        kept = first.shards()

        starts.append(second := Served(killed, 1))
        assert LEFT not in second.log.read_text()
        assert second.state(begun).is_crashed()
        # It goes on with what the first had collected, and its slots outlive it and the server.
        begun = second.begin("collect")
        second.process.kill()
        second.process.wait()
        left = of_marker(second.marker)
        assert any(map(is_worker, left)) and any(of_run(one, begun) for one in left)

        starts.append(third := Served(killed, 2))
        assert LEFT in third.log.read_text()
        assert running(second.marker) == []
        assert third.state(begun).is_crashed()
        assert third.end_of(third.ask()).is_completed()
        assert kept.items() <= third.shards().items()
        as_if_left_alone(killed)

        begun = third.begin("collect", "endless")
        assert any(of_run(one, begun) for one in of_marker(third.marker))
        third.cancel(begun)
        await_true(
            lambda: not any(of_run(one, begun) for one in of_marker(third.marker)),
            "the end of the run's processes",
            ENDS_WITHIN_S,
        )
        assert third.end_of(begun).is_cancelled()
        # It holds the project, and then has nothing to do.
        assert third.end_of(third.ask(ahead=0)).is_completed()
        third.process.send_signal(signal.SIGINT)
        assert third.process.wait(timeout=60) == 0
    finally:
        for start in starts:
            start.process.kill()
            for process in of_marker(start.marker):
                with suppress(psutil.NoSuchProcess):
                    process.kill()


def as_if_left_alone(root: Path) -> None:
    """The round is the one that the library makes at once."""
    config, made = load_config(root / "configs/killed.yaml"), Layout.at(root, "killed")
    whole = collect(config, root / "whole")
    labels = label(config, whole, root / "labels-whole")
    for found, expected in ((made.sessions, whole), (made.labels, labels)):
        at = found / "round-0"
        assert {path.name for path in at.glob("*.parquet")} == {path.name for path in expected}
        assert all((at / path.name).read_bytes() == path.read_bytes() for path in expected)


def of_marker(marker: str) -> list[psutil.Process]:
    return [one for one in psutil.process_iter() if _variable(one, "JAMEL_TEST_RUN") == marker]


def of_run(process: psutil.Process, run: UUID) -> bool:
    return _variable(process, "PREFECT__FLOW_RUN_ID") == str(run)


def is_worker(process: psutil.Process) -> bool:
    try:
        return process.cmdline()[1:5] == ["-m", "prefect", "worker", "start"]
    except psutil.Error:
        return False


def name_of(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _variable(process: psutil.Process, name: str) -> str | None:
    try:
        return process.environ().get(name)
    except psutil.Error:
        return None


def await_true(found: Callable[[], object], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)
