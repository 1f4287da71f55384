"""The starter dataset: a few sessions with labels, the same bytes on every machine.

It is what the committed `data.dvc` pins, so that a fresh clone without any remote can make its
data again and run `dvc repro`. Its shards are the first ones of the profile's round 0: a full run
keeps them and adds the rest.
"""

from __future__ import annotations

from pathlib import Path

from jamel.collect import collect
from jamel.config import Config
from jamel.dataset import DATA, PINNED, changes_since_pinned, fetch, pinned_md5, version
from jamel.errors import DatasetError
from jamel.label import label

APPS = 4
ROUND = "round-0"


def make_starter(root: Path | str, config: Config) -> str:
    """Fill data/ with the starter dataset, pin it if nothing is pinned, and return its md5.

    What is pinned is fetched from the cache or the remote where they have it, else made again.
    Data that is there already is left alone.

    Raises:
        DatasetError: what was made is not what is pinned: apps or agents have changed since.
    """
    root = Path(root).resolve()
    if any((root / DATA).rglob("*.parquet")):
        return pinned_md5(root) if (root / PINNED).exists() else version(root)
    if not (root / PINNED).exists():
        write_starter(root, config)
        return version(root)
    try:
        return fetch(root)
    except DatasetError:
        write_starter(root, config)
    changes = changes_since_pinned(root)
    if changes:
        raise DatasetError(
            f"expected the starter dataset to be {pinned_md5(root)} as pinned, found other "
            f"contents in {sum(map(len, changes.values()))} files: the apps, the agents or the "
            "profile have changed since. Pin it as a new version, or go back to that commit."
        )
    return pinned_md5(root)


def write_starter(root: Path, config: Config) -> list[Path]:
    """Collect and label the starter's sessions."""
    section = config.collect.model_copy(update={"apps": APPS})
    small = config.model_copy(update={"collect": section})
    sessions = collect(small, root / DATA / "sessions" / ROUND)
    return sessions + label(small, sessions, root / DATA / "labels" / ROUND)
