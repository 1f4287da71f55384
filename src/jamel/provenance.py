"""Where a number came from: the commit, the dataset and the machine.

Knows nothing of what was measured. Everything here degrades to "unknown" rather than failing: a
copy without its history can still be evaluated.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import yaml

UNKNOWN = "unknown"


def commit(root: Path = Path(".")) -> str:
    """The short commit, with `-dirty` when tracked files differ from it."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return found.stdout.strip() or UNKNOWN


def dataset_md5(root: Path = Path(".")) -> str:
    """The md5 that `data.dvc` pins, "unknown" when there is none."""
    try:
        pinned = yaml.safe_load((root / "data.dvc").read_text(encoding="utf-8"))
        return str(pinned["outs"][0]["md5"])
    except (OSError, yaml.YAMLError, KeyError, IndexError, TypeError):
        return UNKNOWN


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
