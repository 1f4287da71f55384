"""The flow of the deployment that watches the champion: its later sessions beside its first ones.

Only the order is decided here. A champion that fell is an event.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefect import flow

from jamel.config import load_config, with_key
from jamel.layout import SHARED_ARM, Layout
from jamel.monitor import monitor, own_rounds
from jamel.stores import folder_lock, open_stores
from pipelines.artifacts import show_monitor
from pipelines.caching import say
from pipelines.events import champion_fell
from pipelines.isolation import in_own_process
from pipelines.promote import reigning
from pipelines.ticker import Ticker
from pipelines.turns import WAIT_S, deployed


@flow(name="watch")
def watch(config: str = "configs/laptop.yaml", last: int = 4, sessions: int = 48) -> dict[str, Any]:
    """Watch the champion of the profile's model, in the current directory.

    Args:
        config: the profile.
        last: how many of the champion's later rounds are compared with its first.
        sessions: at most so many sessions on each side.

    Returns:
        What `jamel.monitor.monitor` does; empty where there is nothing to compare yet.

    Raises:
        ConfigError: the profile is wrong.
        StoreError: the stores are missing.
        Busy: a run holds the project; a run of a deployment waits for it first.
    """
    settings = with_key(load_config(config), os.environ)
    project = Layout.of(settings)
    open_stores(project.root, settings.stores)
    with folder_lock(project.root, project.made / "watch", WAIT_S if deployed() else 0.0):
        now = reigning(project.root, settings.gate.model)
        model = Path(now["folder"]) if now else None
        rounds = own_rounds(project.session_rounds(SHARED_ARM), model) if model else {}
        if len(rounds) < 2:
            say(f"the champion explored {len(rounds)} rounds so far: nothing to compare")
            return {}
        options = {"last": last, "sessions": sessions, "workers": settings.evaluate.workers}
        found = dict(in_own_process(monitor, model, rounds, progress=Ticker("watch"), **options))
    show_monitor(found)
    if found["fell"]:
        say(f"the champion fell: {', '.join(found['fell'])}")
        champion_fell(settings.gate.model, now["version"], found["fell"])
    return found
