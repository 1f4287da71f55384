"""Run the sessions of an evaluation over processes, and meter every decision.

Knows agents and environments only through `rollout`; knows nothing of intervals or of files. An
agent's coverage is read from the recorded session, never by the agent.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jamel.agents import LLM, Agent, kept_agent
from jamel.agents.survey import Survey
from jamel.config import Config
from jamel.coverage.raw import read_coverage
from jamel.devices import Unseen, world_of
from jamel.envs.base import candidates
from jamel.envs.linked import LinkedEnv
from jamel.errors import SessionLost
from jamel.oracles import ORACLES, make_oracle
from jamel.parallel import Progress, one_torch_thread, run_parallel
from jamel.rollout import INTERRUPTIONS, close_env, rollout, session_id, session_seed
from jamel.scores import Run
from jamel.types import Action, Observation, Session


@dataclass(frozen=True, slots=True)
class Job:
    """One session to run: an agent on an app with a seed."""

    suite: str
    app: str
    agent: str
    model_dir: Path | None
    seed: int
    budget: int
    config: Config
    index: int = 0
    """The app's number in its suite."""

    @property
    def session_id(self) -> str:
        """The name of the session, as in the dataset."""
        return session_id(self.suite, self.index, self.agent, self.seed)

    @property
    def session_seed(self) -> int:
        """Differs from app to app."""
        return session_seed(self.seed, self.index)


class Metered:
    """An agent that notes what each decision took, and what its model said of it.

    `novelty` and `worth` are the model's figures of the actions taken, `features` the survey's
    after each step; they stay empty for an agent that gives no figures.
    """

    def __init__(self, agent: Agent, name: str) -> None:
        self.agent, self.name, self.version = agent, name, agent.version
        self._clear()

    def reset(self, session_seed: int) -> None:
        """Start a session with empty notes."""
        self.agent.reset(session_seed)
        self._clear()

    def _clear(self) -> None:
        self.ms: list[float] = []
        self.tokens: list[tuple[int, int]] = []
        self.novelty: list[float] = []
        self.worth: list[float] = []
        self.features: list[tuple[float, ...]] = []
        self._survey = Survey()

    def act(self, observation: Observation) -> Action:
        """The agent's action, timed. An agent that names no tokens read none."""
        began = time.perf_counter()
        action = self.agent.act(observation)
        self.ms.append(1000 * (time.perf_counter() - began))
        memory = getattr(self.agent, "tokens_memory", 0)
        self.tokens.append((int(memory), int(getattr(self.agent, "tokens_screen", 0))))
        self._note(observation, action)
        return action

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        """Pass on what the action led to."""
        self.agent.observe_result(next_observation, executed)
        if self.novelty:
            self._survey.resulted(next_observation, executed)
            self.features.append(self._survey.features())

    def _note(self, observation: Observation, action: Action) -> None:
        novelty = getattr(self.agent, "novelty", None)
        figure = None if novelty is None else self._survey.decided(observation, action, novelty)
        if figure is None:
            return
        self.novelty.append(figure)
        worth = getattr(self.agent, "worth", None)
        if worth is not None:
            self.worth.append(float(worth[candidates(observation).index(action)]))


def run_jobs(jobs: Sequence[Job], workers: int, progress: Progress | None = None) -> list[Run]:
    """Run the jobs over processes; the order of the results is that of the jobs.

    Raises:
        ProcessDied: a worker was killed.
    """
    runs: dict[int, Run] = {}
    for number, run in run_parallel(_numbered, list(enumerate(jobs)), workers):
        runs[number] = run
        if progress is not None:
            progress(len(runs), len(jobs), f"{run.app} {run.agent} seed {run.seed}")
    return [runs[number] for number in range(len(jobs))]


def _numbered(item: tuple[int, Job]) -> tuple[int, Run]:
    return item[0], run_job(item[1])


def run_job(job: Job) -> Run:
    """Run one session. Models are loaded once a process.

    A session that the device interrupted begins again, `device.tries` times at most.

    Raises:
        SessionLost: each was interrupted.
        DeviceError: no device could be opened.
    """
    device, problem = job.config.device, ""
    for number in range(device.tries):
        env = world_of(device).open(job.app, job.seed, number)
        try:
            return _run_on(env, job)
        except INTERRUPTIONS as error:
            problem = str(error)
            env.recover()
        finally:
            close_env(env)
    raise SessionLost(
        f"expected a whole session of {job.agent} on {job.app} in {device.tries} tries, found each "
        f"interrupted; the last time by: {problem}"
    )


def _run_on(env: LinkedEnv, job: Job) -> Run:
    first, _ = env.reset(seed=job.session_seed, options={"new_session": True})
    start = env.coverage().count()
    agent = Metered(_agent(job, env, first), job.agent)
    session = rollout(
        agent,
        env,
        seed=job.session_seed,
        budget=job.budget,
        session_id=job.session_id,
        suite=job.suite,
    )
    world = world_of(job.config.device)
    reachable = world.known_probes(job.app, env)
    return to_run(job, session, agent, start, reachable, world.unseen_part(job.app))


def to_run(
    job: Job, session: Session, agent: Metered, start: int, reachable: int, unseen: Unseen
) -> Run:
    """Condense a recorded session and the meter's notes."""
    steps = session.transitions()
    whole = len(agent.novelty) == len(steps)
    return Run(
        suite=job.suite,
        app=job.app,
        agent=job.agent,
        version=agent.version,
        seed=job.seed,
        start=start,
        covered=tuple(step.covered for step in steps),
        executed=tuple(step.executed for step in steps),
        ms=tuple(agent.ms),
        tokens_memory=tuple(memory for memory, _ in agent.tokens),
        tokens_screen=tuple(screen for _, screen in agent.tokens),
        reachable=reachable,
        covered_new=_covered_in(session, unseen.classes) if unseen.classes else (),
        reachable_new=unseen.reachable,
        novelty=tuple(agent.novelty) if whole else (),
        worth=tuple(agent.worth) if whole else (),
        features=tuple(agent.features) if whole else (),
    )


def _covered_in(session: Session, classes: frozenset[int]) -> tuple[int, ...]:
    """Per step the probes covered so far in some classes."""
    counts = {
        digest: sum(
            found.bits.bit_count()
            for class_id, found in read_coverage(raw).classes.items()
            if class_id in classes
        )
        for digest, raw in session.coverage.items()
    }
    return tuple(counts[step.probes] for step in session.transitions())


def _agent(job: Job, env: LinkedEnv, first: Observation) -> Agent:
    """The job's agent. A new one decides once before it is timed: the first call warms caches.

    Not where a decision costs money.
    """
    if job.agent in ORACLES:
        return make_oracle(job.agent, env, job.config.label)
    if job.model_dir is not None:
        one_torch_thread()

    def warm(agent: Agent) -> None:
        agent.reset(0)
        if job.agent != LLM:
            agent.act(first)

    return kept_agent(job.agent, job.model_dir, job.config.agents, warm)
