"""The shortest replay found of a crash: delta debugging on a device that is cheap to start again.

After A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (IEEE TSE
28(2), 2002), with two moves that sessions allow: start after a restart, and cut a walk that comes
back to the screen it left. Knows of steps only that a crash shows after some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jamel.envs.base import Env
from jamel.explore.replay import Player, run_to_crash
from jamel.explore.script import Header, StepLine
from jamel.types import ActionKind

Test = Callable[[Sequence[StepLine]], list[StepLine] | None]


@dataclass(frozen=True, slots=True)
class Shortened:
    """A script to a crash. `reproduced` is False where even all the steps did not show it again.

    `tests` is how many sequences were tried; with the bound reached it may not be the shortest.
    """

    header: Header
    steps: tuple[StepLine, ...]
    reproduced: bool
    tests: int


class _Bounded:
    """A test that is run a bounded number of times, after which it answers None."""

    def __init__(self, test: Test, most: int) -> None:
        self._test, self._most = test, most
        self.runs = 0

    def __call__(self, steps: Sequence[StepLine]) -> list[StepLine] | None:
        if self.runs >= self._most:
            return None
        self.runs += 1
        return self._test(steps)


def shorten(
    header: Header,
    steps: Sequence[StepLine],
    env: Env,
    *,
    trace: Callable[[], str] | None = None,
    most_tests: int = 400,
) -> Shortened:
    """Find fewer steps that still reach the crash that the last of `steps` shows.

    Args:
        header: of the session's script.
        steps: from the launch to the crash.
        env: is reset to a new session for every test.
        trace: reads the device's last stack trace.
        most_tests: how many sequences are tried at most.

    Raises:
        DeviceError: the device was lost.
    """
    wanted = steps[-1].expect.crash
    test = _Bounded(lambda some: run_to_crash(env, header.seed, some, wanted, trace), most_tests)
    current = test(steps)
    if current is None:
        return Shortened(_about(header, wanted), tuple(steps), False, test.runs)
    current = _after_restart(current, test)
    current = _without_loops(current, test)
    current = _without_chunks(current, test)
    start = Player(env, trace).start(header.seed)
    about = _about(header, wanted).model_copy(update={"start": start, "steps": len(current)})
    return Shortened(about, tuple(current), True, test.runs)


def _about(header: Header, crash: str) -> Header:
    return header.model_copy(update={"about": f"the shortest replay found of: {crash}"[:4000]})


def _after_restart(steps: list[StepLine], test: Test) -> list[StepLine]:
    """The steps from the latest restart on that suffices."""
    places = [i for i, step in enumerate(steps) if step.action is ActionKind.RESTART]
    for place in reversed(places):
        found = test(steps[place + 1 :])
        if found is not None:
            return found
    return steps


def _without_loops(steps: list[StepLine], test: Test) -> list[StepLine]:
    """Without walks that end on the screen where they began, the longest first."""
    place = 0
    while place < len(steps):
        here = steps[place].expect.screen
        ends = [i for i in range(len(steps) - 2, place, -1) if steps[i].expect.screen == here]
        cuts = (test([*steps[: place + 1], *steps[end + 1 :]]) for end in ends)
        steps = next((cut for cut in cuts if cut is not None), steps)
        place += 1
    return steps


def _without_chunks(steps: list[StepLine], test: Test) -> list[StepLine]:
    """Without any chunk that is not needed, from halves down to single steps."""
    size = max(1, len(steps) // 2)
    while True:
        before, place = len(steps), 0
        while place < len(steps):
            found = test([*steps[:place], *steps[place + size :]])
            if found is None:
                place += size
            else:
                steps = found
        if size == 1 and len(steps) == before:
            return steps
        size = max(1, size // 2)
