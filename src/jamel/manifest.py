"""Which sessions a dataset version holds, and on which apps: what two versions are compared by.

Knows where sessions lie in a dataset; not how versions are stored.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from jamel.dataset import files_of
from jamel.episodes import session_header

SESSIONS = "sessions"


def sessions_of(root: Path | str, md5: str) -> dict[str, dict[str, str]]:
    """The sessions of a version: `round-0/NAME` -> its `md5` and its `app`.

    Args:
        root: the project.
        md5: of the version, as `data.dvc` pins it.

    Raises:
        DatasetError: neither the cache nor the remote knows the version.
    """
    found = {}
    for name, (digest, path) in sorted(files_of(root, md5).items()):
        place = PurePosixPath(name)
        if place.parts[0] == SESSIONS and place.suffix == ".parquet":
            session = str(place.relative_to(SESSIONS).with_suffix(""))
            app = session_header(path).get("app")
            found[session] = {"md5": digest, "app": str(app or f"app of {session}")}
    return found
