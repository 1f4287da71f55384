"""Labels from raw coverage: what each step was worth and, where an app can be restored, what every
other candidate would have been worth.

On the embedded device every state is labelled, on emulators a sample (`label.states_per_session`).
Knows nothing of learning. The first three columns come from the coverage files alone, whatever the
backend; the same session and settings give the same bytes, save for what is tried on an emulator.

Columns: session_id, step, reward (1 when the step executed a probe for the first time in the
session), new_probes (how many), novelty_to_go (new probes of this step and, discounted by gamma
a step, of those after it), q and novel (lists aligned with `candidates(observation)`, empty at a
state that the sample leaves out).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from jamel.config import Config, DeviceConfig, LabelConfig
from jamel.coverage import ProbeSet
from jamel.coverage.raw import read_coverage
from jamel.devices import world_of
from jamel.disk import digest_of
from jamel.envs.base import candidates
from jamel.episodes import read_session
from jamel.errors import ConfigError, DatasetError, ShardError
from jamel.parallel import Progress, run_parallel
from jamel.shards import LABEL_KIND, LABEL_SCHEMA, footer, remove_partial, write_table
from jamel.snapshot_labels import Tried, try_session
from jamel.types import Session

if TYPE_CHECKING:
    from jamel.virtual_device.apps import AppSpec

_ORIGIN_KEY = b"jamel.label.origin"
_RULES = 1
"""Raised whenever the same session and settings would give other labels."""


def label(
    config: Config,
    session_paths: Sequence[Path],
    out_dir: Path,
    progress: Progress | None = None,
    share: tuple[int, int] = (0, 1),
) -> list[Path]:
    """Label sessions, or a share of them, and return the label shards.

    They are named as the sessions and in their order. Shards that are there and were made from the
    same session with the same settings are kept.

    Args:
        config: The profile; `label`, `collect.workers` and, to try candidates, `device` are read.
        session_paths: Session shards.
        out_dir: The folder of the label shards.
        progress: Is told of every finished session.
        share: (k, n): of every n sessions the k-th alone, the others being another's.

    Raises:
        ShardError: A session shard is damaged.
        ProcessDied: A worker was killed.
        StoreError: The disk is full; what was written is kept.
        DatasetError: A session cannot be replayed on its app, or coverage went backwards.
        DeviceError: States are to be tried on devices, and those cannot be used.
    """
    if not session_paths:
        raise DatasetError("expected sessions to label, found none. Run `jamel collect` first.")
    part, of = share
    session_paths = session_paths[part::of]
    if of == 1:
        remove_partial(Path(out_dir))
    missing = [path for path in session_paths if not _is_made(config.label, path, out_dir)]
    there, workers = len(session_paths) - len(missing), config.collect.workers
    with _devices_to_try(config, min(workers, len(missing))) as device:
        work = partial(label_shard, config.label, out_dir=Path(out_dir), device=device)
        for name in run_parallel(work, missing, workers, config.collect.spread):
            there += 1
            if progress is not None:
                progress(there, len(session_paths), name)
    return [Path(out_dir) / Path(path).name for path in session_paths]


@contextmanager
def _devices_to_try(config: Config, at_most: int) -> Iterator[DeviceConfig | None]:
    """The devices on which states are tried, running; None where none are."""
    counterfactual = config.label.kind == "counterfactual" and config.label.states_per_session
    world = world_of(config.device)
    if world.restores or not counterfactual:
        yield None
        return
    world.require_snapshots()
    with world.running(at_most) as device:
        yield device


def label_shard(
    config: LabelConfig, session_path: Path, out_dir: Path, device: DeviceConfig | None = None
) -> str:
    """Label one session, write its shard and return the session's name and what is left out.

    Args:
        config: The label settings.
        session_path: The session's shard.
        out_dir: The folder of the label shards.
        device: Where states of a real device's session are tried, None for none.
    """
    session = read_session(session_path)
    tried = _try_on(device, session, config)
    columns = label_columns(session, config, tried)
    table = pa.Table.from_pydict(columns, schema=LABEL_SCHEMA)
    metadata = {_ORIGIN_KEY: _origin(config, session_path)}
    write_table(table, Path(out_dir) / Path(session_path).name, LABEL_KIND, metadata)
    return session.session_id + (_told(tried) if tried else "")


def _try_on(device: DeviceConfig | None, session: Session, config: LabelConfig) -> Tried | None:
    if device is None or session.app != world_of(device).app_name(session.suite, 0):
        return None
    with closing(world_of(device).open(session.app)) as env:
        return try_session(session, env.link, config)


def _told(tried: Tried) -> str:
    why = f", as {tried.stopped}" if tried.stopped else ""
    return f": {tried.states} of {tried.wanted} states tried{why}"


def label_columns(
    session: Session, config: LabelConfig, tried: Tried | None = None
) -> dict[str, list]:
    """The columns of a session's labels; `tried` is what was tried on its device."""
    new_probes = new_probes_of(session)
    if tried is not None:
        q, novel = tried.q, tried.novel
    else:
        q, novel = _candidate_labels(session, config, new_probes)
    return {
        "session_id": [session.session_id] * len(new_probes),
        "step": list(range(len(new_probes))),
        "reward": [int(count > 0) for count in new_probes],
        "new_probes": new_probes,
        "novelty_to_go": discounted(new_probes, config.gamma),
        "q": q,
        "novel": novel,
    }


