"""Collects the elements of one screen: containers, texts, identity noise, parts seen before.

A part that was painted before is not painted again but added, moved to where it is now: most of a
new screen is an old one. Knows no roles of widgets, no pages, no handlers and no navigation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

from jamel.types import Element
from jamel.virtual_device.apps.dialect import Dialect
from jamel.virtual_device.apps.looks import TOOLKITS
from jamel.virtual_device.apps.noise import LOOKS, chance
from jamel.virtual_device.apps.widgets import Call, Node

Box = tuple[int, int, int, int]
Hit = tuple[int, int, int, int, int]
HEIGHTS = {
    "label": 90, "heading": 130, "picture": 360, "button": 150, "icon": 120, "row": 170,
    "field": 150, "toggle": 140, "tick": 130, "tab": 150, "card": 200, "chip": 110, "strip": 110,
    "paragraph": 190,
}  # fmt: skip
DENSE, DENSEST = ("row", "label", "paragraph", "tick", "toggle"), 0.4
"""What is lower in a dense app, and how low in the densest."""

REACH = 48
"""How far, at most, a widget's touch targets lie outside the box it was given."""

TIDY = 0.3
"""The share of native apps in which nearly everything has an id, containers too."""

MOST_FRAGMENTS = 20_000


class Screen(NamedTuple):
    """Elements and, by element index, what they call. `hits` is topmost first."""

    elements: tuple[Element, ...]
    changing: tuple[tuple[int, str, int], ...]
    hits: tuple[Hit, ...]
    taps: dict[int, Call]
    holds: dict[int, Call]
    fields: dict[int, str]
    scrollers: tuple[Box, ...]
    most_scroll_px: int
    turns: bool
    """Whether lists or ids are others in the next turn of `Situation.turn`."""


class Style(NamedTuple):
    """How one app looks; the same for all its screens.

    Without `words` only what can be touched is painted (see `BarePainter`).
    """

    seed: int
    look: str
    noise: str
    package: str
    size_px: tuple[int, int]
    pool: str
    words: bool = True


class Situation(NamedTuple):
    """What a layout needs to know of the running app beside the page."""

    kind: str
    scroll_px: int
    rooted: bool
    turn: int


Calls = tuple[dict[int, Call], dict[int, Call], dict[int, str]]
"""By element index: what a tap calls, what a long press calls, which field it is."""


class Fragment(NamedTuple):
    """What a part added to a screen, when it began at element `start`, `top` pixels down.

    `turn` is the only turn it is good for, -1 if for all; `node` the widget it shows, if it is one.
    """

    node: Node | None
    start: int
    parent: int
    top: int
    turn: int
    elements: list[Element]
    hits: list[Hit]
    changing: list[tuple[int, str, int]]
    calls: Calls | None

    def moved(self, start: int, parent: int, top: int) -> Fragment:
        """The same part at another place."""
        first, by, down = self.start, start - self.start, top - self.top
        elements = []
        for element in self.elements:
            left, high, right, low = element[4]
            above = element[14]
            elements.append(new_element((
                *element[:4], (left, high + down, right, low + down), *element[5:14],
                above + by if above >= first else parent,
            )))  # fmt: skip
        hits = [(a, b + down, c, d + down, index + by) for a, b, c, d, index in self.hits]
        changing = [(index + by, kind, salt) for index, kind, salt in self.changing]
        calls = self.calls and tuple({i + by: call for i, call in c.items()} for c in self.calls)
        return Fragment(self.node, start, parent, top, self.turn, elements, hits, changing, calls)  # type: ignore[arg-type]


new_element: Callable[[tuple], Element] = partial(tuple.__new__, Element)
"""As `Element._make`, without a call in Python."""

Fragments = dict[tuple, Fragment]


class Habits(NamedTuple):
    """What is the same on all of an app's screens. `reach` is in pixels, as `heights` are."""

    scale: float
    heights: dict[str, int]
    reach: int
    tidy: bool
    """Whether nearly everything has an id, containers too."""

    with_id: float
    wide_targets: bool
    """Whether the targets of small buttons reach beyond their row."""

    ids: dict[tuple[str, str], str]
    """By kind of page and name, the ids that were made so far and do not change."""


