"""A script done again: whether each step still does what it did, and where that first fails.

Elements are found by name on the screen as it is now. Coverage is compared only with the build
that the script was recorded on: another build has other probes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jamel.envs.base import Env
from jamel.explore.crashes import Crash, crash_of, new_crash
from jamel.explore.screens import find_element, screen_name
from jamel.explore.script import Expected, Script, StepLine, clean
from jamel.types import Action

GONE = -2


class Held(NamedTuple):
    """One step of a replay; `difference` is "" where the step holds."""

    step: int
    words: str
    difference: str

    @property
    def holds(self) -> bool:
        """Whether the step did what it did."""
        return not self.difference


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay came to; the launch is step 0."""

    app: str
    build: str
    recorded_build: str
    steps: tuple[Held, ...]

    @property
    def first_difference(self) -> Held | None:
        """The first step that does not hold, None where all do."""
        return next((step for step in self.steps if not step.holds), None)

    @property
    def holds(self) -> bool:
        """Whether every step holds."""
        return self.first_difference is None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        first = self.first_difference
        return {
            "app": self.app,
            "build": self.build,
            "recorded_build": self.recorded_build,
            "holds": self.holds,
            "first_difference": None if first is None else first._asdict(),
            "steps": [{**step._asdict(), "holds": step.holds} for step in self.steps],
        }


class Player:
    """Does script steps on an environment; `observation` is the screen now."""

    def __init__(self, env: Env, trace: Callable[[], str] | None = None) -> None:
        self._env, self._trace = env, trace

    def start(self, seed: int) -> Expected:
        """Launch the app as for a new session; returns what that led to."""
        options = {"new_session": True}
        self.observation, info = self._env.reset(seed=seed, options=options)
        self.covered = self._env.coverage().count()
        return self._seen(True, crash_of(self.observation, info))

    def do(self, step: StepLine) -> Expected | None:
        """Do one step; returns what it led to, None where its element is not there."""
        action = self.action_of(step)
        if action.element == GONE:
            return None
        before = self.observation
        self.observation, reward, terminated, truncated, info = self._env.step(action)
        crash = new_crash(before, self.observation, info, self._trace)
        if terminated or truncated:
            self.observation, _ = self._env.reset()
        if reward > 0 or terminated or truncated:
            self.covered = self._env.coverage().count()
        return self._seen(bool(info["executed"]), crash)

    def action_of(self, step: StepLine) -> Action:
        """The step's action on the screen as it is now; the element is GONE where it is not."""
        if step.name is None:
            return Action(step.action, -1, step.text, tuple(step.touch_px))
        index = find_element(self.observation, step.name)
        return Action(step.action, index if index >= 0 else GONE, step.text)

    def _seen(self, executed: bool, crash: Crash | None) -> Expected:
        return Expected(
            screen=screen_name(self.observation),
            activity=clean(self.observation.activity)[:4000],
            covered=self.covered,
            executed=executed,
            crash=clean(crash.signature)[:4000] if crash else "",
        )


def replay(
    script: Script,
    env: Env,
    *,
    compare_coverage: bool = True,
    trace: Callable[[], str] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Replay:
    """Do a script again on a fresh session and compare every step.

    It goes on after a difference: what follows may hold again.

    Args:
        script: what `read_script` returned.
        env: of the script's app; is reset to a new session.
        compare_coverage: also compare the covered probes, where the build is the recorded one.
        trace: reads the device's last stack trace.
        progress: told (done, total, words) after each step.

    Raises:
        DeviceError: the device was lost.
    """
    header, player = script.header, Player(env, trace)
    counted = compare_coverage and env.build == header.build
    held = [Held(0, "launch", _difference(header.start, player.start(header.seed), counted))]
    for number, step in enumerate(script.steps, 1):
        seen = player.do(step)
        if seen is None:
            difference = f"the element is not on the screen {player.observation.activity}"
        else:
            difference = _difference(step.expect, seen, counted)
        held.append(Held(number, step.words, clean(difference)))
        if progress is not None:
            progress(number, len(script.steps), step.words)
    return Replay(header.app, env.build, header.build, tuple(held))


def _difference(expected: Expected, seen: Expected, counted: bool) -> str:
    """The first thing that differs, in words; "" where nothing does."""
    if seen.crash != expected.crash:
        return _crash_difference(expected.crash, seen.crash)
    if seen.executed != expected.executed:
        words = ("was refused", "was executed")
        return f"expected that it {words[expected.executed]}, found that it {words[seen.executed]}"
    if seen.screen != expected.screen:
        return (
            f"expected screen {expected.screen} ({_short(expected)}), "
            f"found {seen.screen} ({_short(seen)})"
        )
    if counted and seen.covered != expected.covered:
        return f"expected {expected.covered} probes covered, found {seen.covered}"
    return ""


def _crash_difference(expected: str, seen: str) -> str:
    if not expected:
        return f"it crashes now: {seen}"
    return f"expected the crash {expected}, found {seen or 'none'}"


def _short(what: Expected) -> str:
    return what.activity.rsplit(".", 1)[-1] or "no activity"


def run_to_crash(
    env: Env, seed: int, steps: Sequence[StepLine], wanted: str, trace: Callable[[], str] | None
) -> list[StepLine] | None:
    """Do steps until the crash `wanted` shows; those whose element is gone are left out.

    Returns:
        The steps that were done, each with what it led to here; None if the crash did not show.
    """
    player, done = Player(env, trace), []
    player.start(seed)
    for step in steps:
        seen = player.do(step)
        if seen is None:
            continue
        done.append(step.model_copy(update={"expect": seen}))
        if seen.crash == wanted:
            return done
    return None