def new_probes_of(session: Session) -> list[int]:
    """Per step, how many probes it executed for the first time in the session.

    Raises:
        DatasetError: A coverage file is missing, or a later one lacks probes of an earlier one.
    """
    files = {digest: read_coverage(raw) for digest, raw in session.coverage.items()}
    previous = files.get(session.start_probes, ProbeSet())
    counts: list[int] = []
    for number, step in enumerate(session.transitions()):
        present = files.get(step.probes)
        if present is None or previous.difference(present).count():
            problem = "no coverage file" if present is None else "less coverage than before"
            raise DatasetError(
                f"session {session.session_id}: expected growing coverage at step {number}, "
                f"found {problem}. Move the shard out of data/ and collect it again."
            )
        counts.append(0 if present is previous else present.difference(previous).count())
        previous = present
    return counts


def discounted(new_probes: Sequence[int], gamma: float) -> list[float]:
    """G_t = n_t + gamma × G_(t+1), over the whole session: novelty outlives a restart."""
    total = 0.0
    totals: list[float] = []
    for count in reversed(new_probes):
        total = count + gamma * total
        totals.append(total)
    return totals[::-1]


def embedded_app(session: Session) -> AppSpec | None:
    """The embedded device's app that a session explored, over whichever transport; else None.

    Raises:
        DatasetError: There is an app of that name, but of another build.
    """
    from jamel.suites import app_spec

    try:
        spec = app_spec(session.app)
    except ConfigError:
        return None
    if spec.build != session.build:
        raise DatasetError(
            f"session {session.session_id}: expected build {session.build} of {session.app}, found "
            f"{spec.build}. The app has changed since: collect the session again."
        )
    return spec


def _candidate_labels(
    session: Session, config: LabelConfig, new_probes: list[int]
) -> tuple[list[list[float]], list[list[bool]]]:
    spec = embedded_app(session) if config.kind == "counterfactual" else None
    if spec is not None:
        return _tried(session, spec, config)
    worth = new_probes if config.kind == "immediate" else discounted(new_probes, config.gamma)
    q, novel = [], []
    for step, value, count in zip(session.transitions(), worth, new_probes, strict=True):
        actions = candidates(step.observation)
        q.append([float(value) if action == step.action else 0.0 for action in actions])
        novel.append([bool(count) and action == step.action for action in actions])
    return q, novel


def _tried(
    session: Session, spec: AppSpec, config: LabelConfig
) -> tuple[list[list[float]], list[list[bool]]]:
    from jamel.counterfactual import label_session
    from jamel.virtual_device.apps import App

    labels = label_session(session, App(spec), config)
    return [item.q for item in labels], [item.novel for item in labels]


def _origin(config: LabelConfig, session_path: Path) -> bytes:
    try:
        digest = digest_of(Path(session_path))
    except OSError as error:
        raise ShardError(
            f"expected a session shard at {session_path}, found: {error.strerror}."
        ) from None
    settings = config.model_dump(mode="json")
    if not config.states_per_session:
        settings = {key: settings[key] for key in settings if not key.endswith("_per_session")}
    origin = {"rules": _RULES, "label": settings, "session": digest}
    return json.dumps(origin, sort_keys=True).encode()


def _is_made(config: LabelConfig, session_path: Path, out_dir: Path) -> bool:
    made = footer(Path(out_dir) / Path(session_path).name, LABEL_KIND)
    return made.get(_ORIGIN_KEY) == _origin(config, session_path)
