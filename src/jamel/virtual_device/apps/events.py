"""What a touch on a screen comes to: the event that the app in front gets.

Knows screens and gestures; nothing of an app's state. The same event does the same in states that
look different, which is why it has a name of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from jamel.types import TYPED_TEXTS, Action, ActionKind, Observation, centre_px, fingers_px
from jamel.virtual_device.apps.canvas import Screen
from jamel.virtual_device.apps.widgets import Call


class Event(NamedTuple):
    """One event. By kind, `name` and `arg` are:

    "call": a handler and its argument; "focus": a field; "text": what is typed; "scroll": how far
    and how far at most, in px. "back", "home", "restart" and "nothing" have neither.
    """

    kind: str
    name: str = ""
    arg: Any = ""


BACK, HOME, RESTART, NOTHING = Event("back"), Event("home"), Event("restart"), Event("nothing")
_KEYS = {ActionKind.BACK: BACK, ActionKind.HOME: HOME, ActionKind.RESTART: RESTART}
_TYPED = {text: Event("text", text) for text in TYPED_TEXTS}
CODELESS = frozenset(("@say", "@menu", "@visit", "@top", "@up", "@dismiss", "@launch"))
"""Handlers of the app's own that execute no code of a feature, now or on a page they open."""

DISMISS = Event("call", "@dismiss", "")


def events_of(screen: Screen, observation: Observation, action: Action) -> tuple[Event, ...]:
    """What a possible action on what was observed comes to, now that `screen` is shown."""
    kind = action.kind
    if kind in _KEYS:
        return (_KEYS[kind],)
    fingers = fingers_px(observation, action)
    if kind is ActionKind.TAP:
        return (tapped(screen, *fingers),)
    if kind is ActionKind.LONG_PRESS:
        return (held(screen, *fingers),)
    if kind is ActionKind.TYPE:
        return tapped(screen, *fingers), Event("text", action.text)
    return (dragged(screen, *fingers),)


Choice = tuple[Event, ...]


def choices_on(screen: Screen, seen: Observation, actions: Sequence[Action]) -> list[Choice]:
    """As `events_of`, for all candidates: actions on one element follow each other."""
    element, tap = -1, NOTHING
    choices: list[Choice] = []
    taps, types = ActionKind.TAP, ActionKind.TYPE
    for action in actions:
        kind = action.kind
        if kind is taps or kind is types:
            if action.element != element:
                element = action.element
                tap = tapped(screen, *centre_px(screen.elements[element].bounds_px))
            choices.append((tap,) if kind is taps else (tap, _TYPED[action.text]))
        else:
            choices.append(events_of(screen, seen, action))
    return choices


def can_cover(choice: Choice) -> bool:
    """Whether this can execute code of a feature, in whichever state."""
    return any(map(_can_cover, choice))


def _can_cover(event: Event) -> bool:
    match event.kind:
        case "call":
            return event.name not in CODELESS
        case "scroll":
            return bool(event.arg[0] > 0)
    return event.kind == "restart"


def tapped(screen: Screen, x_px: int, y_px: int) -> Event:
    """A touch: the topmost clickable element there gets it."""
    index = _hit(screen, x_px, y_px)
    if index < 0 or not screen.elements[index].enabled:
        return NOTHING
    if index in screen.fields:
        return Event("focus", screen.fields[index])
    return _called(screen.taps[index]) if index in screen.taps else NOTHING


def held(screen: Screen, x_px: int, y_px: int) -> Event:
    """A long press; an element that knows none takes it as a tap."""
    index = _hit(screen, x_px, y_px)
    if index not in screen.holds or not screen.elements[index].enabled:
        return tapped(screen, x_px, y_px)
    return _called(screen.holds[index])


def _called(call: Call) -> Event:
    return _event(("call", *call))


_event: Callable[[tuple], Event] = partial(tuple.__new__, Event)


def dragged(screen: Screen, x1_px: int, y1_px: int, x2_px: int, y2_px: int) -> Event:
    """A drag: the topmost scrollable element at its start moves with the finger."""
    for left, top, right, bottom in screen.scrollers:
        if left <= x1_px < right and top <= y1_px < bottom:
            return Event("scroll", "", (y1_px - y2_px, screen.most_scroll_px))
    return NOTHING


def _hit(screen: Screen, x_px: int, y_px: int) -> int:
    for left, top, right, bottom, index in screen.hits:
        if left <= x_px < right and top <= y_px < bottom:
            return index
    return -1
