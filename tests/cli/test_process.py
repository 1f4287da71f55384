"""The command line as a user meets it: a process, its output and its exit status."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

DATA_VERBS = ("collect", "label", "validate")
MODEL_VERBS = ("train", "evaluate", "promote", "rollback", "compare")
VERBS = ("doctor", "init", "device", "bench", "ui", *DATA_VERBS, *MODEL_VERBS)
HEAVY = (
    "torch",
    "transformers",
    "mlflow",
    "prefect",
    "dvc",
    "great_expectations",
    "pandas",
    "pydantic",
    "numpy",
)


def jamel(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "jamel.cli", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_help_lists_every_verb_and_takes_less_than_a_second() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = jamel("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in VERBS)
    # Processor time: what else the machine does is not counted.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, jamel.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_an_error_is_a_sentence_without_a_traceback(tmp_path: Path) -> None:
    done = jamel("collect", "--config", "nowhere.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "expected a profile at nowhere.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_label_without_sessions_says_what_to_run_first(tmp_path: Path) -> None:
    (tmp_path / "stores").mkdir()
    profile = tmp_path / "small.yaml"
    profile.write_text("profile: small\n")
    done = jamel("label", "--config", str(profile), cwd=tmp_path)
    assert done.returncode == 1
    assert "jamel collect --round 0" in done.stderr


def test_doctor_writes_its_checks_as_json(tmp_path: Path) -> None:
    done = jamel("doctor", "--json", "out/doctor.json", cwd=tmp_path)
    checks = {
        check["name"]: check for check in json.loads((tmp_path / "out/doctor.json").read_text())
    }
    assert done.returncode == 1, "an empty folder has no stores"
    assert checks["MLflow store"]["advice"] == "run jamel init"
    assert checks["fastapi < 0.151"]["passed"]
    assert checks["sqlalchemy < 2.1"]["passed"]


def test_ui_without_stores_says_init(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    done = jamel("ui", cwd=tmp_path)
    assert done.returncode == 1
    assert "jamel init" in done.stderr


def test_evaluating_an_arm_that_was_never_trained_says_so(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    profile = tmp_path / "small.yaml"
    profile.write_text("profile: small\n")
    done = jamel("evaluate", "--config", str(profile), "--agents", "jamel", cwd=tmp_path)
    assert done.returncode == 1
    assert "jamel train --arm jamel" in done.stderr


ROW = {
    **dict.fromkeys(("suite", "app", "agent"), str),
    **dict.fromkeys(("seed", "budget", "reward", "invalid"), int),
    **dict.fromkeys(("coverage", "auc", "tokens_memory", "tokens_screen"), float),
    "ms_per_decision": float,
}
PAIR = {
    **dict.fromkeys(("agent", "against", "metric"), str),
    **dict.fromkeys(("difference", "low", "high"), float),
    **dict.fromkeys(("wins", "ties", "losses"), int),
}


def test_an_evaluation_is_json_of_rows_and_pairs(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    profile = tmp_path / "configs" / "small.yaml"
    profile.write_text("profile: small\nevaluate: {bootstrap: 50, apps: 2, workers: 1}\n")
    done = jamel(
        "evaluate", "--config", str(profile), "--suite", "valid", "--agents", "random,monkey",
        "--seeds", "0,1,2", "--budget", "60", "--json", "deep/r.json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "deep" / "r.json").read_text())
    assert {"commit", "dataset_md5", "seeds", "machine"} <= set(found["meta"])
    places = {(r["app"], r["seed"], r["agent"], r["budget"]) for r in found["rows"]}
    assert len(places) == len(found["rows"]) == 2 * 3 * 2 * 2, "budgets 50 and 60"
    for row in found["rows"]:
        assert all(type(row[name]) is kind for name, kind in ROW.items()), row
    for pair in found["paired"]:
        assert all(type(pair[name]) is kind for name, kind in PAIR.items()), pair
        assert pair["wins"] + pair["ties"] + pair["losses"] == 2
        assert pair["low"] <= pair["difference"] <= pair["high"]


def test_a_device_prints_its_serial_and_port_and_runs_until_stopped() -> None:
    command = [sys.executable, "-m", "jamel.cli", "device", "start", "--app", "test/0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        serial, port = process.stdout.readline().split()
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=60) == 0
    assert serial.startswith("emulator-")
    assert int(port) > 0


def test_ctrl_c_is_a_sentence_and_130() -> None:
    command = [sys.executable, "-m", "jamel.cli", "device", "corpus", "--steps", "100000"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        # What looks after the workers' memory is one, too.
        while process.poll() is None and len(psutil.Process(process.pid).children()) < 2:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, err) == (
        "",
        "jamel: interrupted; finished work is kept. Start it again to go on.\n",
    )
