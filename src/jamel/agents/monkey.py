"""Weighted raw events at random, as Android's own `monkey` sends them.

Knows of a screen its size and which field has the focus; touches land wherever they land, and many
hit nothing. Each event is a step. `monkey` itself has more kinds, such as trackballs and volume
keys, which no app here answers to; its flips and home key leave the app, which `-p` forbids it.
"""

from __future__ import annotations

import string

from jamel.agents.base import versioned
from jamel.agents.baselines import RandomAgent
from jamel.config import MonkeyConfig
from jamel.types import NO_ACTION, Action, ActionKind, Observation


class MonkeyAgent(RandomAgent):
    """Raw events by weight: taps, long presses, swipes, keys, back and restarts."""

    name = "monkey"

    def __init__(self, seed: int, settings: MonkeyConfig) -> None:
        super().__init__(seed)
        weights = settings.model_dump()
        self.version = versioned("1", settings)
        self._events, self._weights = list(weights), list(weights.values())

    def act(self, observation: Observation) -> Action:
        """Send one event."""
        (event,) = self._random.choices(self._events, self._weights)
        match event:
            case "tap":
                return Action(ActionKind.TAP, touch_px=self._point(observation))
            case "long_press":
                return Action(ActionKind.LONG_PRESS, touch_px=self._point(observation))
            case "swipe":
                return self._swipe(observation)
            case "key":
                return self._key(observation)
        return Action(ActionKind(event))

    def _point(self, observation: Observation) -> tuple[int, int]:
        width_px, height_px = observation.size_px
        return self._random.randrange(max(1, width_px)), self._random.randrange(max(1, height_px))

    def _swipe(self, observation: Observation) -> Action:
        start, end = self._point(observation), self._point(observation)
        kind = ActionKind.SCROLL_DOWN if end[1] < start[1] else ActionKind.SCROLL_UP
        return Action(kind, touch_px=start + end)

    def _key(self, observation: Observation) -> Action:
        """A letter for the field that has the focus; without one nobody hears it."""
        for index, element in enumerate(observation.elements):
            if element.focused and element.cls.endswith("EditText"):
                letter = self._random.choice(string.ascii_lowercase)
                return Action(ActionKind.TYPE, index, letter)
        return NO_ACTION
