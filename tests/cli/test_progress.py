"""Progress: a bar on a terminal, a few lines anywhere else, and nothing on standard output."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from jamel.cli import progress

CODE = """
from jamel.cli.progress import progress_bar
with progress_bar("collect") as advance:
    for number in range(1, 4):
        advance(number, 3, f"app {number}")
"""


def test_elsewhere_the_first_and_the_last_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress_bar("collect") as advance:
        for number in range(1, 51):
            advance(number, 50, f"app {number}")
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["collect 1/50 app 1", "collect 50/50 app 50"]
    assert shown.out == ""


def test_elsewhere_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    with progress.progress_bar("train") as advance:
        advance(1, 3)
        advance(2, 3)
    assert capsys.readouterr().err.splitlines() == ["train 1/3", "train 2/3"]


def test_on_a_terminal_there_is_a_bar() -> None:
    master, slave = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", CODE],
            stdout=subprocess.PIPE,
            stderr=slave,
            env=os.environ | {"TERM": "xterm"},
            timeout=60,
        )
        os.close(slave)
        shown = os.read(master, 65536).decode()
    finally:
        os.close(master)
    assert done.returncode == 0 and done.stdout == b""
    assert "3/3" in shown and "app 3" in shown
