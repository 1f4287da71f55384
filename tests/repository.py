"""A real git for repositories that tests make, whoever the machine thinks commits."""

from __future__ import annotations

import subprocess
from pathlib import Path

_WHO = ("-c", "user.name=n", "-c", "user.email=e@example.org")


def git(root: Path, *arguments: str) -> str:
    """What git says in `root`."""
    command = ["git", *_WHO, *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()
