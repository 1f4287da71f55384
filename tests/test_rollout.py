"""The rollout: what is recorded, when episodes end, what the agent is told."""

from jamel.agents import make_agent
from jamel.coverage.jacoco import read_exec
from jamel.rollout import rollout
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
