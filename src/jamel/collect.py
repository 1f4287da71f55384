"""Collect a round of sessions: agents on apps, in parallel, one shard each.

Knows nothing of labels or of training. Which agent explores which app is a pure function of the
profile and the round, so a round that was killed goes on where it stopped, and the same round
gives the same shards whatever the number of workers.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from jamel.agents import (
    MODEL_AGENTS,
    Agent,
    agent_settings,
    changed_settings,
    kept_agent,
    make_agent,
)
from jamel.config import AgentsConfig, Config, DeviceConfig
from jamel.devices import open_env, world_of
from jamel.disk import digest_of
from jamel.envs.base import Env
from jamel.episodes import is_made, shard_path, write_session
from jamel.errors import ConfigError, SessionLost, StoreError
from jamel.layout import SHARED_ARM
from jamel.parallel import Progress, one_torch_thread, run_parallel
from jamel.rollout import session_id, session_seed, whole_rollout
from jamel.shards import remove_partial
from jamel.types import Session

OpenEnv = Callable[..., Env]
"""As `jamel.devices.open_env`."""
SIDE_BY_SIDE = 8
"""Sessions of one model in one process; more than that are hardly faster."""

_DEVICE_KEYS = {"transport", "package", "activity", "screenshots"}
"""What of the device's settings determines a session; the rest says how to reach it."""
_APP_KEYS = {"coverage_source", "coverage_file", "coverage_classes", "reset"}
"""Likewise, of an app that is installed there."""


@dataclass(frozen=True, slots=True)
class Job:
    """One session to collect."""

    suite: str
    index: int
    agent: str
    model_dir: Path | None
    seed: int
    steps: int
    settings: AgentsConfig
    device: DeviceConfig
    out_dir: Path

    @property
    def app(self) -> str:
        """The app's name."""
        return world_of(self.device).app_name(self.suite, self.index)

    @property
    def session_id(self) -> str:
        """The name of the session and of its shard."""
        return session_id(self.suite, self.index, self.agent, self.seed)

    @property
    def path(self) -> Path:
        """Where the shard will lie."""
        return shard_path(self.out_dir, self.session_id)

    @property
    def reason_path(self) -> Path:
        """Where it will say why there is no shard."""
        return self.path.parent / "quarantine" / f"{self.session_id}.reason.txt"

    def origin(self) -> str:
        """A digest of what determines the session: the app's build, the agent and its weights."""
        parts: dict[str, Any] = {
            "app": world_of(self.device).build(self.app),
            "agent": [self.agent, self.seed, self.steps],
            "model": [],
            "device": self.device.model_dump(include=_DEVICE_KEYS),
        }
        if self.device.package:
            parts["installed"] = self.device.model_dump(include=_APP_KEYS)
        if self.model_dir:
            chosen = agent_settings(self.agent, self.settings)
            parts["model"] = [_weights(self.model_dir), chosen]
        elif own := changed_settings(self.agent, self.settings):
            parts["settings"] = own
        if self.device.faults.rate:
            parts["faults"] = self.device.faults.model_dump()
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def plan(
    config: Config,
    out_dir: Path,
    *,
    round_index: int = 0,
    arm: str | None = None,
    model_dir: Path | None = None,
) -> list[Job]:
    """The sessions of a round: one a fresh app, round r starting at app r × `collect.apps`.

    An arm explores beside the profile's agents. Another arm than jamel has other seeds: a session's
    name is unique in the dataset. The arguments are those of `collect`.

    Raises:
        ConfigError: no agent is named.
    """
    section = config.collect
    names = section.agents if arm is None else (arm, *section.agents)
    if not names:
        raise ConfigError("expected agents in collect.agents, found none. Name at least one.")
    share = section.on_policy_share if model_dir is not None else 0.0
    return [
        Job(
            suite=_suite(config, round_index * section.apps + number),
            index=round_index * section.apps + number,
            agent=name,
            model_dir=model_dir if name in MODEL_AGENTS else None,
            seed=section.seed + (arm not in (None, SHARED_ARM)),
            steps=section.steps,
            settings=config.agents,
            device=config.device,
            out_dir=Path(out_dir),
        )
        for number, name in enumerate(_explorers(names, section.apps, share))
    ]


