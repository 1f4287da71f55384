"""Which builds of which apps a dataset has met, and which of them are new.

Reads the footers of session shards only: a thousand of them take about a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jamel.episodes import session_header


def met(shards: Iterable[Path]) -> dict[str, set[str]]:
    """App -> its builds in these sessions; shards that cannot be read count for nothing."""
    found: dict[str, set[str]] = {}
    for header in map(session_header, shards):
        if header:
            found.setdefault(str(header["app"]), set()).add(str(header["build"]))
    return found


def new_builds(earlier: Iterable[Path], fresh: Iterable[Path]) -> list[tuple[str, str]]:
    """(app, build) of the fresh sessions whose app was met before and whose build was not.

    A world that has fresh apps in every round tells of none of them: only a further build of a
    known app is a change.
    """
    known = met(earlier)
    return [
        (app, build)
        for app, builds in sorted(met(fresh).items())
        for build in sorted(builds - known.get(app, builds))
    ]
