"""How many probes of every app can be reached: the search of many apps, side by side.

Knows suites and the search oracle; nothing of agents. Found counts are the denominators of the
coverage metric, so they are kept with the suites.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jamel.parallel import Progress, run_parallel
from jamel.suites import CACHE_FILE, app_spec, keep_reachable, known_reach, suite_apps
from jamel.virtual_device.apps import App
from jamel.virtual_device.apps.oracle import Reach, reach_of


def count_reachable(
    suites: Sequence[str],
    out: Path = CACHE_FILE,
    workers: int = 2,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Search every app of `suites` and keep the counts in `out`; one row an app.

    Args:
        suites: their names.
        out: a JSON file of counts by build; a higher count that is there stays.
        workers: processes that search.
        progress: is told of every finished app.

    Raises:
        ConfigError: no such suite, or `out` holds something else.
        StoreError: `out` cannot be written.
    """
    names = [spec.name for suite in suites for spec in suite_apps(suite)]
    return _search(names, out, workers, progress)


def search_unknown(
    apps: Sequence[str], workers: int = 2, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Search those of some apps that nobody has searched, and keep the counts in build/.

    A suite file's apps are unknown when they are first measured; searched here, each is searched
    once, and not by every process that measures it. Arguments and rows as of `count_reachable`.
    """
    names = [name for name in dict.fromkeys(apps) if known_reach(app_spec(name)) is None]
    return _search(names, CACHE_FILE, workers, progress) if names else []


def _search(
    names: list[str], out: Path, workers: int, progress: Progress | None
) -> list[dict[str, Any]]:
    # A place that cannot be written is told before the search, which takes minutes.
    keep_reachable({}, out)
    rows = []
    for row in run_parallel(_count, names, workers):
        found = Reach(row["reachable"], row["converged"], row["unseen"])
        keep_reachable({row["build"]: found}, out)
        rows.append(row)
        if progress is not None:
            progress(len(rows), len(names), row["app"])
    return sorted(rows, key=lambda row: names.index(row["app"]))


def _count(name: str) -> dict[str, Any]:
    spec = app_spec(name)
    app = App(spec)
    found = reach_of(spec)
    return {
        "app": name, "build": spec.build, "probes": app.total_probes, "reachable": found.probes,
        "converged": found.converged, "unseen": found.unseen,
    }  # fmt: skip
