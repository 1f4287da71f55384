"""What a second worker is worth: a round collected, labelled and trained on by one and by two.

Knows the verbs and how long they took. Start of processes included: that is what a user waits for.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jamel import provenance
from jamel.collect import collect
from jamel.config import Config, Spread
from jamel.config.loading import BESIDE
from jamel.disk import append_line
from jamel.errors import ProcessDied
from jamel.label import label
from jamel.parallel import Progress
from jamel.train import train

COUNTS = (1, 2)
UPDATES = 40
PROFILE = Path("configs/scaling.yaml")


def scaling(
    config: Config, path: Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Time a round of the profile with one and with two workers and append it to `path`.

    A round is `collect.apps` sessions, most of them a model's own, as in all rounds but the first.
    `WHAT_N_s` are seconds with N workers, `WHAT_ratio` how many times faster the second makes it.

    Args:
        config: the profile.
        path: a file of JSON lines, created when missing; None appends nowhere.
        progress: is told of every finished measure.

    Raises:
        ProcessDied: torchrun's processes failed.
    """
    row: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="jamel-scaling-") as at:
        folder = Path(at)
        measures = _measures(config, _spreads(), folder)
        for number, (name, measure) in enumerate(measures.items(), 1):
            began = time.perf_counter()
            measure()
            row[f"{name}_s"] = round(time.perf_counter() - began, 2)
            if progress is not None:
                progress(number, len(measures), name)
    for name in [key.removesuffix("_1_s") for key in row if key.endswith("_1_s")]:
        row[f"{name}_ratio"] = round(row[f"{name}_1_s"] / row[f"{name}_2_s"], 3)
    sizes = {"sessions": config.collect.apps, "updates": UPDATES}
    row = provenance.stamp(config) | sizes | row
    if path is not None:
        append_line(path, json.dumps(row))
    return row


def _spreads() -> list[Spread]:
    return ["processes", "ray"] if importlib.util.find_spec("ray") else ["processes"]


def _measures(config: Config, spreads: list[Spread], folder: Path) -> dict[str, Callable[[], Any]]:
    """What is timed, in this order: labels are of what was collected, training of both."""
    model = _a_model(config, folder)
    measures: dict[str, Callable[[], Any]] = {}
    for spread, count in itertools.product(spreads, COUNTS):
        section = config.collect.model_copy(update={"workers": count, "spread": spread})
        now, out = (
            config.model_copy(update={"collect": section}),
            folder / "sessions" / f"{spread}-{count}",
        )
        measures[f"collect_{spread}_{count}"] = partial(
            collect, now, out, round_index=1, arm="jamel", model_dir=model
        )
        measures[f"label_{spread}_{count}"] = partial(
            _label_all, now, out, folder / "labels" / out.name
        )
    for count in COUNTS:
        measures[f"train_torchrun_{count}"] = partial(_train, config, folder, count)
    return measures


def _label_all(config: Config, sessions: Path, out: Path) -> None:
    label(config, sorted(sessions.glob("*.parquet")), out)


def _a_model(config: Config, folder: Path) -> Path:
    """A model of the profile's size after one update: it costs what a good one does."""
    agents = [name for name in config.collect.agents if name != "jamel"]
    section = config.collect.model_copy(update={"apps": 4, "agents": agents})
    short = config.train.model_copy(update={"updates": 1, "batch_sessions": 2})
    now = config.model_copy(update={"collect": section, "train": short})
    sessions = collect(now, folder / "sessions" / "first")
    labels = label(now, sessions, folder / "labels" / "first")
    return train(now, sessions, labels, folder / "model").path


def _train(config: Config, folder: Path, processes: int) -> None:
    """Train on the first round that was collected, as `jamel train` finds it in a project.

    Each number of processes has a project of its own: what a training keeps of its sessions would
    be a gift to the next.
    """
    root = folder / f"project-{processes}"
    for kind in ("sessions", "labels"):
        shards = root / "data" / kind / "round-0"
        shutil.copytree(folder / kind / "processes-1", shards)
    section = config.train.model_copy(update={"updates": UPDATES, "checkpoint_every": UPDATES})
    profile = config.model_copy(update={"train": section, "profile": PROFILE.stem})
    (root / PROFILE).parent.mkdir()
    # JSON is YAML too. The files beside the profile are laid under it already, and not there.
    (root / PROFILE).write_text(profile.model_dump_json(exclude=set(BESIDE)))
    launcher = ["torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, "-m", "jamel.cli", "train", "--config", str(PROFILE)],
        cwd=root,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProcessDied(
            f"expected torchrun to train with {processes} processes, found: {_why(done)} "
            "Run `jamel train` to see it alone."
        )


def _why(done: subprocess.CompletedProcess[str]) -> str:
    """What a process said before torchrun told of its end at length."""
    lines = done.stderr.strip().splitlines()
    said = [line for line in lines if line.startswith("jamel:")]
    return (said or lines or [f"status {done.returncode}"])[-1]
