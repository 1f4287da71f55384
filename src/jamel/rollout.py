"""One agent on one environment becomes a Session. Used by collection and by evaluation alike.

Knows no files and no learning. The agent is never shown coverage.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from typing import NamedTuple

from jamel.agents.base import Agent, worth_of
from jamel.envs.base import Env
from jamel.episodes import coverage_digest
from jamel.errors import CoverageError, DeviceError, SessionLost, UiTreeError
from jamel.types import Action, ActionKind, Episode, Observation, Session, Transition

INTERRUPTIONS = (DeviceError, CoverageError, UiTreeError)
"""The errors after which a session cannot go on, but can begin again."""
Marks = dict[int, list[str]]
"""Step -> what went wrong during it."""
VIRTUAL = "virtual"
"""What an environment on the embedded device calls its device."""


def session_id(suite: str, index: int, agent: str, seed: int) -> str:
    """The name of a session and of its shard: an agent with a seed on app number `index`.

    A suite file is named by its path, which is no file name as it is.
    """
    plain = re.sub(r"[^\w.@-]+", "-", suite)
    return f"{plain}-{index:03d}-{agent}-s{seed}"


def session_seed(seed: int, index: int) -> int:
    """Differs from app to app, or random choices would be the same on all of them."""
    return seed * 100_003 + index


class _Outcome(NamedTuple):
    """What a step came to; `observation` is the one that the next action is chosen on."""

    observation: Observation
    executed: bool
    reason: str
    ended: bool
    duration_ms: float
    marks: str


class _Coverage:
    """The session's cumulative raw coverage, kept once per change."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self.files: dict[str, bytes] = {}
        self.read()

    def read(self) -> None:
        raw = self._env.raw_coverage()
        self.digest = coverage_digest(raw)
        self.files.setdefault(self.digest, raw)
        self.covered = self._env.coverage().count()


def whole_rollout(
    agent: Agent,
    open_env: Callable[[int], Env],
    *,
    tries: int,
    seed: int,
    budget: int,
    session_id: str,
    suite: str,
) -> Session:
    """A session that nothing interrupted, begun again from the start until there is one.

    The agent begins anew with the same seed, on the same device where that comes back and on
    another where it does not. What interrupted is marked on the step that it interrupted.

    Args:
        agent: Is reset with `seed` each time.
        open_env: Opens an environment; gets the number of the try, from 0. Is closed here.
        tries: How often the session may begin.
        seed: As the rest, of `rollout`.

    Raises:
        SessionLost: No try ended well.
        JamelError: The first environment could not be opened, which is for the user to mend.
    """
    opened: Env | None = open_env(0)
    marks, reasons = Marks(), list[str]()
    try:
        for number in range(tries):
            try:
                opened = opened or open_env(number)
                return rollout(
                    agent, opened, seed=seed, budget=budget, session_id=session_id, suite=suite,
                    marks=marks,
                )  # fmt: skip
            except INTERRUPTIONS as error:
                reasons.append(str(error))
            if opened is not None and not _recovers(opened):
                close_env(opened)
                opened = None
    finally:
        close_env(opened)
    raise SessionLost(
        f"expected a whole session {session_id} in {tries} tries, found each interrupted; the last "
        f"time by: {reasons[-1]}"
    )


def _recovers(env: Env) -> bool:
    """Whether a new session can begin on the environment's device."""
    return bool(getattr(env, "recover", lambda: False)())


def close_env(env: Env | None) -> None:
    """Close an environment whose device may be gone."""
    if env is not None:
        with contextlib.suppress(*INTERRUPTIONS):
            env.close()


def rollout(
    agent: Agent,
    env: Env,
    *,
    seed: int,
    budget: int,
    session_id: str,
    suite: str,
    marks: Marks | None = None,
    until: Callable[[], bool] | None = None,
) -> Session:
    """Let the agent explore for `budget` actions and record everything.

    An episode ends when the agent restarts the app or the environment terminates. Invalid actions
    cost a step, are kept and are marked. Durations are recorded on real devices only: on the
    embedded one they would tell of the machine, and two machines must write the same bytes.

    Args:
        agent: Is reset with `seed`.
        env: Is reset to a new session: fresh data, no coverage.
        seed: Of the session.
        budget: Number of actions.
        session_id: A name that is unique in the dataset.
        suite: The name of the app's suite.
        marks: What went wrong in earlier tries at this session; what interrupts it is added.
        until: Asked after each step; the session ends before its budget where it says so.

    Raises:
        DeviceError, CoverageError, UiTreeError: The session was interrupted.
    """
    marks = Marks() if marks is None else marks
    episodes: list[Episode] = []
    steps: list[Transition] = []
    try:
        observation, info = env.reset(seed=seed, options={"new_session": True})
        agent.reset(seed)
        coverage = _Coverage(env)
        start, noted = coverage.digest, [info.get("marks", "")]
        for number in range(budget):
            action = agent.act(observation)
            worth = worth_of(agent)
            outcome = _step(env, action, coverage)
            noted = [*marks.get(number, ()), *noted, outcome.marks]
            steps.append(_transition(observation, action, outcome, coverage, _joined(noted), worth))
            agent.observe_result(outcome.observation, outcome.executed)
            observation, noted = outcome.observation, []
            stopped = until is not None and until()
            last = stopped or number == budget - 1
            if outcome.ended or last:
                episodes.append(Episode(tuple(steps), outcome.ended, not outcome.ended))
                steps = []
            if last:
                break
    except INTERRUPTIONS as error:
        taken = sum(len(episode.transitions) for episode in episodes) + len(steps)
        marks.setdefault(taken, []).append(f"begun again after {type(error).__name__}")
        raise
    return Session(
        session_id=session_id,
        suite=suite,
        app=env.app,
        build=env.build,
        agent=agent.name,
        agent_version=agent.version,
        seed=seed,
        budget=budget,
        device=env.device,
        total_probes=env.total_probes,
        episodes=tuple(episodes),
        coverage=coverage.files,
        backend=env.backend,
        start_probes=start,
    )


def _joined(marks: list[str]) -> str:
    return "; ".join(mark for mark in marks if mark)


def _step(env: Env, action: Action, coverage: _Coverage) -> _Outcome:
    """Act; where that ends the episode, begin the next, whose launch counts to this step."""
    began = time.perf_counter()
    following, reward, terminated, truncated, info = env.step(action)
    restarted = action.kind is ActionKind.RESTART and bool(info["executed"])
    reset, launch = terminated or truncated, dict[str, str]()
    if reset:
        following, launch = env.reset()
    if reward > 0 or reset:
        coverage.read()
    return _Outcome(
        observation=following,
        executed=bool(info["executed"]),
        reason=str(info.get("invalid_reason", "")),
        ended=reset or restarted,
        duration_ms=0.0 if env.device == VIRTUAL else (time.perf_counter() - began) * 1000,
        marks=_joined([info.get("marks", ""), launch.get("marks", "")]),
    )


def _transition(
    observation: Observation,
    action: Action,
    outcome: _Outcome,
    coverage: _Coverage,
    marks: str,
    worth: tuple[float, ...],
) -> Transition:
    return Transition(
        observation=observation,
        action=action,
        executed=outcome.executed,
        invalid_reason=outcome.reason,
        probes=coverage.digest,
        covered=coverage.covered,
        duration_ms=outcome.duration_ms,
        marks=marks,
        worth=worth,
    )
