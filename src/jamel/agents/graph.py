"""An agent's own transition graph: screens by structure, what was tried there, where it led.

Knows no coverage and no app: only what an agent saw and did. A screen is identified by its
activity and its elements' classes and ids without digits: texts are left out, as clocks, adverts
and typed words would make every visit new (on the validation suite that costs 3 to 6 points), and
so are order and repetition, as lists reorder and grow.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from jamel.envs.base import candidates
from jamel.types import Action, ActionKind, Element, Observation

_NO_DIGITS = str.maketrans("", "", "0123456789")

ScreenKey = int
WidgetKey = tuple[str, str, str, str]


@lru_cache(maxsize=65536)
def without_digits(text: str) -> str:
    """The text with decimal digits removed: `Inbox (12)` and `Inbox (3)` are the same label."""
    return text.translate(_NO_DIGITS)


def screen_key(observation: Observation) -> ScreenKey:
    """A number that is equal for screens of equal structure, within one process."""
    kinds = {(element.cls, element.resource_id) for element in observation.elements}
    shapes = frozenset((cls, without_digits(resource_id)) for cls, resource_id in kinds)
    return hash((observation.activity, shapes))


def labels_of(elements: tuple[Element, ...]) -> list[str]:
    """What each element is called: its text, its description, or else its first child's."""
    labels = [element.text or element.content_desc for element in elements]
    for element, label in zip(elements, list(labels), strict=True):
        if label and element.parent >= 0 and not labels[element.parent]:
            labels[element.parent] = label
    return labels


def widget_key(action: Action, element: Element | None, label: str) -> WidgetKey:
    """What is acted on wherever it appears: the same row in two lists, a button on each page."""
    if element is None:
        return (action.kind.value, "", "", "")
    # What is in a text field, or typed into it, does not make it another field.
    name = "" if element.cls.endswith("EditText") else without_digits(label)
    return (action.kind.value, element.cls, without_digits(element.resource_id), name)


class Choice(NamedTuple):
    """A candidate on a screen: how it is known there, and how it is known anywhere."""

    local: int
    widget: WidgetKey


class Screen:
    """A node: the candidates of its latest visit, tries and last known target of each."""

    __slots__ = ("bound", "choices", "key", "targets", "tries")

    def __init__(self, key: ScreenKey) -> None:
        self.key = key
        self.choices: list[Choice] = []
        self.tries: dict[int, int] = {}
        self.targets: dict[int, ScreenKey] = {}
        self.bound = 1.0
        """Upper bound of the planner's value here; counts only grow, so values only fall."""


class Route(NamedTuple):
    """A screen that can be reached: in how many steps, and by which choice here first."""

    screen: Screen
    distance: int
    first: int


class SessionGraph:
    """Screens and known transitions of one session."""

    def __init__(self) -> None:
        self.screens: dict[ScreenKey, Screen] = {}
        self.widget_tries: dict[WidgetKey, int] = {}
        self.first_screen: ScreenKey | None = None
        self._seen: tuple[Observation, Screen, list[Action]] | None = None

    def visit(self, observation: Observation) -> tuple[Screen, list[Action]]:
        """The node of this screen and its candidates, aligned with the node's choices."""
        if self._seen is not None and self._seen[0] is observation:
            return self._seen[1], self._seen[2]
        key = screen_key(observation)
        screen = self.screens.get(key)
        if screen is None:
            screen = self.screens[key] = Screen(key)
        if self.first_screen is None:
            self.first_screen = key
        actions = candidates(observation)
        choices = _choices(observation, actions)
        if choices != screen.choices:
            screen.choices, screen.bound = choices, 1.0
        self._seen = (observation, screen, actions)
        return screen, actions

    def record(self, screen: Screen, choice: Choice, target: Screen) -> None:
        """The choice was made on the screen and led to the target."""
        screen.tries[choice.local] = screen.tries.get(choice.local, 0) + 1
        self.widget_tries[choice.widget] = self.widget_tries.get(choice.widget, 0) + 1
        if target is screen:
            screen.targets.pop(choice.local, None)
        else:
            screen.targets[choice.local] = target.key

    def routes(self, start: Screen) -> Iterator[Route]:
        """Every screen known to be reachable from `start`, nearest first (breadth first)."""
        seen = {start.key}
        level = [Route(start, 0, -1)]
        restart = self._restart_edge(start)
        while level:
            following: list[Route] = []
            for route in level:
                yield route
                edges = route.screen.targets
                if route.distance == 0 and restart is not None:
                    edges = {**edges, restart: self.first_screen}  # type: ignore[dict-item]
                for local, key in edges.items():
                    if key not in seen:
                        seen.add(key)
                        first = local if route.distance == 0 else route.first
                        following.append(Route(self.screens[key], route.distance + 1, first))
            level = following

    def _restart_edge(self, start: Screen) -> int | None:
        # A restart leads to the first screen from anywhere, tried here or not.
        if start.choices and start.choices[-1].widget[0] == ActionKind.RESTART.value:
            return start.choices[-1].local
        return None


def _choices(observation: Observation, actions: list[Action]) -> list[Choice]:
    labels = labels_of(observation.elements)
    repeats: dict[tuple, int] = {}
    choices: list[Choice] = []
    for action in actions:
        element = observation.elements[action.element] if action.element >= 0 else None
        widget = widget_key(action, element, labels[action.element] if element else "")
        kind, cls, resource_id, name = widget
        local = (kind, cls, resource_id or name, action.text)
        count = repeats[local] = repeats.get(local, -1) + 1
        choices.append(Choice(hash((local, count)), widget))
    return choices
