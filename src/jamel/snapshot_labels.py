"""What the candidates of some states would have reached, tried on the device itself.

For emulators, which load a snapshot in about a second: a session is replayed on its device, and at
a sample of its steps every candidate is tried from a snapshot. q is the number of probes new to the
session that a candidate executes itself; nothing is looked up ahead. Knows the link to a device and
no transport; `counterfactual.py` labels every state of the embedded device's apps.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import NamedTuple

from jamel.config import LabelConfig
from jamel.coverage import ProbeSet
from jamel.coverage.jacoco import read_exec
from jamel.envs.base import candidates
from jamel.envs.links import Link
from jamel.rollout import INTERRUPTIONS
from jamel.types import Observation, Session


class Tried(NamedTuple):
    """What came of a session.

    `q` and `novel` have a list a step, aligned with `candidates(observation)` where the state was
    tried and empty where not; `stopped` says why fewer states were tried than were to be, "" if
    none is missing.
    """

    q: list[list[float]]
    novel: list[list[bool]]
    wanted: int
    stopped: str = ""

    @property
    def states(self) -> int:
        """How many states were tried."""
        return sum(bool(values) for values in self.q)


class _Stopped(Exception):
    """Why no more states of a session can be tried."""


def try_session(session: Session, link: Link, config: LabelConfig) -> Tried:
    """Replay a session and try the candidates of `config.states_per_session` of its states.

    What stops a replay stops the labelling of this session, and what was tried is kept: a screen
    of another structure than was recorded (texts may differ: clocks, counters, adverts), a device
    that was lost, and the end of `config.seconds_per_session`.
    """
    steps = session.transitions()
    wanted = sampled(session, config.states_per_session)
    tried = Tried([[] for _ in steps], [[] for _ in steps], len(wanted))
    deadline = time.monotonic() + config.seconds_per_session
    try:
        for number, covered in _replayed(session, link, max(wanted, default=-1)):
            if number in wanted:
                counts = _try_all(link, steps[number].observation, covered, deadline)
                tried.q[number] = [float(count) for count in counts]
                tried.novel[number] = [count > 0 for count in counts]
    except (_Stopped, *INTERRUPTIONS) as error:
        return tried._replace(stopped=str(error))
    return tried


def sampled(session: Session, count: int) -> set[int]:
    """The steps whose states are to be tried: drawn by the session's name."""
    steps = range(len(session.transitions()))
    return set(random.Random(session.session_id).sample(steps, min(count, len(steps))))


def _replayed(session: Session, link: Link, last: int) -> Iterator[tuple[int, ProbeSet]]:
    """The steps up to `last`, each with what the session had covered before it.

    The device is in the step's state while it is yielded, and has to be when the next is asked for.
    """
    reading = link.restart(new_session=True)
    files = {digest: read_exec(raw) for digest, raw in session.coverage.items()}
    before, seen = session.start_probes, ProbeSet()
    for number, step in enumerate(session.transitions()[: last + 1]):
        if _structure(reading.observation) != _structure(step.observation):
            raise _Stopped(f"the replay showed another screen at step {number}")
        seen = seen.union(link.decode(reading.coverage))
        yield number, seen.union(files.get(before, ProbeSet()))
        before = step.probes
        if number < last:
            reading = link.perform(step.observation, step.action)


def _structure(observation: Observation) -> tuple:
    """The screen but for its texts: what decides where touches go, and which there are."""
    elements = tuple(e._replace(text="", content_desc="") for e in observation.elements)
    return observation.package, observation.activity, observation.size_px, elements


def _try_all(link: Link, observation: Observation, covered: ProbeSet, deadline: float) -> list[int]:
    """How many probes beyond `covered` each candidate executes; the device is left as it was."""
    saved = link.snapshot()
    if saved is None:
        raise _Stopped("the device takes no snapshots")
    try:
        counts = []
        for action in candidates(observation):
            if time.monotonic() > deadline:
                raise _Stopped("the session's time was over")
            reading = link.perform(observation, action)
            counts.append(link.decode(reading.coverage).difference(covered).count())
            link.rewind(saved)
        return counts
    finally:
        link.forget(saved)
