"""A verb in its own process: results, errors and deaths come back; nothing is left running."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jamel.errors import ConfigError, ProcessDied, StoreError
from jamel.parallel import run_parallel
from pipelines.isolation import in_own_process

REPOSITORY = Path(__file__).resolve().parents[2]


def where() -> tuple[int, str]:
    return os.getpid(), os.environ["OMP_NUM_THREADS"]


def called(_: int = 0) -> tuple[str, bool]:
    """What the process calls itself, and whether it has the flow's main module."""
    main = sys.modules["__main__"]
    return Path("/proc/self/comm").read_text().strip(), hasattr(main, "FLOW")


def with_workers() -> list[tuple[str, bool]]:
    return [called(), *run_parallel(called, [1, 2], 2)]


def refuse(text: str) -> None:
    raise ConfigError(text)


def break_down() -> None:
    raise KeyError("a bug")


def fill_the_disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def die() -> None:
    os._exit(9)


def leave_a_child_behind(path: Path) -> int:
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    return child


def test_a_result_comes_back_from_another_process() -> None:
    pid, threads = in_own_process(where)
    assert pid != os.getpid()
    assert threads == "1"


def test_an_error_for_the_user_keeps_its_class_and_text() -> None:
    with pytest.raises(ConfigError, match="no such thing"):
        in_own_process(refuse, "no such thing")


def test_a_full_disk_is_an_error_for_the_user() -> None:
    with pytest.raises(StoreError, match="Free some space"):
        in_own_process(fill_the_disk)


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="in break_down"):
        in_own_process(break_down)


def test_a_death_is_told_with_its_status() -> None:
    with pytest.raises(ProcessDied, match="status 9"):
        in_own_process(die)


def test_children_of_the_verb_end_with_it(tmp_path: Path) -> None:
    child = in_own_process(leave_a_child_behind, tmp_path)
    deadline = time.monotonic() + 60
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _runs(child)


FLOW = """
from pipelines.isolation import in_own_process
from tests.pipelines.test_isolation import with_workers
FLOW = "what is dear to import"
if __name__ == "__main__":
    print(in_own_process(with_workers))
"""


def test_a_step_has_the_verbs_name_and_nothing_of_the_flow(tmp_path: Path) -> None:
    script = tmp_path / "flow.py"
    script.write_text(FLOW)
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    (step, *workers) = ast.literal_eval(done.stdout)
    assert step == ("with_workers", False)
    assert [flow for _, flow in workers] == [False, False]


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