@lru_cache(maxsize=64)
def habits_of(style: Style) -> Habits:
    """An app's habits, by its seed."""
    scale, native = min(style.size_px) / 1080, style.look == "native"
    density = DENSEST + (1.2 - DENSEST) * chance(style.seed, "habit", "density")
    heights = {
        role: int(units * scale * (density if role in DENSE else 1))
        for role, units in HEIGHTS.items()
    }
    heights["line"] = heights["row"]
    with_id = LOOKS[style.look, style.noise].with_id
    tidy = native and style.noise != "none" and chance(style.seed, "habit", "tidy") < TIDY
    if native:
        with_id = with_id**0.15 if tidy else with_id**1.2
    wide = chance(style.seed, "habit", "targets") < 0.6
    return Habits(scale, heights, int(REACH * scale), tidy, with_id, wide, {})


AS_IT_IS = Dialect(0, "")
"""For widgets that say what they say."""


class Canvas:
    """The elements of one screen so far; parts painted before come from `fragments`."""

    def __init__(
        self, style: Style, situation: Situation, fragments: Fragments,
        dialect: Dialect = AS_IT_IS,
    ) -> None:  # fmt: skip
        self.style, self.now, self.fragments, self.dialect = style, situation, fragments, dialect
        self.rates = LOOKS[style.look, style.noise]
        self.look = TOOLKITS[style.look]
        (
            self.scale, self.heights, self.reach, self.tidy, self.with_id, self.wide_targets,
            self.ids,
        ) = habits_of(style)  # fmt: skip
        self.elements: list[Element] = []
        self.hits: list[Hit] = []
        self.changing: list[tuple[int, str, int]] = []
        self.taps: dict[int, Call] = {}
        self.holds: dict[int, Call] = {}
        self.fields: dict[int, str] = {}
        self.scrollers: list[Box] = []
        self.clip: Box = (0, 0, *style.size_px)
        self.widget = ""
        self.turned = False

    def px(self, units: float) -> int:
        return int(units * self.scale)

    def chance(self, *what: str) -> float:
        return chance(self.style.seed, self.now.kind, *what)

    def habit(self, *what: str) -> float:
        """A number in [0, 1) that is the same on all of the app's screens."""
        return chance(self.style.seed, "habit", *what)

    def resource_id(self, name: str) -> str:
        if not name:
            return ""
        kept = self.ids.get((self.now.kind, name))
        if kept is None or name == self.widget:
            kept = self._new_id(name)
            if name != self.widget:
                self.ids[self.now.kind, name] = kept
        return kept

    def _new_id(self, name: str) -> str:
        if self.chance("id", name) >= self.with_id:
            return ""
        if self.chance("short", name) < self.rates.short_id:
            name = chr(97 + int(self.chance("letter", name) * 26)) + name[0]
        elif name == self.widget and self.generated(name):
            name = f"{name}_{(self.now_turned() * 37 + len(name)) % 900 + 100}"
        return f"{self.style.package}:id/{name}"

    def generated(self, name: str) -> bool:
        """Whether a widget's id is made anew whenever lists are."""
        return self.chance("generated", name) < self.rates.generated

    def put(
        self, cls: str, box: Box, parent: int, *, text: str = "", name: str = "", desc: str = "",
        on: Call | None = None, hold: Call | None = None, scrollable: bool = False,
        checked: bool | None = None, enabled: bool = True, focused: bool = False,
        selected: bool = False, password: bool = False, clickable: bool | None = None,
        known_id: str = "", pages: bool = False,
    ) -> int:  # fmt: skip
        """Add an element; `pages`: it scrolls sideways, which no action does."""
        if clickable is None:
            clickable = on is not None
        return self.add(new_element((
            cls, text, known_id or self.resource_id(name), desc, self.visible(box), clickable,
            hold is not None, scrollable or pages, checked is not None, bool(checked), enabled,
            focused, selected, password, parent,
        )), on, hold, scrollable)  # fmt: skip

    def visible(self, box: Box) -> Box:
        """The part of a box that may be painted on."""
        left, top, right, bottom = box
        first, high, last, low = self.clip
        if left < first or top < high or right > last or bottom > low or top > bottom:
            return clipped(box, self.clip)
        return box

    def add(self, element: Element, on: Call | None, hold: Call | None, scrolls: bool) -> int:
        """Add an element, what a tap and a long press call, and whether a page scrolls with it."""
        index, box = len(self.elements), element[4]
        self.elements.append(element)
        if element[5] or hold:
            self.hits.append((*box, index))
        if on:
            self.taps[index] = on
        if hold:
            self.holds[index] = hold
        if scrolls:
            self.scrollers.append(box)
        return index

    def wrap(self, box: Box, parent: int, count: int) -> int:
        """So many containers within each other; the innermost."""
        name = "container" if self.tidy else ""
        for _ in range(count):
            parent = self.put(self.look.box, box, parent, name=name)
        return parent

    def say(self, text: str, box: Box, parent: int, name: str = "", enabled: bool = True) -> int:
        """A line of plain text, as the toolkit tells it."""
        own = self.look.says_text
        return self.put(
            self.look.text, box, parent, text=text if own else "", desc="" if own else text,
            name=name, enabled=enabled,
        )  # fmt: skip

    def screen(self, most_scroll_px: int) -> Screen:
        return Screen(
            tuple(self.elements), tuple(self.changing), tuple(reversed(self.hits)), self.taps,
            self.holds, self.fields, tuple(reversed(self.scrollers)), most_scroll_px,
            self.turned,
        )  # fmt: skip

    def now_turned(self) -> int:
        """The turn, for what is another in the next one."""
        self.turned = True
        return self.now.turn

    # -- parts that were painted before -----------------------------------------------------------

    def part(self, node: Node, box: Box, parent: int) -> None:
        """Paint a widget in the app's words with `paint_<role>`, or add what that added last."""
        node = self.dialect.node(node)
        left, top, right, bottom = box
        clip = self.clip
        inside = clip[1] <= top - self.reach and bottom + self.reach <= clip[3]
        key = (
            id(node), left, right, bottom - top, None if inside else (top, clip),
            self.now.kind,
        )  # fmt: skip
        fragment = self.fragments.get(key)
        if (
            fragment is None
            or fragment.node is not node
            or fragment.turn not in (-1, self.now.turn)
        ):
            outer, self.widget = self.widget, node.name
            paint = getattr(self, "paint_" + node.role)
            fragment = self._painted(node, parent, top, paint, (node, box, parent))
            self._keep(key, fragment)
            self.widget = outer
            return
        place = len(self.elements), parent, top
        if place != fragment[1:4]:
            fragment = self._at(key, fragment, place)
        self._add(fragment)

    def _at(self, key: tuple, fragment: Fragment, place: tuple[int, int, int]) -> Fragment:
        moved = self.fragments.get((key, place))
        if moved is None or moved.node is not fragment.node or moved.turn != fragment.turn:
            moved = fragment.moved(*place)
            self._keep((key, place), moved)
        return moved

    def once(self, key: tuple, paint: Callable[..., None], *what: Any) -> None:
        """Call `paint(*what)`, or add what it added when it was last called here with this key."""
        key = (*key, len(self.elements), self.now.kind)
        fragment = self.fragments.get(key)
        if fragment is None or fragment.turn not in (-1, self.now.turn):
            self._keep(key, self._painted(None, 0, 0, paint, what))
            return
        self._add(fragment)

    def _keep(self, key: tuple, fragment: Fragment) -> None:
        if len(self.fragments) >= MOST_FRAGMENTS:
            self.fragments.clear()
        self.fragments[key] = fragment

    def _add(self, fragment: Fragment) -> None:
        self.elements += fragment.elements
        self.hits += fragment.hits
        if fragment.changing:
            self.changing += fragment.changing
        if fragment.turn >= 0:
            self.turned = True
        if fragment.calls:
            taps, holds, fields = fragment.calls
            self.taps.update(taps)
            self.holds.update(holds)
            self.fields.update(fields)

    def _painted(
        self, node: Node | None, parent: int, top: int, paint: Callable[..., None], what: tuple
    ) -> Fragment:
        start, first_hit, first_change = len(self.elements), len(self.hits), len(self.changing)
        called = len(self.taps), len(self.holds), len(self.fields)
        turned, self.turned = self.turned, False
        paint(*what)
        turn = self.now.turn if self.turned else -1
        self.turned = self.turned or turned
        calls = None
        if called != (len(self.taps), len(self.holds), len(self.fields)):
            calls = _since(self.taps, start), _since(self.holds, start), _since(self.fields, start)
        return Fragment(
            node, start, parent, top, turn, self.elements[start:], self.hits[first_hit:],
            self.changing[first_change:], calls,
        )  # fmt: skip


def clipped(box: Box, clip: Box) -> Box:
    """What of a box is seen; without height at the nearer edge where nothing is."""
    left, top, right, bottom = clip
    box = (max(box[0], left), max(box[1], top), min(box[2], right), min(box[3], bottom))
    if box[1] > box[3]:
        edge = min(max(box[3], top), bottom)
        box = (box[0], edge, box[2], edge)
    return box


def _since(calls: dict, start: int) -> dict:
    return {index: value for index, value in calls.items() if index >= start}
