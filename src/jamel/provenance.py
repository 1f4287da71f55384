"""Where a number came from: the commit, the dataset and the machine.

Knows nothing of what was measured. Everything here degrades to "unknown" rather than failing: a
copy without its history can still be evaluated.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from jamel.config import Config, config_digest

UNKNOWN = "unknown"
DIRTY = "-dirty"
PINNED = "data.dvc"
"""Where DVC pins the dataset, by the md5 of its folder."""


def commit(root: Path = Path(".")) -> str:
    """The short commit, with `-dirty` when tracked files differ from it.

    The pin of the dataset and what measurements append to docs/ are not looked at: runs write them.
    """
    name = git(root, "describe", "--always", "--abbrev=12", "--exclude=*")
    if not name:
        return UNKNOWN
    made = [f":(top,exclude){path}" for path in (PINNED, "docs")]
    changed = git(root, "status", "--porcelain", "--untracked-files=no", "--", ":/", *made)
    return name if changed == "" else f"{name}{DIRTY}"


def is_a_commit(name: str) -> bool:
    """Whether it names code that can be had again: a commit, without changes to its files."""
    return name not in ("", UNKNOWN) and not name.endswith(DIRTY)


def git(root: Path, *arguments: str) -> str | None:
    """What git says, None when it fails, takes too long or is not there."""
    try:
        found = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()


def dataset_md5(root: Path = Path(".")) -> str:
    """The md5 that `data.dvc` pins, "unknown" when there is none."""
    try:
        return md5_in((root / PINNED).read_bytes())
    except (OSError, ValueError):
        return UNKNOWN


def md5_in(pin: bytes) -> str:
    """The md5 that the contents of a `data.dvc` name; raises ValueError when they name none."""
    try:
        return str(yaml.safe_load(pin)["outs"][0]["md5"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"no md5 in {PINNED}") from error


def stamp(config: Config) -> dict[str, Any]:
    """What every line of a history of speed begins with: when, of what, and where."""
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "config": config_digest(config),
        **machine(),
    }


def machine() -> dict[str, Any]:
    """Processor, cores usable by this process, system and Python; no host or user name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or UNKNOWN
