"""The nouns every layer shares: Element, Observation, Action, Transition, Episode, Session.

Knows nothing of devices, learning or files. Everything here is immutable plain data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


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


class Action(NamedTuple):
    """One action. `element` indexes the observation's elements, -1 for back, home and restart."""

    kind: ActionKind
    element: int = -1
    text: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a session as it was recorded.

    `probes` is the digest of the cumulative raw coverage after the step, stored once per change
    in `Session.coverage`. `covered` is the cumulative count of probes executed in the session.
    """

    observation: Observation
    action: Action
    executed: bool
    invalid_reason: str
    probes: str
    covered: int
    duration_ms: float
    snapshot: bytes | None = None


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

    def transitions(self) -> list[Transition]:
        """All transitions of the session in order."""
        return [step for episode in self.episodes for step in episode.transitions]
