"""Whether web tests can run here: a Chromium is found, and starts by itself."""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache

from jamel.envs.web.chromium import find_chromium
from jamel.errors import DeviceMissing


@lru_cache(maxsize=1)
def no_browser() -> str:
    """Why not, "" where they can; asks the browser alone, not what is tested."""
    try:
        path = find_chromium()
    except DeviceMissing as missing:
        return str(missing)
    asked = [str(path), "--headless", "--disable-gpu", "--dump-dom", "about:blank"]
    asked += ["--no-sandbox"] if os.geteuid() == 0 else []
    try:
        done = subprocess.run(asked, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{path} does not start: {error}"
    return "" if b"<html>" in done.stdout else f"{path} does not start: {done.stderr[-200:]!r}"
