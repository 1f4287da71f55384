"""What an agent's own graph of a session says is still worth trying, step by step.

Knows no coverage. With a model, each candidate on a screen that can be reached is worth the chance
of new code that the model's novelty head gave it last; without one, it is worth something until it
was tried. A screen that was not seen for `FORGOTTEN_AFTER` steps does not count: its agent cannot
get back, as the known way no longer leads there, or sees no use in it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from jamel.agents.base import Agent
from jamel.agents.baselines import ENDINGS
from jamel.agents.graph import Choice, Screen, SessionGraph
from jamel.types import Action, Observation

FORGOTTEN_AFTER = 100
RECENT = 20
"""The steps whose chances are averaged."""
FEATURES = ("best left", "promised in all", "recent chances", "step")
_LEAST = 1e-3


class Left(NamedTuple):
    """What is left on one screen, or on all: the best candidate's worth, and the sum of worths."""

    best: float
    total: float


class Survey:
    """Watches an agent's session: `decided` after each choice, `resulted` after what it led to."""

    def __init__(self) -> None:
        self._graph = SessionGraph()
        self._novelty: dict[int, dict[int, float]] = {}
        self._left: dict[int, Left] = {}
        self._here: Screen | None = None
        self._last: tuple[Screen, Choice] | None = None
        self._seen_at: dict[int, int] = {}
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._step = 0
        self._judged = False

    def decided(
        self, observation: Observation, action: Action, novelty: Sequence[float] | None
    ) -> float | None:
        """Note a choice; `novelty` are a model's figures, one a candidate, None without a model.

        Returns:
            The figure of the choice, None where nobody gave it any.
        """
        screen, actions = self._graph.visit(observation)
        self._last = None
        if action not in actions:
            # A raw touch, or no answer: the survey is of what can be named.
            return None
        choice = screen.choices[actions.index(action)]
        self._last = (screen, choice)
        if novelty is None:
            return None
        self._judged = True
        given = zip(screen.choices, novelty, strict=True)
        self._novelty[screen.key] = {other.local: float(figure) for other, figure in given}
        self._left.pop(screen.key, None)
        self._recent.append(self._novelty[screen.key][choice.local])
        return self._recent[-1]

    def resulted(self, next_observation: Observation, executed: bool) -> None:
        """Note what the choice led to; it is worth nothing more until it is judged again."""
        self._step += 1
        self._here = self._graph.visit(next_observation)[0]
        self._seen_at[self._here.key] = self._step
        self._left.pop(self._here.key, None)
        if self._last is None:
            return
        screen, choice = self._last
        self._graph.record(screen, choice, self._here if executed else screen)
        self._seen_at[screen.key] = self._step
        self._novelty.get(screen.key, {}).pop(choice.local, None)
        self._left.pop(screen.key, None)
        self._last = None

    def best_left(self) -> float:
        """The highest worth, 0 to 1, of a candidate on any screen that is known to be reachable."""
        return self.left().best

    def left(self) -> Left:
        """The best of what is left on the screens known to be reachable, and all of it."""
        if self._here is None:
            return Left(1.0, 1.0)
        parts = [self._on(route.screen) for route in self._graph.routes(self._here)]
        return Left(max(part.best for part in parts), sum(part.total for part in parts))

    def features(self) -> tuple[float, ...]:
        """What `FEATURES` names, as inputs of a logistic regression."""
        left = self.left()
        recent = sum(self._recent) / len(self._recent) if self._recent else 1.0
        return (
            math.log((left.best + _LEAST) / (1 - left.best + _LEAST)),
            math.log1p(left.total),
            math.log(recent + _LEAST),
            math.log1p(self._step),
        )

    def _on(self, screen: Screen) -> Left:
        if self._step - self._seen_at.get(screen.key, 0) > FORGOTTEN_AFTER:
            return Left(0.0, 0.0)
        found = self._left.get(screen.key)
        if found is None:
            found = self._left[screen.key] = self._look(screen)
        return found

    def _look(self, screen: Screen) -> Left:
        if not self._judged:
            tried = screen.tries
            untried = [c.local not in tried for c in screen.choices if c.widget[0] not in ENDINGS]
            return Left(float(any(untried)), float(sum(untried)))
        known = self._novelty.get(screen.key)
        if known is None:
            return Left(1.0, 1.0)
        chances = [known.get(choice.local, 0.0) for choice in screen.choices]
        return Left(max(chances, default=0.0), sum(chances))


class Surveyed:
    """An agent whose sessions are surveyed.

    An agent with a model has `novelty` (C,), its figures of its last decision's candidates;
    `calibrate` turns one into the chance of new code that it stands for.
    """

    def __init__(self, agent: Agent, calibrate: Callable[[float], float] | None = None) -> None:
        self.agent, self.name, self.version = agent, agent.name, agent.version
        self._calibrate = calibrate
        self.reset(0)

    @property
    def has_model(self) -> bool:
        """Whether a model says what a candidate is worth."""
        return hasattr(self.agent, "novelty")

    def reset(self, session_seed: int) -> None:
        """Forget the session."""
        self.agent.reset(session_seed)
        self.survey = Survey()
        self.chances: list[float] = []
        """Of each action, the chance of new code that the model gave it; empty without a model."""

    def act(self, observation: Observation) -> Action:
        """The agent's action; notes what it thinks of the other candidates."""
        action = self.agent.act(observation)
        novelty = getattr(self.agent, "novelty", None)
        figure = self.survey.decided(observation, action, novelty)
        if figure is not None:
            self.chances.append(self._calibrate(figure) if self._calibrate else figure)
        return action

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        """Pass on what the action led to."""
        self.agent.observe_result(next_observation, executed)
        self.survey.resulted(next_observation, executed)
