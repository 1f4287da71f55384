"""Whether an app is exhausted, judged from what its agent saw and did alone.

Knows no coverage. With a model, each candidate on a screen that can be reached is worth the chance
of new code that the model's novelty head gave it last; without one, it is worth something until it
was tried. A screen that was not seen for `FORGOTTEN_AFTER` steps does not count: its agent cannot
get back, as the known way no longer leads there, or sees no use in it.
"""

from __future__ import annotations

from jamel.agents.base import Agent
from jamel.agents.graph import Choice, Screen, SessionGraph
from jamel.types import Action, ActionKind, Observation

FORGOTTEN_AFTER = 100
_ENDINGS = (ActionKind.BACK.value, ActionKind.RESTART.value)


class Surveyed:
    """An agent, and what its own graph of the session says is still worth trying.

    An agent with a model has `novelty` (C,), the chances of its last decision's candidates.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent, self.name, self.version = agent, agent.name, agent.version
        self.reset(0)

    @property
    def has_model(self) -> bool:
        """Whether a model says what a candidate is worth."""
        return hasattr(self.agent, "novelty")

    def reset(self, session_seed: int) -> None:
        """Forget the session."""
        self.agent.reset(session_seed)
        self.chances: list[float] = []
        """Of each action, the novelty that the model gave it; empty without a model."""
        self._graph = SessionGraph()
        self._novelty: dict[int, dict[int, float]] = {}
        self._here: Screen | None = None
        self._last: tuple[Screen, Choice] | None = None
        self._seen_at: dict[int, int] = {}
        self._step = 0

    def act(self, observation: Observation) -> Action:
        """The agent's action; notes what it thinks of the other candidates."""
        action = self.agent.act(observation)
        screen, actions = self._graph.visit(observation)
        if action not in actions:
            # A raw touch, or no answer: the survey is of what can be named.
            self._last = None
            return action
        choice = screen.choices[actions.index(action)]
        if self.has_model:
            chances = [float(chance) for chance in self.agent.novelty]  # type: ignore[attr-defined]
            given = zip(screen.choices, chances, strict=True)
            self._novelty[screen.key] = {other.local: chance for other, chance in given}
            self.chances.append(self._novelty[screen.key][choice.local])
        self._last = (screen, choice)
        return action

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        """Pass on what the action led to; it is worth nothing more until it is judged again."""
        self.agent.observe_result(next_observation, executed)
        self._step += 1
        self._here = self._graph.visit(next_observation)[0]
        self._seen_at[self._here.key] = self._step
        if self._last is None:
            return
        screen, choice = self._last
        self._graph.record(screen, choice, self._here if executed else screen)
        self._seen_at[screen.key] = self._step
        self._novelty.get(screen.key, {}).pop(choice.local, None)
        self._last = None

    def best_left(self) -> float:
        """The highest worth, 0 to 1, of a candidate on any screen that is known to be reachable."""
        if self._here is None:
            return 1.0
        return max(self._worth(route.screen) for route in self._graph.routes(self._here))

    def _worth(self, screen: Screen) -> float:
        if self._step - self._seen_at.get(screen.key, 0) > FORGOTTEN_AFTER:
            return 0.0
        if not self.has_model:
            tried = screen.tries
            left = (c.local not in tried for c in screen.choices if c.widget[0] not in _ENDINGS)
            return float(any(left))
        known = self._novelty.get(screen.key)
        if known is None:
            return 1.0
        return max((known.get(choice.local, 0.0) for choice in screen.choices), default=0.0)


class Exhaustion:
    """Says when to stop: the best that is left stayed below a threshold for some steps.

    Args:
        agent: whose survey is asked.
        threshold: chance of new code; without a model anything untried is above it.
        patience: for how many steps in a row.
    """

    def __init__(self, agent: Surveyed, threshold: float, patience: int) -> None:
        self._agent = agent
        self._threshold = threshold
        self._patience = patience
        self._calm = 0

    def __call__(self) -> bool:
        """Whether the app is exhausted now; asked once after each step."""
        below = self._agent.best_left() < self._threshold
        self._calm = self._calm + 1 if below else 0
        return self._calm >= (self._patience if self._agent.has_model else 1)
