"""One session explored for a person: every screen, edge and crash, step by step.

Runs through `rollout` on an environment that is watched from outside: neither the agent nor the
rollout knows. Nothing here trains, and nothing knows how the result is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jamel.agents.base import Agent
from jamel.agents.survey import Surveyed
from jamel.calibration import Calibration
from jamel.coverage import ProbeSet
from jamel.envs.base import Env
from jamel.errors import DeviceError
from jamel.explore.crashes import Crash, crash_of, new_crash
from jamel.explore.exhaustion import Exhaustion
from jamel.explore.screens import describe_on, element_name, screen_name
from jamel.explore.script import Expected, Header, StepLine, clean, step_line
from jamel.rollout import rollout
from jamel.types import Action, ActionKind, Observation

Picture = Callable[[], bytes]
Trace = Callable[[], str]
MOST_SCREENS_PICTURED = 400


@dataclass(slots=True)
class SeenScreen:
    """A screen of the graph: first met after `step` (0 is the launch)."""

    name: str
    activity: str
    step: int
    picture_png: bytes = b""
    visits: int = 0
    crash: bool = False


@dataclass(slots=True)
class Edge:
    """Actions that led from one screen to another."""

    source: str
    target: str
    words: str
    kind: ActionKind
    step: int
    times: int = 0


@dataclass(slots=True)
class FoundCrash:
    """A crash that was not met before in the session, after step number `step`."""

    crash: Crash
    step: int
    words: str
    screen: str


@dataclass(slots=True)
class Exploration:
    """What a session came to. `steps` are the script; `covered` has the launch first."""

    app: str
    build: str
    agent: str
    seed: int
    device: str
    reachable: int
    steps: list[StepLine] = field(default_factory=list)
    covered: list[int] = field(default_factory=list)
    screens: dict[str, SeenScreen] = field(default_factory=dict)
    edges: dict[tuple[str, str], Edge] = field(default_factory=dict)
    crashes: list[FoundCrash] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)
    exhausted: float | None = None
    """How likely it is by now that `exhausted_means` holds; None without a calibrated model."""
    exhausted_means: str = ""
    stopped: str = "budget"
    start: Expected | None = None

    @property
    def header(self) -> Header:
        """The head of the session's script."""
        assert self.start is not None, "the app was launched"
        about = f"{len(self.steps)} steps of {self.agent}"
        return Header(
            app=self.app, build=self.build, seed=self.seed, agent=self.agent, about=about,
            steps=len(self.steps), start=self.start,
        )  # fmt: skip

    @property
    def coverage(self) -> float | None:
        """% of the probes that can be reached, None where their number is not known."""
        return 100 * self.covered[-1] / self.reachable if self.reachable else None


