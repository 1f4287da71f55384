"""`jamel serve`: a schedule and an event start runs by themselves, a round is shared out among the
workers, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jamel.collect import collect
from jamel.config import parse_config
from jamel.label import label
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
  - name: share
    entrypoint: pipelines/shares.py:share
    parameters: {}
    work_pool: {name: jamel}
"""
PORT = 18500
ROUND = {"apps": 3, "steps": 8, "agents": ["random"], "workers": 1}
SHARED_OUT = f"""
from pathlib import Path

from jamel.config import parse_config
from pipelines.shares import share_out

config = parse_config({{"collect": {ROUND | {"spread": "prefect", "shares": 2}}}}, source="test")
share_out("collect", config, out_dir=Path("round-0"))
sessions = sorted(Path("round-0").glob("*.parquet"))
share_out("label", config, session_paths=sessions, out_dir=Path("labels-0"))
"""


@pytest.fixture
def served(databases: Path, tmp_path: Path) -> Path:
    root = copied(databases, tmp_path / "served")
    (root / "configs").mkdir()
    (root / "ticks.py").write_text(FLOWS)
    (root / "prefect.yaml").write_text(DEPLOYMENTS)
    # As in a clone, where the flows are in the current folder.
    (root / "pipelines").symlink_to(REPOSITORY / "pipelines")
    return root


@pytest.mark.timeout(600)
def test_a_schedule_and_an_event_start_runs_that_end_with_the_service(served: Path) -> None:
    marker, log = f"{os.getpid()}-serve", served / "serve.log"
    faster = {"PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_WORKER_PREFETCH_SECONDS": "1"}
    with log.open("w") as output:
        serve = subprocess.Popen(
            [sys.executable, "-m", "jamel.cli", "serve", "--port", str(PORT)],
            cwd=served,
            env=os.environ | {"JAMEL_TEST_RUN": marker} | faster,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        await_line(log, "Ctrl-C stops them", 240)
        await_file(served / "answered")
        assert (served / "ticked").read_text() == "clock"
        assert (served / "answered").read_text() == "seven"
        share_out(served, log)
    finally:
        serve.send_signal(signal.SIGINT)
        status = serve.wait(timeout=60)
    assert status == 0
    assert running(marker) == []


def share_out(served: Path, log: Path) -> None:
    """A round shared out among the workers is the one that processes of this machine make."""
    (url,) = {line.split()[1] for line in log.read_text().splitlines() if "PREFECT_API_URL" in line}
    code = [sys.executable, "-c", SHARED_OUT]
    subprocess.run(code, cwd=served, env=os.environ | {"PREFECT_API_URL": url}, check=True)
    config = parse_config({"collect": ROUND}, source="test")
    whole = collect(config, served / "whole")
    label(config, whole, served / "labels-whole")
    for shared, at_once in (("round-0", "whole"), ("labels-0", "labels-whole")):
        for path in whole:
            assert (served / shared / path.name).read_bytes() == (
                served / at_once / path.name
            ).read_bytes()


def await_file(path: Path, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} did not come"
        time.sleep(0.2)
