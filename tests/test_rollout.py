"""The rollout: what is recorded, when episodes end, what the agent is told."""

from dataclasses import replace

import pytest

from jamel.agents import make_agent
from jamel.coverage.jacoco import read_exec
from jamel.errors import CoverageError, DeviceLost, SessionLost
from jamel.rollout import rollout, whole_rollout
from jamel.types import Action, ActionKind, Observation
from tests.tiny_env import TinyEnv


class Scripted:
    """Replays a list of actions."""

    name, version = "scripted", "1"

    def __init__(self, actions: list[Action]) -> None:
        self.actions = actions
        self.told: list[tuple[str, bool]] = []

    def reset(self, session_seed: int) -> None:
        self.left = list(self.actions)

    def act(self, observation: Observation) -> Action:
        return self.left.pop(0)

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        self.told.append((next_observation.activity, executed))


def play(*actions: Action):
    agent = Scripted(list(actions))
    session = rollout(
        agent, TinyEnv(), seed=1, budget=len(actions), session_id="tiny-000", suite="tiny"
    )
    return agent, session


def test_restart_ends_an_episode_and_coverage_survives_it():
    _, session = play(
        Action(ActionKind.TAP, 0), Action(ActionKind.RESTART), Action(ActionKind.TAP, 1)
    )
    first, second = session.episodes
    assert [len(first.transitions), len(second.transitions)] == [2, 1]
    assert first.terminated and not first.truncated
    assert second.truncated and not second.terminated
    assert [step.covered for step in session.transitions()] == [2, 2, 3]
    assert second.transitions[0].observation.activity == "home"


def test_a_session_that_ends_with_a_restart_has_no_empty_episode():
    _, session = play(Action(ActionKind.TAP, 0), Action(ActionKind.RESTART))
    assert [len(e.transitions) for e in session.episodes] == [2]


def test_invalid_actions_are_kept_and_marked():
    agent, session = play(Action(ActionKind.TYPE, 0, "hello"), Action(ActionKind.TAP, 0))
    first, second = session.transitions()
    assert (first.executed, first.invalid_reason) == (False, "no text field")
    assert second.executed
    assert agent.told == [("home", False), ("list", True)]


def test_coverage_is_kept_once_per_change_and_starts_with_the_launch():
    _, session = play(Action(ActionKind.TAP, 0), *[Action(ActionKind.BACK)] * 3)
    assert len(session.coverage) == 2
    assert read_exec(session.coverage[session.start_probes]).count() == 1
    assert {step.probes for step in session.transitions()} <= set(session.coverage)
    assert all(step.duration_ms == 0.0 for step in session.transitions())


def test_the_same_seed_gives_the_same_session():
    def once():
        return rollout(
            make_agent("random"), TinyEnv(), seed=3, budget=30, session_id="a", suite="tiny"
        )

    assert once() == once()


class Failing(TinyEnv):
    """Fails at a step, as often as told; comes back or not."""

    def __init__(self, at: int, failures: list[Exception], comes_back: bool = True) -> None:
        self.at, self.failures, self.comes_back = at, failures, comes_back
        self.closed = False

    def reset(self, **options):
        self.taken = 0
        return super().reset(**options)

    def step(self, action: Action):
        self.taken += 1
        if self.taken > self.at and self.failures:
            raise self.failures.pop(0)
        *rest, info = super().step(action)
        return (*rest, info | ({"marks": "dumped again"} if self.taken == 2 else {}))

    def recover(self) -> bool:
        return self.comes_back

    def close(self) -> None:
        self.closed = True


def begin(envs: list[Failing], tries: int = 5):
    opened: list[Failing] = []

    def open_one(number: int) -> Failing:
        opened.append(envs[len(opened)])
        return opened[-1]

    keys = {"seed": 3, "budget": 8, "session_id": "a", "suite": "tiny"}
    session = whole_rollout(make_agent("random"), open_one, tries=tries, **keys)
    return session, opened


def bare(session):
    return [replace(step, marks="") for step in session.transitions()]


def test_a_session_begins_again_on_the_same_device_until_it_is_whole():
    sound, _ = begin([Failing(0, [])])
    env = Failing(4, [DeviceLost("away"), CoverageError("empty")])
    session, opened = begin([env])
    assert opened == [env] and env.closed
    assert bare(session) == bare(sound)
    marks = {n: step.marks for n, step in enumerate(session.transitions()) if step.marks}
    again = "begun again after DeviceLost; begun again after CoverageError"
    assert marks == {1: "dumped again", 4: again}


def test_a_device_that_does_not_come_back_is_replaced():
    dead, other = Failing(2, [DeviceLost("dead")], comes_back=False), Failing(0, [])
    session, opened = begin([dead, other])
    assert opened == [dead, other] and dead.closed and other.closed
    assert session.transitions()[2].marks == "begun again after DeviceLost"


def test_tries_are_bounded_and_the_reason_is_kept():
    env = Failing(0, [DeviceLost(f"loss {number}") for number in range(9)])
    with pytest.raises(SessionLost, match=r"in 3 tries.*by: loss 2"):
        begin([env], tries=3)
    assert env.closed and len(env.failures) == 6


def test_what_is_for_the_user_to_mend_is_not_tried_again():
    with pytest.raises(ValueError, match="a bug"):
        begin([Failing(0, [ValueError("a bug")])])