class Watched:
    """An Env that notes what happens on it in an `Exploration`."""

    def __init__(
        self, env: Env, found: Exploration, picture: Picture | None, trace: Trace | None
    ) -> None:
        self._env, self.found = env, found
        self._picture, self._trace = picture, trace
        self._before: Observation | None = None
        self._at = ""
        self._signatures: set[str] = set()
        self.app, self.build, self.backend = env.app, env.build, env.backend
        self.device = env.device

    @property
    def total_probes(self) -> int:
        """How many are known to exist by now."""
        return self._env.total_probes

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; the session's first is where the script starts."""
        observation, info = self._env.reset(seed=seed, options=options)
        found = self.found
        if found.start is None:
            found.covered.append(self._env.coverage().count())
            found.start = self._expected(observation, True, crash_of(observation, info))
        else:
            # A launch in the session belongs to the step that ended the episode before.
            found.covered[-1] = self._env.coverage().count()
            last = found.steps[-1]
            expect = self._expected(observation, last.expect.executed, None)
            crash = last.expect.crash
            found.steps[-1] = last.model_copy(
                update={"expect": expect.model_copy(update={"crash": crash})}
            )
        self._arrive(observation)
        return observation, info

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one action and note it."""
        before, source = self._before, self._at
        assert before is not None, "an episode was started"
        result = self._env.step(action)
        observation, reward, _, _, info = result
        found = self.found
        count = self._env.coverage().count() if reward > 0 else found.covered[-1]
        found.covered.append(count)
        crash = new_crash(before, observation, info, self._trace)
        expect = self._expected(observation, bool(info["executed"]), crash)
        name = element_name(before, action.element)
        found.steps.append(step_line(action, name, before, expect))
        words = clean(describe_on(before, action))
        self._arrive(observation)
        self._connect(source, words, action.kind)
        if crash is not None:
            self._keep(crash, words, source)
        return result

    def coverage(self) -> ProbeSet:
        """The session's probes."""
        return self._env.coverage()

    def raw_coverage(self) -> bytes:
        """The session's coverage as the backend's file."""
        return self._env.raw_coverage()

    def snapshot(self) -> bytes | None:
        """Nothing: a session that is watched goes forward only."""
        return None

    def restore(self, snapshot: bytes) -> Observation:
        """Refused, as `snapshot` gives no names."""
        raise DeviceError("A session that is explored for a person goes forward only.")

    def close(self) -> None:
        """Release the device."""
        self._env.close()

    def _expected(self, observation: Observation, executed: bool, crash: Crash | None) -> Expected:
        return Expected(
            screen=screen_name(observation),
            activity=clean(observation.activity)[:4000],
            covered=self.found.covered[-1],
            executed=executed,
            crash=clean(crash.signature)[:4000] if crash else "",
        )

    def _keep(self, crash: Crash, words: str, source: str) -> None:
        assert self._before is not None, "the screen after the crash was seen"
        self.found.screens[self._at].crash = crash_of(self._before, {}) is not None
        key = crash.signature if crash.trace else f"{crash.signature} {source} {words}"
        if key not in self._signatures:
            self._signatures.add(key)
            number = len(self.found.steps)
            self.found.crashes.append(FoundCrash(crash, number, words, source))

    def _arrive(self, observation: Observation) -> None:
        self._before, self._at = observation, screen_name(observation)
        screens = self.found.screens
        seen = screens.get(self._at)
        if seen is None:
            activity = observation.activity or observation.package
            seen = SeenScreen(self._at, clean(activity)[:200], len(self.found.steps))
            if self._picture is not None and len(screens) < MOST_SCREENS_PICTURED:
                seen.picture_png = self._picture()
            screens[self._at] = seen
        seen.visits += 1

    def _connect(self, source: str, words: str, kind: ActionKind) -> None:
        if source == self._at:
            return
        key = (source, self._at)
        edges = self.found.edges
        if key not in edges:
            edges[key] = Edge(*key, words, kind, len(self.found.steps))
        edges[key].times += 1


def explore(
    agent: Agent,
    env: Env,
    *,
    seed: int,
    steps: int,
    reachable: int = 0,
    until_exhausted: bool = False,
    calibration: Calibration | None = None,
    certainty: float = 0.8,
    threshold: float = 0.25,
    patience: int = 10,
    picture: Picture | None = None,
    trace: Trace | None = None,
    progress: Callable[[Exploration], None] | None = None,
) -> Exploration:
    """Let an agent explore an app and keep what a person wants to know.

    A device that is lost, or Ctrl-C, after the first step ends the session early: `stopped` says
    so and nothing that was found is lost.

    Args:
        agent: acts; sees no coverage.
        env: is reset to a new session.
        seed: of the session.
        steps: at most so many actions.
        reachable: probes that can be reached, 0 where that is not known.
        until_exhausted: stop when the agent's own survey says that nothing is left.
        calibration: of the agent's model; says how likely it is that next to nothing new comes.
        certainty: stop when that is so likely.
        threshold: without a calibration, novelty below which no action is worth its step, 0 to 1.
        patience: for so many steps in a row.
        picture: takes a PNG of the screen; called once for each screen that is new.
        trace: reads the last stack trace; called when a crash is seen that came without one.
        progress: told after each step.

    Raises:
        DeviceError: the device was lost before the first step.
    """
    found = Exploration(env.app, env.build, agent.name, seed, env.device, reachable)
    surveyed = Surveyed(agent, calibration.novelty if calibration else None)
    watched = Watched(env, found, picture, trace)
    chance = calibration.exhausted if calibration else None
    found.exhausted_means = chance.means if chance else ""
    exhausted = Exhaustion(surveyed, chance, certainty, threshold, patience)

    def until() -> bool:
        found.exhausted = exhausted.chance
        if progress is not None:
            progress(found)
        if until_exhausted and exhausted():
            found.stopped = "exhausted"
            return True
        return False

    try:
        rollout(
            surveyed, watched, seed=seed, budget=steps, session_id="explore", suite="explore",
            until=until,
        )  # fmt: skip
    except (DeviceError, KeyboardInterrupt) as error:
        if not found.steps:
            raise
        found.stopped = str(error) or "interrupted"
    found.chances = surveyed.chances
    found.reachable = max(found.reachable, found.covered[-1]) if found.reachable else 0
    return found
