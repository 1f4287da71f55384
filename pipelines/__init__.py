"""Prefect around the library's verbs: order, retries, caching, schedules, artifacts. No logic.

Prefect reads its settings when it is imported, so the few that matter are set here, first; one
that is set already wins. The project is the current directory.
"""

import os
from pathlib import Path

from jamel.stores import stores_at, telemetry_off

telemetry_off()
for _name, _value in stores_at(Path.cwd()).for_prefect.items():
    os.environ.setdefault(_name, _value)
os.environ.setdefault("TQDM_DISABLE", "1")  # bars of several processes overwrite each other
os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
