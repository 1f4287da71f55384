"""The nouns every layer shares: Element, Observation, Action, Transition, Episode, Session.

Knows nothing of devices, learning or files. Everything here is immutable plain data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

TYPED_TEXTS = ("alice@example.com", "12", "hello", "Passw0rd!")
"""What agents may type. Index in this tuple is part of the action space."""


class Element(NamedTuple):
    """One node of a screen, in document order.

    `bounds_px` is (left, top, right, bottom) in device pixels; `parent` is the index of the
    parent element in the observation, -1 for a root.
    """

    cls: str
    text: str
    resource_id: str
    content_desc: str
    bounds_px: tuple[int, int, int, int]
    clickable: bool
    long_clickable: bool
    scrollable: bool
    checkable: bool
    checked: bool
    enabled: bool
    focused: bool
    selected: bool
    password: bool
    parent: int


class Elements(tuple[Element, ...]):
    """The elements of a screen on which the same can be done as on another one.

    A tuple like any other. `like` are the other screen's elements: the same classes and flags in
    the same places, with other texts; what is known of those need not be found out again.
    """

    like: tuple[Element, ...]

    def __new__(cls, elements: Iterable[Element], like: tuple[Element, ...]) -> Elements:
        """Take over `elements`; `like` may be like others in turn."""
        made = super().__new__(cls, tuple(elements))
        made.like = getattr(like, "like", like)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (tuple(self),)


class Observation(NamedTuple):
    """What an agent sees: the foreground activity (or URL) and the screen's elements."""

    package: str
    activity: str
    elements: tuple[Element, ...]
    size_px: tuple[int, int]
    screenshot_png: bytes | None = None


class ActionKind(StrEnum):
    """What can be done on a screen. The value is what is written to disk."""

    TAP = "tap"
    LONG_PRESS = "long_press"
    TYPE = "type"
    SCROLL_DOWN = "scroll_down"
    SCROLL_UP = "scroll_up"
    BACK = "back"
    HOME = "home"
    RESTART = "restart"


_SCROLLS = (ActionKind.SCROLL_DOWN, ActionKind.SCROLL_UP)


class Action(NamedTuple):
    """One action. `element` indexes the observation's elements, -1 for back, home and restart.

    A raw touch names no element but where fingers go, in device pixels: `touch_px` is (x, y) of a
    tap or a long press, (x1, y1, x2, y2) of a scroll; it may hit anything or nothing.
    """

    kind: ActionKind
    element: int = -1
    text: str = ""
    touch_px: tuple[int, ...] = ()


NO_ACTION = Action(ActionKind.TAP)
"""Taps no element, so it is invalid everywhere: what a step of an agent without an answer costs."""


def centre_px(bounds_px: tuple[int, int, int, int]) -> tuple[int, int]:
    """The point a tap on an element lands on; every transport uses this one rounding."""
    left, top, right, bottom = bounds_px
    return (left + right) // 2, (top + bottom) // 2


def swipe_px(bounds_px: tuple[int, int, int, int], down: bool) -> tuple[int, int, int, int]:
    """The swipe (x1, y1, x2, y2) that scrolls an element; scrolling down moves the finger up."""
    left, top, right, bottom = bounds_px
    x_px, quarter_px = (left + right) // 2, (bottom - top) // 4
    low, high = bottom - quarter_px, top + quarter_px
    return (x_px, low, x_px, high) if down else (x_px, high, x_px, low)


def fingers_px(observation: Observation, action: Action) -> tuple[int, ...]:
    """Where a possible touch goes: (x, y), or (x1, y1, x2, y2) of a scroll."""
    if action.touch_px:
        return action.touch_px
    bounds_px = observation.elements[action.element].bounds_px
    if action.kind in _SCROLLS:
        return swipe_px(bounds_px, action.kind is ActionKind.SCROLL_DOWN)
    return centre_px(bounds_px)


def action_problem(observation: Observation, action: Action) -> str:
    """Why an action cannot be executed on a screen, "" where it can; shared by all transports."""
    if action.kind in (ActionKind.BACK, ActionKind.HOME, ActionKind.RESTART):
        return ""
    if action.touch_px:
        return _touch_problem(observation, action)
    if not 0 <= action.element < len(observation.elements):
        return f"no element {action.element} among {len(observation.elements)}"
    element = observation.elements[action.element]
    if not element.enabled:
        return "the element is disabled"
    if action.kind is ActionKind.TYPE and not element.cls.endswith("EditText"):
        return f"a {element.cls} takes no text"
    if action.kind in _SCROLLS and not element.scrollable:
        return "the element does not scroll"
    return ""


def _touch_problem(observation: Observation, action: Action) -> str:
    if action.kind is ActionKind.TYPE:
        return "a raw touch types no text"
    wanted = 4 if action.kind in _SCROLLS else 2
    if len(action.touch_px) != wanted:
        return f"expected {wanted} coordinates, found {len(action.touch_px)}"
    width_px, height_px = observation.size_px
    for x_px, y_px in zip(action.touch_px[::2], action.touch_px[1::2], strict=True):
        if not (0 <= x_px < width_px and 0 <= y_px < height_px):
            return f"({x_px}, {y_px}) is not on the screen"
    return ""


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a session as it was recorded.

    `probes` is the digest of the cumulative raw coverage after the step, stored once per change
    in `Session.coverage`. `covered` is the cumulative count of probes executed in the session.
    `marks` says what went wrong with the device during the step and was mended, "" if nothing.
    `worth` is what the agent thought each candidate was worth, where it says so.
    """

    observation: Observation
    action: Action
    executed: bool
    invalid_reason: str
    probes: str
    covered: int
    duration_ms: float
    snapshot: bytes | None = None
    marks: str = ""
    worth: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Episode:
    """Consecutive transitions from the app's first screen to a restart or the budget's end."""

    transitions: tuple[Transition, ...]
    terminated: bool
    truncated: bool


@dataclass(frozen=True, slots=True)
class Session:
    """Several episodes of one agent on one app; coverage and memory last the whole session.

    `coverage` maps the digests in `Transition.probes` to the raw coverage file (for Android a
    JaCoCo execution data file) as it left the device.
    """

    session_id: str
    suite: str
    app: str
    build: str
    agent: str
    agent_version: str
    seed: int
    budget: int
    device: str
    total_probes: int
    episodes: tuple[Episode, ...]
    coverage: dict[str, bytes]
    backend: str = "android"
    start_probes: str = ""
    """Digest of the coverage before the first step: what launching the app alone executes."""

    def transitions(self) -> list[Transition]:
        """All transitions of the session in order."""
        return [step for episode in self.episodes for step in episode.transitions]