def _suite(config: Config, index: int) -> str:
    """The suite of an app, at the level of noise whose turn it is."""
    suite, levels = config.collect.suite, config.collect.noise
    if not levels:
        return suite
    return world_of(config.device).at_noise(suite, levels[index % len(levels)])


def _explorers(names: Sequence[str], apps: int, share: float) -> Iterator[str]:
    """Who explores each app.

    A `share` of them, evenly spread, is the first agent's that needs a model, jamel's if none does;
    on the others those that need none take turns.
    """
    learned = [name for name in names if name in MODEL_AGENTS] or [SHARED_ARM]
    simple = [name for name in names if name not in MODEL_AGENTS]
    turns = cycle(simple)
    for number in range(apps):
        on_policy = not simple or int((number + 1) * share) > int(number * share)
        yield learned[0] if on_policy else next(turns)


def collect(
    config: Config,
    out_dir: Path,
    *,
    round_index: int = 0,
    arm: str | None = None,
    model_dir: Path | None = None,
    share: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> list[Path]:
    """Collect one round, or a share of it, and return its shards in the order of the apps.

    A session that the device interrupted is begun again, `device.tries` times at most. One that
    could not be made whole has no shard: `quarantine/NAME.reason.txt` says why, and the next call
    tries again.

    Shards that are there, complete and of the same origin are kept, so an interrupted call loses
    at most the sessions under way. A shard of other apps, weights or settings is collected anew;
    what was versioned stays in DVC.

    Args:
        config: The profile; `collect` and `device` are read.
        out_dir: The folder of the round's shards.
        round_index: Each round explores apps that no earlier round saw.
        arm: Whose round it is; none for the first one, which all arms share.
        model_dir: The arm's model, for `collect.on_policy_share` of the apps; none in round 0.
        share: (k, n): of every n groups of sessions the k-th alone, the others being another's.
        progress: Is told of every finished session.

    Raises:
        ConfigError: An agent or the suite is unknown, or an agent's model is missing.
        DeviceError: The AVDs cannot be started, no device could be opened, or no session of the
            round could be made whole.
        ProcessDied: A worker was killed.
        StoreError: The disk is full; what was written is kept.
    """
    planned = plan(config, out_dir, round_index=round_index, arm=arm, model_dir=model_dir)
    part, of = share
    groups = _groups(planned)[part::of]
    mine = {job.session_id for group in groups for job in group}
    jobs = [job for job in planned if job.session_id in mine]
    for name, folder in {(job.agent, job.model_dir) for job in jobs}:
        _check_agent(name, folder, config.agents)
    world = world_of(config.device)
    world.check_suite(config.collect.suite)
    if config.collect.spread == "ray" and not world.anywhere:
        raise ConfigError(
            "expected apps that any machine can open, with collect.spread: ray, found devices of "
            "this one. Set collect.spread: prefect, with a worker on every machine that has some."
        )
    if of == 1:
        remove_partial(Path(out_dir))
    missing = [group for group in groups if not all(map(_is_there, group))]
    number = len(jobs) - sum(map(len, missing))
    aside: dict[str, str] = {}
    workers = config.collect.workers
    with world.running(min(workers, len(missing))) as device:
        begun = [[replace(job, device=device) for job in group] for group in missing]
        for told in run_parallel(collect_group, begun, workers, config.collect.spread):
            for name, reason in told:
                number += 1
                if reason:
                    aside[name] = reason
                if progress is not None:
                    progress(number, len(jobs), f"{name} set aside" if reason else name)
    if jobs and len(aside) == len(jobs):
        raise SessionLost(f"every session was set aside: {next(iter(aside.values()))}")
    return [job.path for job in jobs if job.session_id not in aside]


def _groups(jobs: Sequence[Job]) -> list[list[Job]]:
    """Sessions that one process explores side by side: those of one model, where steps are cheap.

    They depend on the jobs alone: a model's figures differ in their last digits from batch to
    batch, so what was interrupted is taken up by groups.
    """
    groups: list[list[Job]] = []
    open_groups: dict[tuple[str, Path], list[Job]] = {}
    for job in jobs:
        if job.model_dir is None or not world_of(job.device).side_by_side:
            groups.append([job])
            continue
        group = open_groups.setdefault((job.agent, job.model_dir), [])
        if not group:
            groups.append(group)
        group.append(job)
        if len(group) == SIDE_BY_SIDE:
            del open_groups[job.agent, job.model_dir]
    return groups


def _is_there(job: Job) -> bool:
    return is_made(job.path, job.origin())


def collect_group(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    """Collect the sessions of a group; as `collect_session` for each."""
    if len(jobs) == 1:
        return [collect_session(jobs[0])]
    from jamel.agents.learned import ModelAgent
    from jamel.agents.together import Seated, Together

    agent = _agent(jobs[0])
    assert isinstance(agent, ModelAgent), "only sessions of a model are explored side by side"
    together = Together(agent.policy, len(jobs))

    def one(seat: int) -> tuple[str, str]:
        try:
            return collect_session(jobs[seat], agent=Seated(agent, together, seat))
        finally:
            together.leave(seat)

    with ThreadPoolExecutor(len(jobs)) as threads:
        try:
            return list(threads.map(one, range(len(jobs))))
        except BaseException:
            together.stop()
            raise


def collect_session(
    job: Job, open_one: OpenEnv = open_env, agent: Agent | None = None
) -> tuple[str, str]:
    """Collect one session and write its shard, or why there is none.

    Args:
        job: the session.
        open_one: opens its environments, as `jamel.devices.open_env` does.
        agent: explores; by default the job's own.

    Returns:
        The session's name, and why it was set aside, "" for one that is whole.
    """
    try:
        write_session(explore(job, open_one, agent), job.out_dir, job.origin())
    except SessionLost as error:
        set_aside(job, str(error))
        return job.session_id, str(error)
    job.reason_path.unlink(missing_ok=True)
    return job.session_id, ""


def set_aside(job: Job, reason: str) -> None:
    """Write down why a session has no shard; one of other settings must not stand in for it."""
    try:
        job.reason_path.parent.mkdir(parents=True, exist_ok=True)
        job.path.unlink(missing_ok=True)
        unfinished = job.reason_path.with_suffix(f".{os.getpid()}.tmp")
        unfinished.write_text(reason + "\n", encoding="utf-8")
        unfinished.replace(job.reason_path)
    except OSError as error:
        raise StoreError(
            f"expected to write {job.reason_path}, found: {error.strerror or error}. "
            "Free some space or mend the permissions and start again; finished shards are kept."
        ) from None


def explore(job: Job, open_one: OpenEnv = open_env, agent: Agent | None = None) -> Session:
    """The session of a job, not written. Raises SessionLost where it cannot be made whole."""
    return whole_rollout(
        agent or _agent(job),
        partial(open_one, job.device, job.app, job.index),
        tries=job.device.tries,
        seed=session_seed(job.seed, job.index),
        budget=job.steps,
        session_id=job.session_id,
        suite=job.suite,
    )


def _agent(job: Job) -> Agent:
    if job.model_dir is not None:
        one_torch_thread()
    return kept_agent(job.agent, job.model_dir, job.settings)


def _weights(model_dir: Path) -> str:
    path = model_dir / "model.safetensors"
    return digest_of(path) if path.exists() else ""


def _check_agent(name: str, model_dir: Path | None, settings: AgentsConfig) -> None:
    """Fail before anything starts, rather than in every worker."""
    if name not in MODEL_AGENTS:
        make_agent(name, settings=settings)
    elif model_dir is None or not Path(model_dir).is_dir():
        make_agent(name, model_dir)
