"""Every command's --help: an example, and --json where a table is printed."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from jamel.cli import app

COMMANDS = (
    *(
        "doctor",
        "init",
        "backup",
        "restore",
        "bench",
        "sizing",
        "ui",
        "serve",
        "device classes",
        "device start",
        "device corpus",
        "device gallery",
        "device reach",
        "device soak",
    ),
    *("collect", "label", "validate", "train", "calibrate", "monitor", "promote", "approve"),
    *("refuse", "rollback", "compare"),
    *("evaluate", "results", "study", "tune"),
    *("explore", "replay"),
    *("web fetch", "web list", "web lock"),
)
WITHOUT_A_TABLE = {"init", "backup", "restore", "ui", "serve", "device start"}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_json(command: str) -> None:
    done = CliRunner().invoke(app, [*command.split(), "--help"], terminal_width=100)
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.output)
    assert done.exit_code == 0
    assert f"Example: jamel {command}" in text
    assert ("--json" in text) == (command not in WITHOUT_A_TABLE)


def test_no_command_is_forgotten() -> None:
    from typer.main import get_command

    found = get_command(app)
    names = [
        f"{name} {inner}".strip()
        for name, command in found.commands.items()
        for inner in (getattr(command, "commands", None) or {"": None})
    ]
    assert sorted(names) == sorted(COMMANDS)
