"""A run that is stopped ends at once, leaves no process, and goes on when started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from jamel.stores import project_lock
from tests.conftest import initialised

REPOSITORY = Path(__file__).resolve().parents[2]
LEFT_AFTER_S = 20

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stopped_project(databases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stopped")
    shutil.copytree(REPOSITORY / "configs", root / "configs")
    shutil.copytree(
        REPOSITORY / "pipelines", root / "pipelines", ignore=shutil.ignore_patterns("__pycache__")
    )
    return initialised(databases, root)


def await_line(log: Path, text: str, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while text not in log.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.1)


def running(marker: str) -> list[str]:
    """Command lines of processes that belong to the run, found by its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("JAMEL_TEST_RUN") == marker:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_leaves_nothing_running(how: int, stopped_project: Path) -> None:
    marker, log = f"{os.getpid()}-{how}", stopped_project / f"{how}.log"
    home = str(stopped_project / "stores" / "prefect")
    with log.open("w") as output:
        run = subprocess.Popen(
            [sys.executable, "-m", "pipelines.retrain", "--config", "configs/tiny.yaml"],
            cwd=stopped_project,
            env=os.environ | {"JAMEL_TEST_RUN": marker, "PREFECT_HOME": home},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    await_line(log, "open run")
    # Ctrl-C reaches the whole group, kill -9 one process.
    os.killpg(run.pid, how) if how == signal.SIGINT else run.kill()
    assert run.wait(timeout=10) == (128 + how if how == signal.SIGINT else -how)
    deadline = time.monotonic() + LEFT_AFTER_S
    while (left := running(marker)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []
    with project_lock(stopped_project):
        assert how != signal.SIGINT or "run the same command again" in log.read_text()


_STARTS_ONE = """
import subprocess, sys, time
from pipelines.stopping import end_server_with_us
end_server_with_us()
server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)",
                           "prefect.server.api.server:create_app"], stdout=subprocess.DEVNULL)
print(server.pid, flush=True)
time.sleep(600)
"""


def test_a_server_that_is_being_started_ends_with_a_killed_run(tmp_path: Path) -> None:
    """A kill -9 before the flow begins; the stand-in has the server's command line."""
    run = subprocess.Popen(
        [sys.executable, "-c", _STARTS_ONE],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
        stdout=subprocess.PIPE,
    )
    assert run.stdout is not None
    server = psutil.Process(int(run.stdout.readline()))
    assert server.is_running()
    run.kill()
    run.wait()
    run.stdout.close()
    gone, left = psutil.wait_procs([server], timeout=LEFT_AFTER_S)
    for process in left:
        process.kill()
    assert gone and not left
