"""The starter dataset: a few sessions with labels, the same bytes on every machine.

It is what the committed `data.dvc` pins, so that a fresh clone without any remote can make its
data again and run `dvc repro`. Its shards are the first ones of the profile's round 0: a full run
keeps them and adds the rest.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from jamel.collect import collect, plan
from jamel.config import Config
from jamel.dataset import DATA, PINNED, fetch, pinned_md5, version
from jamel.disk import write_text
from jamel.errors import DatasetError
from jamel.label import label
from jamel.stores import stores_at

APPS = 4
ROUND = "round-0"


def make_starter(root: Path | str, config: Config) -> str:
    """Make data/ what `data.dvc` pins, from its seed, and return the md5.

    Where machines share a bucket that has it, it comes from there. A dataset that holds other
    shards too has grown since and is left alone.

    Raises:
        DatasetError: what was made is not what is pinned: apps or agents have changed since.
    """
    root = Path(root).resolve()
    wanted = set(starter_shards(root, config))
    there = set((root / DATA).rglob("*.parquet"))
    if there == wanted or there - wanted:
        return pinned_md5(root)
    if not there and (root / PINNED).exists() and stores_at(root).elsewhere.dvc_remote:
        # Another machine has pushed it already, and perhaps more than the starter's sessions.
        with suppress(DatasetError):
            return fetch(root)
    before = (root / PINNED).read_text(encoding="utf-8") if (root / PINNED).exists() else ""
    pinned = pinned_md5(root) if before else ""
    write_starter(root, config)
    found = version(root)
    if before and found != pinned:
        # A fresh clone holds nothing of the pinned version, so only the md5 can tell.
        write_text(root / PINNED, before)
        raise DatasetError(
            f"expected the starter dataset to be {pinned} as pinned, found {found}: the apps, the "
            "agents or the profile have changed since. Pin it anew with `jamel init "
            "--pin-starter`, or go back to that commit."
        )
    return found


def pin_starter(root: Path | str, config: Config) -> str:
    """Write the starter dataset and pin it, whatever was pinned; returns the md5."""
    write_starter(Path(root).resolve(), config)
    return version(root)


def starter_shards(root: Path, config: Config) -> list[Path]:
    """Where the starter's shards lie."""
    jobs = plan(_small(config), root / DATA / "sessions" / ROUND)
    sessions = [job.path for job in jobs]
    return sessions + [root / DATA / "labels" / ROUND / path.name for path in sessions]


def write_starter(root: Path, config: Config) -> list[Path]:
    """Collect and label the starter's sessions; those that are there already are kept."""
    small = _small(config)
    sessions = collect(small, root / DATA / "sessions" / ROUND)
    return sessions + label(small, sessions, root / DATA / "labels" / ROUND)


def _small(config: Config) -> Config:
    section = config.collect.model_copy(update={"apps": APPS})
    return config.model_copy(update={"collect": section})
