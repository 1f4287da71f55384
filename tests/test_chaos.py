"""Runs that are killed at random and started again, with a stand-in for the loop: seconds, not
minutes. What the real loop comes to, `python -m pipelines.chaos` tells."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest

from jamel import registry
from jamel.chaos import KINDS, AtRandom, Bench, Fate, InEveryStep, Kill, compared, live, outcome_of
from jamel.config import parse_config
from jamel.disk import write_json, write_text
from pipelines import chaos as command
from tests.conftest import copied
from tests.registered import enter, evaluation

LOOP = """
import multiprocessing, pathlib, sys, time

def step(path):
    time.sleep(0.05)
    pathlib.Path(path).touch()

if __name__ == "__main__":
    print("open run", flush=True)
    for number in range(8):
        name = f"made-{number}"
        while not pathlib.Path(name).exists():
            child = multiprocessing.get_context("spawn").Process(target=step, args=(name,))
            child.start()
            child.join()
        print(f"finished {name}", flush=True)
"""
LEAVES_ONE = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print("open run", flush=True)
"""
EVERY_STEP = InEveryStep({"collect": 1.0}, 0, random.Random(1))


def bench(folder: Path, code: str) -> Bench:
    write_text(folder / "loop.py", code)
    command = [sys.executable, str(folder / "loop.py")]
    config = parse_config({"profile": "tiny"}, "test")
    return Bench(command, {}, folder, config, folder, lambda text: None)


def lived(folder: Path, code: str, seconds: float) -> tuple[list[str], list[Kill]]:
    root, kills = folder / "project", []
    root.mkdir()
    fate = AtRandom(random.Random(1), 0.4, time.monotonic() + seconds)
    return live(bench(folder, code), root, 0, kills, fate), kills


def test_a_loop_that_takes_up_what_is_there_lives_through_kills(tmp_path: Path) -> None:
    problems, kills = lived(tmp_path, LOOP, seconds=6)
    assert problems == []
    assert len(list((tmp_path / "project").glob("made-*"))) == 8
    assert kills and {kill.kind for kill in kills} <= set(KINDS)
    assert all(kill.processes >= 1 for kill in kills)
    assert max(kill.start for kill in kills) >= 1, "it was started again"


def test_a_run_that_fails_by_itself_is_told(tmp_path: Path) -> None:
    problems, kills = lived(tmp_path, "print('no luck'); raise SystemExit(3)", seconds=0)
    assert problems == ["project: a run that was left alone ended with 3: no luck"]
    assert kills == []


@pytest.mark.parametrize("fate", [AtRandom(random.Random(1), 0.4, 0.0), EVERY_STEP])
def test_a_run_that_hangs_is_told_and_ended(
    fate: Fate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jamel.chaos.HUNG_AFTER_S", 4.0)
    root = tmp_path / "project"
    root.mkdir()
    waits = bench(tmp_path, "print('waits', flush=True); import time; time.sleep(60)")
    (problem,) = live(waits, root, 0, [], fate)
    assert problem == "project: expected an end, found nothing said for 4 s after: waits"


@pytest.mark.parametrize("given", [("--minutes", "-1"), ("--every", "0"), ("--minutes", "x")])
def test_times_above_zero_are_asked_for(
    given: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["chaos", *given])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert f"{given[0]}: expected a number above 0, found {given[1]}" in capsys.readouterr().err


def test_a_process_that_is_left_running_is_told_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jamel.chaos.LEFT_AFTER_S", 0.5)
    (problem,), _ = lived(tmp_path, LEAVES_ONE, seconds=0)
    assert "expected no process of a run that ended, found" in problem and "sleep(60)" in problem


def test_an_outcome_is_what_a_run_determines_and_no_clock(databases: Path, tmp_path: Path) -> None:
    root = copied(databases, tmp_path / "project")
    config = parse_config({"profile": "tiny"}, "test")
    enter(root, "jamel")
    results = root / "build/tiny/evaluation/results.json"
    model = root / "build/tiny/models/jamel/round-0/model.safetensors"
    write_json(results, evaluation())
    write_text(model, "weights")
    write_text(root / "data.dvc", "outs: [{md5: a.dir}]\n")
    before = outcome_of(root, config)
    slower = evaluation()
    slower["rows"][0]["ms_per_decision"] = 99.0
    write_json(results, slower)
    assert compared(before, outcome_of(root, config), "life-0") == []
    write_text(model, "other weights")
    write_json(results, evaluation(coverage=61.0))
    write_text(root / "data.dvc", "outs: [{md5: b.dir}]\n")
    registry.Tracker(root).start("killed")
    told = compared(before, outcome_of(root, config), "life-0")
    parts = ("dataset md5", "weights", "rows of the evaluation", "MLflow runs left open")
    assert [sentence.split(" as in ")[0] for sentence in told] == [
        f"life-0: expected {part}" for part in parts
    ]
    assert "found other ones: b.dir in place of a.dir" in told[0]
