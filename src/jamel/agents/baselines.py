"""Agents without learning: random, least-tried, frontier, planner.

None sees coverage. All but the first keep a `SessionGraph` of what they themselves did. Tuned on
the validation suite only.
"""

from __future__ import annotations

import random

from jamel.agents.base import versioned
from jamel.agents.graph import Choice, Screen, SessionGraph
from jamel.config import PlannerConfig, TriesConfig
from jamel.envs.base import candidates
from jamel.types import Action, ActionKind, Observation

ENDINGS = (ActionKind.BACK.value, ActionKind.RESTART.value)


class RandomAgent:
    """Any candidate, evenly."""

    name = "random"
    version = "1"

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.reset(0)

    def reset(self, session_seed: int) -> None:
        """Start the session's own stream of random numbers."""
        self._random = random.Random(f"{self.name}/{self._seed}/{session_seed}")

    def act(self, observation: Observation) -> Action:
        """Choose one candidate."""
        return self._random.choice(candidates(observation))

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        """Nothing is learnt."""


class GraphAgent(RandomAgent):
    """Keeps the session graph; subclasses choose the index of a candidate."""

    name = "graph"

    def reset(self, session_seed: int) -> None:
        """Forget the graph."""
        super().reset(session_seed)
        self._graph = SessionGraph()
        self._last: tuple[Screen, Choice] | None = None

    def act(self, observation: Observation) -> Action:
        """Choose by the graph."""
        screen, actions = self._graph.visit(observation)
        index = self._choose(screen)
        self._last = (screen, screen.choices[index])
        return actions[index]

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        """Add the transition to the graph; an invalid action counts as one that led nowhere."""
        if self._last is None:
            return
        screen, choice = self._last
        target = self._graph.visit(next_observation)[0] if executed else screen
        self._graph.record(screen, choice, target)
        self._last = None

    def _choose(self, screen: Screen) -> int:
        raise AssertionError("subclasses choose")

    def _towards(self, screen: Screen, local: int) -> int | None:
        for index, choice in enumerate(screen.choices):
            if choice.local == local:
                return index
        return None


class LeastTriedAgent(GraphAgent):
    """The candidate tried least often, ties at random, leaving the screen last."""

    name = "least-tried"

    def __init__(self, seed: int, settings: TriesConfig) -> None:
        super().__init__(seed)
        self.version = versioned("1", settings)
        self._anywhere = settings.tried == "anywhere"

    def _choose(self, screen: Screen) -> int:
        return self._least_tried(screen)

    def _least_tried(self, screen: Screen) -> int:
        tries = [
            (self._tries(screen, choice), choice.widget[0] in ENDINGS) for choice in screen.choices
        ]
        fewest = min(tries)
        return self._random.choice([i for i, count in enumerate(tries) if count == fewest])

    def _tries(self, screen: Screen, choice: Choice) -> int:
        if self._anywhere:
            return self._graph.widget_tries.get(choice.widget, 0)
        return screen.tries.get(choice.local, 0)


class FrontierAgent(LeastTriedAgent):
    """Walks to the nearest screen with an untried candidate and tries it."""

    name = "frontier"

    def _choose(self, screen: Screen) -> int:
        for route in self._graph.routes(screen):
            if not self._has_untried(route.screen):
                continue
            if route.distance == 0:
                return self._least_tried(screen)
            index = self._towards(screen, route.first)
            if index is not None:
                return index
        return self._least_tried(screen)

    def _has_untried(self, screen: Screen) -> bool:
        return any(
            choice.widget[0] not in ENDINGS and not self._tries(screen, choice)
            for choice in screen.choices
        )


class PlannerAgent(GraphAgent):
    """Maximises gamma^distance × (1 + tries)^-power × (1 + tries of its like anywhere)^-alike."""

    name = "planner"

    def __init__(self, seed: int, settings: PlannerConfig) -> None:
        super().__init__(seed)
        self.version = versioned("1", settings)
        self._settings = settings

    def _choose(self, screen: Screen) -> int:
        best, best_index = -1.0, len(screen.choices) - 1
        for route in self._graph.routes(screen):
            discount = self._settings.gamma**route.distance
            if discount <= best:
                break
            if discount * route.screen.bound <= best:
                continue
            value, indices = self._best_choices(route.screen)
            route.screen.bound = value
            if discount * value <= best:
                continue
            index = (
                self._random.choice(indices)
                if route.distance == 0
                else self._towards(screen, route.first)
            )
            if index is not None:
                best, best_index = discount * value, index
        return best_index

    def _best_choices(self, screen: Screen) -> tuple[float, list[int]]:
        tries, anywhere = screen.tries, self._graph.widget_tries
        power, alike = -self._settings.power, -self._settings.alike
        values = [
            (1 + tries.get(choice.local, 0)) ** power
            * (1 + anywhere.get(choice.widget, 0)) ** alike
            for choice in screen.choices
        ]
        best = max(values)
        return best, [index for index, value in enumerate(values) if value == best]
