"""An SDK folder with the stand-in emulator, AVDs, and a profile that uses them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from standin_emulator import APP_SEED

from jamel.config import Config, parse_config
from jamel.virtual_device.apps import App, build_app

FIRST_PORT = 5600
"""Above the ports that virtual devices take, which begin at 5555."""


class Sdk:
    """A folder with an `emulator` and AVDs named `small` and `wide`."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.avds = root / "avd"
        self.emulator = root / "emulator" / "emulator"
        self.emulator.parent.mkdir(parents=True)
        script = Path(__file__).with_name("standin_emulator.py")
        self.emulator.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
        self.emulator.chmod(0o755)
        self.avds.mkdir()
        for name in ("small", "wide"):
            (self.avds / f"{name}.ini").write_text("avd.ini.encoding=UTF-8\n")
        monkeypatch.setenv("ANDROID_HOME", str(root))
        monkeypatch.setenv("ANDROID_AVD_HOME", str(self.avds))

    def profile(self, collect: dict | None = None, **device: object) -> Config:
        """Two AVDs, one session on each."""
        emulator = {"memory_mb": 16, "cores": 1, "max_cores": 4, "boot_timeout_s": 60}
        emulator |= {"first_port": FIRST_PORT, "health_s": 1.5} | dict(device.pop("emulator", {}))
        section = {
            "transport": "adb",
            "avds": ["small", "wide"],
            "adb_port": 0,
            "package": App(build_app(APP_SEED)).package,
            "step_timeout_s": 20,
            "emulator": emulator,
        }
        rounds = {"apps": 2, "steps": 12, "workers": 2, "agents": ["random"]}
        raw = {"device": section | device, "collect": rounds | (collect or {})}
        (self.root / "profile.yaml").write_text(yaml.safe_dump(raw | {"profile": "avds"}))
        return parse_config(raw, source="test")

    def strike(self, avd: str, signal_name: str, touch: int) -> None:
        """The first emulator of `avd` to be touched so often sends itself that signal."""
        (self.avds / f"{avd}.avd").mkdir(exist_ok=True)
        (self.avds / f"{avd}.avd" / "strike").write_text(f"{signal_name} {touch}")

    def poison(self, avd: str) -> None:
        """The AVD's snapshots hold a device that was switched off, as after `reboot -p`."""
        (self.avds / f"{avd}.avd").mkdir(exist_ok=True)
        (self.avds / f"{avd}.avd" / "poisoned").touch()

    def starts(self, avd: str) -> list[tuple[int, int]]:
        """(process, console port) of every start of an AVD."""
        path = self.avds / f"{avd}.avd" / "starts"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(line.split()[0]), int(line.split()[1])) for line in lines]

    def command(self, avd: str) -> str:
        """What an AVD was last started with."""
        return (self.avds / f"{avd}.avd" / "starts").read_text().splitlines()[-1].split(" ", 2)[2]

    def running(self) -> list[int]:
        """The processes of emulators that run."""
        return [pid for avd in ("small", "wide") for pid, _ in self.starts(avd) if is_running(pid)]


def is_running(pid: int) -> bool:
    """Whether a process does anything; a zombie does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def becomes_true(condition: Callable[[], bool], within_s: float = 20.0) -> bool:
    """Whether a condition comes to hold in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()
