"""Fastbot's way: a model of which events lead to which activities, and Q values beside it.

Written from the idea of Fastbot2 (Lv et al., ASE 2022): events, told apart by their widget and
activity, have counts of the activities that followed; an event is worth the chance that it leads
to activities seen seldom, and n-step SARSA spreads what that was worth over the events before it.
Fastbot loads the counts of earlier runs on the same app. Here every session is the first, so they
are those of the session, and "not seen" has become "seen seldom".

Knows no coverage; its graph is used for the candidates' names alone.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque

from jamel.agents.base import versioned
from jamel.agents.baselines import ENDINGS, GraphAgent
from jamel.agents.graph import Screen
from jamel.config import FastbotConfig
from jamel.types import Action, Observation

Event = tuple[str, int]
"""An activity, and the candidate's name on a screen."""


class FastbotAgent(GraphAgent):
    """An event never tried first; then by the softmax of worth by the model plus Q value."""

    name = "fastbot"

    def __init__(self, seed: int, settings: FastbotConfig) -> None:
        self._settings = settings
        super().__init__(seed)
        self.version = versioned("1", settings)

    def reset(self, session_seed: int) -> None:
        """Forget the session."""
        super().reset(session_seed)
        self._led_to: dict[Event, dict[str, int]] = {}
        self._activities: dict[str, int] = defaultdict(int)
        self._screens: dict[int, int] = defaultdict(int)
        self._q: dict[Event, float] = defaultdict(float)
        self._recent: deque[tuple[Event, float]] = deque(maxlen=self._settings.steps)
        self._activity, self._event = "", ("", 0)

    def act(self, observation: Observation) -> Action:
        """Choose among the events of the activity in front."""
        self._activity = observation.activity
        return super().act(observation)

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        """Count where the event led and credit the last ones with what that was worth."""
        event, worth = self._event, self._worth(self._event)
        super().observe_result(next_observation, executed)
        led_to = self._led_to.setdefault(event, {})
        activity = next_observation.activity
        led_to[activity] = led_to.get(activity, 0) + 1
        screen = self._graph.visit(next_observation)[0]
        reward = worth / math.sqrt(sum(led_to.values()))
        events = [(activity, choice.local) for choice in screen.choices]
        ahead = sum(map(self._worth, events)) / len(events)
        self._activities[activity] += 1
        self._screens[screen.key] += 1
        self._recent.append((event, reward + ahead / math.sqrt(self._screens[screen.key])))

    def _choose(self, screen: Screen) -> int:
        events = [(self._activity, choice.local) for choice in screen.choices]
        index = self._index(screen, events)
        self._event = events[index]
        self._learn(self._event)
        return index

    def _index(self, screen: Screen, events: list[Event]) -> int:
        fresh = [i for i, event in enumerate(events) if event not in self._led_to]
        inside = [i for i in fresh if screen.choices[i].widget[0] not in ENDINGS]
        if inside:
            return self._random.choice(inside)
        if self._random.random() < self._settings.epsilon:
            return self._random.randrange(len(events))
        values = [(self._worth(e) + self._q[e]) / self._settings.temperature for e in events]
        most = max(values)
        weights = [math.exp(value - most) for value in values]
        return self._random.choices(range(len(events)), weights)[0]

    def _worth(self, event: Event) -> float:
        """Sum over activities of the chance to get there, each worth 1 / (1 + times seen)."""
        led_to = self._led_to.get(event)
        if led_to is None:
            return 1.0
        seen = self._activities
        worth = sum(count / (1 + seen[activity]) for activity, count in led_to.items())
        return worth / sum(led_to.values())

    def _learn(self, chosen: Event) -> None:
        """n-step SARSA for the oldest of the last n events, now that the next one is chosen."""
        settings = self._settings
        if len(self._recent) < settings.steps:
            return
        value = self._q[chosen]
        for _, reward in reversed(self._recent):
            value = reward + settings.gamma * value
        oldest = self._recent[0][0]
        self._q[oldest] += settings.alpha * (value - self._q[oldest])
