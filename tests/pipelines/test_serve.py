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
import yaml

from jamel.collect import collect
from jamel.config import parse_config
from jamel.evaluate import read_json
from jamel.label import label
from jamel.layout import Layout
from jamel.registry import list_versions
from tests.conftest import initialised
from tests.pipelines.test_stopping import REPOSITORY, await_line, running
from tests.smallest import SMALLEST

PROFILE = "configs/served.yaml"
DEPLOYMENTS = f"""
name: test
prefect-version: 3.8.8
deployments:
  - name: often
    entrypoint: pipelines/gather.py:collect
    parameters: {{config: {PROFILE}, ahead: 1}}
    work_pool: {{name: jamel}}
    concurrency_limit: {{limit: 1, collision_strategy: CANCEL_NEW}}
    schedules:
      - interval: 15
        active: true
  - name: new-data
    entrypoint: pipelines/retrain.py:retrain
    parameters: {{config: {PROFILE}, grow: true}}
    work_pool: {{name: jamel}}
    concurrency_limit: {{limit: 1, collision_strategy: ENQUEUE}}
    triggers:
      - type: event
        enabled: true
        match: {{prefect.resource.id: jamel.dataset, jamel.flow: collect}}
        expect: [jamel.dataset.pushed]
  - name: new-version
    entrypoint: pipelines/measure.py:evaluate
    parameters: {{config: {PROFILE}, version: "", suite: valid}}
    work_pool: {{name: jamel}}
    concurrency_limit: {{limit: 1, collision_strategy: ENQUEUE}}
    triggers:
      - type: event
        enabled: true
        match: {{prefect.resource.id: jamel.model.jamel}}
        expect: [jamel.model.registered]
        parameters: {{version: "{{{{ event.payload.version }}}}"}}
  - name: share
    entrypoint: pipelines/shares.py:share
    parameters: {{}}
    work_pool: {{name: jamel}}
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
    root = tmp_path / "served"
    root.mkdir()
    (root / "prefect.yaml").write_text(DEPLOYMENTS)
    (root / PROFILE).parent.mkdir()
    (root / PROFILE).write_text(yaml.safe_dump(SMALLEST | {"profile": "served"}))
    # As in a clone, where the flows are in the current folder.
    (root / "pipelines").symlink_to(REPOSITORY / "pipelines")
    return initialised(databases, root)


@pytest.mark.timeout(900)
def test_a_schedule_and_events_start_runs_that_end_with_the_service(served: Path) -> None:
    """A tick collects; the dataset it pushes starts a retraining, whose version is measured."""
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
    project = Layout.at(served, "served")
    try:
        await_line(log, "Ctrl-C stops them", 240)
        await_file(project.version_results("1"), 480)
        share_out(served, log)
    finally:
        serve.send_signal(signal.SIGINT)
        status = serve.wait(timeout=60)
    assert status == 0
    assert running(marker) == []
    assert "1" in [version.version for version in list_versions(served)]
    measured = read_json(project.version_results("1"))
    assert {row["agent"] for row in measured["rows"]} >= {"random", "jamel"}


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
