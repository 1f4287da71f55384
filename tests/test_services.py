"""Programs started for `jamel ui`: they answer on loopback and end with the block."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import psutil
import pytest

from jamel.errors import StoreError
from jamel.services import (
    ADMIN_PASSWORD,
    Service,
    _after_the_killed,
    free_ports,
    mlflow_service,
    running,
)
from jamel.stores import stores_at


def test_a_service_answers_and_is_gone_afterwards(tmp_path: Path) -> None:
    (port,) = free_ports(18300, 1)
    files = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    service = Service("files", [*files, "--directory", str(tmp_path)], port)
    with running([service], stores_at(tmp_path)):
        assert urllib.request.urlopen(service.url, timeout=60).status == 200
    assert free_ports(port, 1) == [port]


@pytest.mark.parametrize("killed", [False, True])
def test_what_a_service_started_ends_with_it(
    killed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jamel.services.STOP_TIMEOUT_S", 1.0)
    (port,) = free_ports(18350, 1)
    files = f"exec {sys.executable} -m http.server {port} --bind 127.0.0.1"
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    # In a group of its own, as the runs of a worker are.
    deaf = f"setsid {sys.executable} -c '{deaf}' & echo $! > {tmp_path}/child; {files}"
    (other,) = free_ports(port + 1, 1)
    files = [sys.executable, "-m", "http.server", str(other), "--bind", "127.0.0.1"]
    with running([Service("other", files, other)], stores_at(tmp_path)) as (beside,):
        with running([Service("deaf", ["sh", "-c", deaf], port)], stores_at(tmp_path)) as (first,):
            child = int((tmp_path / "child").read_text())
            assert psutil.pid_exists(child)
            if killed:
                first.kill()
        assert beside.poll() is None
    psutil.wait_procs([psutil.Process(child)] if psutil.pid_exists(child) else [], timeout=60)
    assert not psutil.pid_exists(child)


LEAVES_A_PAGE = """
import os, sys
from pathlib import Path
from jamel.services import Service, _after_the_killed, running
from jamel.stores import stores_at

stores, port = stores_at(Path.cwd()), int(sys.argv[1])
page = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
with running([Service("page", page, port)], stores, _after_the_killed(stores, "ui")) as (page,):
    print(page.pid, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_one_left_is_ended_by_the_next_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("jamel.services.STOP_TIMEOUT_S", 5.0)
    projects = [tmp_path / name for name in ("one", "other")]
    stores = []
    for project in projects:
        project.mkdir()
        stores.append(stores_at(project))
    ports = free_ports(18400, 2)
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", LEAVES_A_PAGE, str(port)],
            cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for project, port in zip(projects, ports, strict=True)
    ]  # fmt: skip
    pages = [psutil.Process(int(holder.stdout.readline())) for holder in holders if holder.stdout]
    _after_the_killed(stores[0], "ui")
    assert [lives(page) for page in pages] == [True, True], "their owners are at work"
    for holder in holders:
        holder.kill()
        holder.wait()
    _after_the_killed(stores[0], "serve")
    assert [lives(page) for page in pages] == [True, True]
    assert capsys.readouterr().out == ""
    _after_the_killed(stores[0], "ui")
    assert "1 processes that a killed `jamel ui` left" in capsys.readouterr().out
    assert [lives(page) for page in pages] == [False, True]
    _after_the_killed(stores[1], "ui")
    assert not lives(pages[1])


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_ctrl_c_does_not_cut_short_what_cleans_up_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jamel.services.STOP_TIMEOUT_S", 1.0)
    (port,) = free_ports(18380, 1)
    deaf = f"trap '' TERM; {sys.executable} -m http.server {port} --bind 127.0.0.1"
    stubborn = Service("stubborn", ["sh", "-c", deaf], port)
    with (
        pytest.raises(RuntimeError, match="why it failed"),
        running([stubborn], stores_at(tmp_path)) as (process,),
    ):
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        raise RuntimeError("why it failed")
    assert process.poll() is not None
    assert free_ports(port, 1) == [port]


def test_a_service_that_dies_names_its_log(tmp_path: Path) -> None:
    (port,) = free_ports(18400, 1)
    broken = Service("broken", [sys.executable, "-c", "raise SystemExit(3)"], port)
    with (
        pytest.raises(StoreError, match=r"broken\.log"),
        running([broken], stores_at(tmp_path)),
    ):
        pass


def test_a_login_without_a_first_password_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("flask_wtf")
    monkeypatch.delenv(ADMIN_PASSWORD, raising=False)
    with pytest.raises(StoreError, match=ADMIN_PASSWORD):
        mlflow_service(stores_at(tmp_path), 18500, login=True)
    monkeypatch.setenv(ADMIN_PASSWORD, "a password for one")
    service = mlflow_service(stores_at(tmp_path), 18500, login=True)
    assert service.command[-2:] == ["--app-name", "basic-auth"]
    (written,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "password for" not in written.read_text()
