"""Work over a Ray cluster: what processes of this machine would give, and nothing left behind."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from jamel.collect import collect
from jamel.config import parse_config
from jamel.errors import ConfigError, DatasetError, ProcessDied
from jamel.label import label
from jamel.parallel import run_parallel

pytestmark = [
    pytest.mark.timeout(600),
    # Not imported here: Ray reads its settings when it is.
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="no Ray: pip install -c constraints.txt -e '.[ray]'",
    ),
]
ROUND = {"apps": 4, "steps": 8, "agents": ["random", "planner"], "workers": 2}


@pytest.fixture(autouse=True)
def findable(monkeypatch: pytest.MonkeyPatch) -> None:
    # Workers find the work by its name: that of these tests is in this folder.
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


def of_ray() -> list[str]:
    """Command lines of Ray's processes that this test began."""
    found = []
    for process in psutil.process_iter():
        try:
            if "jamel-ray-" in " ".join(process.cmdline()):
                found.append(" ".join(process.cmdline())[:100])
        except psutil.Error:
            continue
    return found


def becomes_true(condition, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def listening(of: list[psutil.Process]) -> set[str]:
    """The addresses that these processes listen on."""
    return {
        connection.laddr.ip
        for process in of
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def test_a_round_over_ray_is_the_round_over_processes(tmp_path: Path) -> None:
    made = {}
    for spread in ("processes", "ray"):
        config = parse_config({"collect": ROUND | {"spread": spread}}, source="test")
        sessions = collect(config, tmp_path / spread / "sessions")
        labels = label(config, sessions, tmp_path / spread / "labels")
        made[spread] = [path.relative_to(tmp_path / spread) for path in [*sessions, *labels]]
        assert all(path.is_file() for path in [*sessions, *labels])
    assert made["ray"] == made["processes"] and len(made["ray"]) == 8
    for path in made["ray"]:
        there, here = tmp_path / "ray" / path, tmp_path / "processes" / path
        if path.parts[0] == "labels":
            assert there.read_bytes() == here.read_bytes()
    assert becomes_true(lambda: not of_ray())


def answer(number: int) -> int:
    if number == 1:
        raise DatasetError("expected an even number, found 1")
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return -number


def where(_: int) -> tuple[str, set[str]]:
    family = [process for process in psutil.process_iter() if "jamel-ray-" in _line(process)]
    return os.getcwd(), listening(family)


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_a_workers_own_sentence_and_its_death_arrive() -> None:
    with pytest.raises(DatasetError, match="expected an even number"):
        list(run_parallel(answer, [0, 1], 1, "ray"))
    with pytest.raises(ProcessDied, match="2 of them died"):
        list(run_parallel(answer, [2], 1, "ray"))
    assert becomes_true(lambda: not of_ray())


def test_workers_are_in_the_projects_folder_and_only_this_machine_reaches_them() -> None:
    ((folder, addresses),) = run_parallel(where, [0], 1, "ray")
    assert folder == os.getcwd()
    assert addresses and addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_a_killed_run_leaves_no_ray() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_parallel import linger; from jamel.parallel import run_parallel\n"
        "for number in run_parallel(linger, [0, 60, 60], 2, 'ray'): print('begun', flush=True)\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        assert of_ray()
        process.send_signal(signal.SIGKILL)
    assert becomes_true(lambda: not of_ray())


def test_a_cluster_that_does_not_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"expected a Ray cluster at 127\.0\.0\.1:1, found"):
        list(run_parallel(answer, [0], 1, "ray"))


def test_devices_of_this_machine_are_not_spread_over_ray(tmp_path: Path) -> None:
    keys = {
        "collect": ROUND | {"spread": "ray"},
        "device": {"transport": "adb", "package": "com.example", "serials": ["emulator-5554"]},
    }
    with pytest.raises(ConfigError, match="found devices of this one"):
        collect(parse_config(keys, source="test"), tmp_path)
