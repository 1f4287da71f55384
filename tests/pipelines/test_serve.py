"""`jamel serve`: a schedule and an event start runs by themselves, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import copied
from tests.pipelines.test_stopping import REPOSITORY, await_line, running

FLOWS = """
import time
from pathlib import Path

from prefect import flow, runtime
from prefect.events import emit_event

@flow
def tick():
    emit_event("test.ticked", {"prefect.resource.id": "test.clock"}, payload={"version": "seven"})
    Path("ticked").write_text(runtime.deployment.name)

@flow
def answer(version):
    Path("answered.part").write_text(version)
    Path("answered.part").rename("answered")
    time.sleep(300)
"""
DEPLOYMENTS = """
name: test
prefect-version: 3.8.8
deployments:
  - name: clock
    entrypoint: ticks.py:tick
    parameters: {}
    work_pool: {name: jamel}
    concurrency_limit: {limit: 1, collision_strategy: ENQUEUE}
    schedules:
      - interval: 15
        active: true
  - name: listener
    entrypoint: ticks.py:answer
    parameters: {}
    work_pool: {name: jamel}
    triggers:
      - type: event
        enabled: true
        match: {prefect.resource.id: test.clock}
        expect: [test.ticked]
        parameters: {version: "{{ event.payload.version }}"}
"""


@pytest.fixture
def served(databases: Path, tmp_path: Path) -> Path:
    root = copied(databases, tmp_path / "served")
    (root / "configs").mkdir()
    (root / "ticks.py").write_text(FLOWS)
    (root / "prefect.yaml").write_text(DEPLOYMENTS)
    return root


@pytest.mark.timeout(600)
def test_a_schedule_and_an_event_start_runs_that_end_with_the_service(served: Path) -> None:
    marker, log = f"{os.getpid()}-serve", served / "serve.log"
    faster = {"PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_WORKER_PREFETCH_SECONDS": "1"}
    # A clone has the flows in the current folder; this project has them elsewhere.
    there = {"PYTHONPATH": str(REPOSITORY)}
    with log.open("w") as output:
        serve = subprocess.Popen(
            [sys.executable, "-m", "jamel.cli", "serve", "--port", "18500"],
            cwd=served,
            env=os.environ | {"JAMEL_TEST_RUN": marker} | faster | there,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        await_line(log, "Ctrl-C stops them", 240)
        await_file(served / "answered")
        assert (served / "ticked").read_text() == "clock"
        assert (served / "answered").read_text() == "seven"
    finally:
        serve.send_signal(signal.SIGINT)
        status = serve.wait(timeout=60)
    assert status == 0
    assert running(marker) == []


def await_file(path: Path, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} did not come"
        time.sleep(0.2)
