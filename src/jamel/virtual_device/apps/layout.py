"""A page becomes a screen: the elements of a real view tree with bounds, and what a touch calls.

Puts one of two looks on the widgets (native views or Compose semantics) and the identity noise of
the app. Knows no handlers and no navigation.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from jamel.types import Element
from jamel.virtual_device.apps.noise import LOOKS, chance
from jamel.virtual_device.apps.widgets import Call, Node, Page

Box = tuple[int, int, int, int]
HEIGHTS = {
    "label": 90, "heading": 130, "picture": 360, "button": 150, "icon": 120, "row": 170,
    "field": 150, "toggle": 140, "tick": 130, "tab": 150,
}  # fmt: skip
TOOLBAR, TABS, STATUS, MARGIN = 160, 160, 70, 24
SMALLEST_VISIBLE = 24
CONTAINERS = ("listing", "bar")
MOST_FRAGMENTS = 20_000
WIDGET = "android.widget."
VIEW = "android.view.View"


class Screen(NamedTuple):
    """Elements and, by element index, what they call. `hits` is topmost first."""

    elements: tuple[Element, ...]
    changing: tuple[tuple[int, str, int], ...]
    hits: tuple[tuple[int, int, int, int, int], ...]
    taps: dict[int, Call]
    holds: dict[int, Call]
    fields: dict[int, str]
    scrollers: tuple[Box, ...]
    most_scroll_px: int


class Style(NamedTuple):
    """How one app looks; the same for all its screens."""

    seed: int
    look: str
    noise: str
    package: str
    size_px: tuple[int, int]


class Situation(NamedTuple):
    """What a layout needs to know of the running app beside the page."""

    kind: str
    state: dict[str, Any]
    focus: str
    scroll_px: int
    toast: str
    rooted: bool
    turn: int


class Fragment(NamedTuple):
    """What painting one widget added to a screen; the same wherever it is painted alike."""

    elements: list[Element]
    hits: list[tuple[int, int, int, int, int]]
    taps: dict[int, Call]
    holds: dict[int, Call]
    fields: dict[int, str]


Fragments = dict[tuple, Fragment]


class Painter:
    """Collects the elements of one screen; widgets painted before come from `fragments`."""

    def __init__(self, style: Style, situation: Situation, fragments: Fragments) -> None:
        self.style, self.now, self.fragments = style, situation, fragments
        self.hits: list[tuple[int, int, int, int, int]] = []
        self.rates = LOOKS[style.look, style.noise]
        self.scale = style.size_px[0] / 1080
        self.elements: list[Element] = []
        self.changing: list[tuple[int, str, int]] = []
        self.taps: dict[int, Call] = {}
        self.holds: dict[int, Call] = {}
        self.fields: dict[int, str] = {}
        self.scrollers: list[Box] = []
        self.clip: Box = (0, 0, *style.size_px)

    def px(self, units: float) -> int:
        return int(units * self.scale)

    def chance(self, *what: str) -> float:
        return chance(self.style.seed, self.now.kind, *what)

    def resource_id(self, name: str) -> str:
        if not name or self.chance("id", name) >= self.rates.with_id:
            return ""
        if self.chance("short", name) < self.rates.short_id:
            name = chr(97 + int(self.chance("letter", name) * 26)) + name[0]
        return f"{self.style.package}:id/{name}"

    def put(
        self, cls: str, box: Box, parent: int, *, text: str = "", name: str = "", desc: str = "",
        on: Call | None = None, hold: Call | None = None, scrollable: bool = False,
        checked: bool | None = None, enabled: bool = True, focused: bool = False,
        selected: bool = False, password: bool = False, clickable: bool | None = None,
    ) -> int:  # fmt: skip
        left, top, right, bottom = self.clip
        box = (max(box[0], left), max(box[1], top), min(box[2], right), min(box[3], bottom))
        index = len(self.elements)
        if clickable is None:
            clickable = on is not None
        if clickable or hold is not None:
            self.hits.append((*box, index))
        self.elements.append(Element(
            cls, text, self.resource_id(name), desc, box, clickable, hold is not None, scrollable,
            checked is not None, bool(checked), enabled, focused, selected, password, parent,
        ))  # fmt: skip
        if on:
            self.taps[index] = on
        if hold:
            self.holds[index] = hold
        if scrollable:
            self.scrollers.append(box)
        return index

    def screen(self, most_scroll_px: int) -> Screen:
        return Screen(
            tuple(self.elements), tuple(self.changing), tuple(reversed(self.hits)), self.taps,
            self.holds, self.fields, tuple(reversed(self.scrollers)), most_scroll_px,
        )  # fmt: skip

    # -- one method per role; each gets the box it may fill -------------------------------------

    def node(self, node: Node, box: Box, parent: int) -> None:
        if box[3] - self.clip[1] < SMALLEST_VISIBLE or self.clip[3] - box[1] < SMALLEST_VISIBLE:
            return
        if node.role in CONTAINERS:
            getattr(self, "paint_" + node.role)(node, box, parent)
            return
        start, clip = len(self.elements), self.clip
        key = (node, box, parent, start, clip[1], clip[3], self.now.kind, self._typed(node))
        fragment = self.fragments.get(key)
        if fragment is None:
            marks = start, len(self.hits)
            getattr(self, "paint_" + node.role)(node, box, parent)
            if len(self.fragments) >= MOST_FRAGMENTS:
                self.fragments.clear()
            self.fragments[key] = self._fragment(*marks)
            return
        self.elements += fragment.elements
        self.hits += fragment.hits
        self.taps.update(fragment.taps)
        self.holds.update(fragment.holds)
        self.fields.update(fragment.fields)

    def _typed(self, node: Node) -> tuple[str, bool] | None:
        """What a field shows beside its node: its content and whether it has the focus."""
        if node.role != "field":
            return None
        return self.now.state["t:" + node.name], self.now.focus == node.name

    def _fragment(self, start: int, first_hit: int) -> Fragment:
        return Fragment(
            self.elements[start:], self.hits[first_hit:],
            *({index: value for index, value in calls.items() if index >= start}
              for calls in (self.taps, self.holds, self.fields)),
        )  # type: ignore[arg-type]  # fmt: skip

    def paint_label(self, node: Node, box: Box, parent: int) -> None:
        self.put(WIDGET + "TextView", box, parent, text=node.text, name=node.name)

    paint_heading = paint_label

    def paint_picture(self, node: Node, box: Box, parent: int) -> None:
        self.put(WIDGET + "ImageView", box, parent, desc=node.text, name=node.name)

    def where_label(self, node: Node) -> str:
        """Which of own, desc, below or none carries this widget's label."""
        if self.style.noise == "none":
            return {"icon": "desc", "row": "below", "tab": "desc"}.get(node.role, "own")
        draw = self.chance("label", node.name)
        if node.role == "icon":
            return "none" if draw < 2 * self.rates.unlabelled else "desc"
        if self.style.look == "compose":
            return "own" if draw < 0.04 else "desc" if draw < 0.08 else "below"
        if node.role == "button":
            return "own" if draw < 0.6 else "desc" if draw < 0.7 else "below"
        if node.role in ("toggle", "tick"):
            return "own" if draw < 0.7 else "below"
        return "below" if draw < 0.75 else "desc"

    def paint_button(self, node: Node, box: Box, parent: int) -> None:
        where = self.where_label(node)
        cls = WIDGET + "Button" if self.style.look == "native" and where != "below" else VIEW
        self.labelled(cls, where, node, box, parent)

    def labelled(self, cls: str, where: str, node: Node, box: Box, parent: int) -> int:
        index = self.put(
            cls, box, parent, text=node.text if where == "own" else "", name=node.name,
            desc=node.text if where == "desc" else "", on=node.on, hold=node.hold,
            checked=node.checked, enabled=node.enabled, selected=node.selected,
        )  # fmt: skip
        if where == "below":
            pad = self.px(MARGIN)
            inner = (box[0] + pad, box[1] + pad, box[2] - pad, box[3] - pad)
            self.put(WIDGET + "TextView", inner, index, text=node.text, enabled=node.enabled)
        return index

    def paint_icon(self, node: Node, box: Box, parent: int) -> None:
        cls = WIDGET + "ImageButton" if self.style.look == "native" else VIEW
        self.labelled(cls, self.where_label(node), node, box, parent)

    def paint_tab(self, node: Node, box: Box, parent: int) -> None:
        cls = WIDGET + "FrameLayout" if self.style.look == "native" else VIEW
        self.labelled(cls, self.where_label(node), node, box, parent)

    def paint_toggle(self, node: Node, box: Box, parent: int) -> None:
        cls = WIDGET + "Switch" if self.style.look == "native" else VIEW
        self.labelled(cls, self.where_label(node), node, box, parent)

    def paint_tick(self, node: Node, box: Box, parent: int) -> None:
        cls = WIDGET + "CheckBox" if self.style.look == "native" else VIEW
        self.labelled(cls, self.where_label(node), node, box, parent)

    def paint_field(self, node: Node, box: Box, parent: int) -> None:
        value = self.now.state["t:" + node.name]
        shown = "•" * len(value) if node.password else value
        index = self.put(
            WIDGET + "EditText", box, parent, text=shown or node.text, name=node.name,
            focused=self.now.focus == node.name, password=node.password, clickable=True,
        )  # fmt: skip
        self.fields[index] = node.name

    def paint_row(self, node: Node, box: Box, parent: int) -> None:
        where = self.where_label(node)
        if node.role == "row" and self.chance("ambiguous", node.name) < self.rates.ambiguous / 2:
            node = node._replace(text=node.name.replace("_", " ").capitalize())
        cls = WIDGET + "LinearLayout" if self.style.look == "native" else VIEW
        left, top, right, bottom = box
        index = self.put(
            cls, box, parent, name=node.name, desc=node.text if where == "desc" else "",
            on=node.on, hold=node.hold, enabled=node.enabled, selected=node.selected,
        )  # fmt: skip
        side = self.px(HEIGHTS["icon"])
        edge = right - len(node.children) * side
        lines = [node.text] * (where != "desc") + [node.sub] * bool(node.sub)
        for number, line in enumerate(lines):
            high = top + number * (bottom - top) // 2
            inner = (left + self.px(MARGIN), high, edge, high + (bottom - top) // 2)
            if min(inner[3], self.clip[3]) - max(inner[1], self.clip[1]) >= SMALLEST_VISIBLE:
                self.put(WIDGET + "TextView", inner, index, text=line, name="title" * (not number))
        for number, child in enumerate(node.children):
            self.node(child, (edge + number * side, top, edge + (number + 1) * side, bottom), index)

    def paint_bar(self, node: Node, box: Box, parent: int) -> None:
        left, top, right, bottom = box
        index = self.put(WIDGET + "LinearLayout", box, parent, name=node.name)
        width = (right - left) // max(1, len(node.children))
        for number, child in enumerate(node.children):
            start = left + number * width
            self.node(child, (start, top, start + width, bottom), index)

    def paint_listing(self, node: Node, box: Box, parent: int) -> None:
        cls = "androidx.recyclerview.widget.RecyclerView" if self.style.look == "native" else VIEW
        index = self.put(cls, box, parent, name=node.name)
        rows = node.children
        if self.rates.reorder and rows:
            turn = self.now.turn % len(rows)
            rows = rows[turn:] + rows[:turn]
        self.column(rows, box, index)

    def column(self, nodes: tuple[Node, ...], box: Box, parent: int) -> None:
        top = box[1]
        for node in nodes:
            bottom = top + self.height(node)
            self.node(node, (box[0], top, box[2], bottom), parent)
            top = bottom

    def height(self, node: Node) -> int:
        if node.role == "listing":
            return sum(self.height(child) for child in node.children)
        if node.role == "bar":
            return max((self.height(child) for child in node.children), default=0)
        return self.px(HEIGHTS[node.role])

    def changes(self, kind: str, salt: int, box: Box, parent: int, clickable: bool = False) -> None:
        index = self.put(WIDGET + "TextView", box, parent, name=kind, clickable=clickable)
        self.changing.append((index, kind, salt))


def layout(page: Page, style: Style, situation: Situation, fragments: Fragments) -> Screen:
    """Lay a page out; the result depends on page, style and situation alone.

    `fragments` keeps painted widgets from call to call; one dict serves one style.
    """
    painter = Painter(style, situation, fragments)
    if page.style == "page":
        return _paint_page(painter, page)
    return _paint_overlay(painter, page)


def _paint_page(painter: Painter, page: Page) -> Screen:
    width, height = painter.style.size_px
    px = painter.px
    root = painter.put(WIDGET + "FrameLayout", (0, 0, width, height), -1)
    decor = painter.put(WIDGET + "LinearLayout", (0, 0, width, height), root)
    body = painter.put(WIDGET + "FrameLayout", (0, px(STATUS), width, height), decor)
    painter.elements[body] = painter.elements[body]._replace(resource_id="android:id/content")
    top = px(STATUS) + px(TOOLBAR)
    _paint_toolbar(painter, page, (0, px(STATUS), width, top), body)
    bottom = height - (px(TABS) if page.tabs else 0)
    if painter.chance("advert") < painter.rates.advert:
        bottom -= px(110)
        painter.changes("advert", 3, (0, bottom, width, bottom + px(110)), body, clickable=True)
    if painter.now.toast:
        bottom -= px(110)
        line = painter.put(WIDGET + "FrameLayout", (0, bottom, width, bottom + px(110)), body)
        painter.put(WIDGET + "TextView", (px(40), bottom, width, bottom + px(110)), line,
                    text=painter.now.toast, name="snackbar_text")  # fmt: skip
    most = _paint_content(painter, page, (0, top, width, bottom), body)
    if page.tabs:
        box = (0, height - px(TABS), width, height)
        painter.node(Node("bar", "tabs", children=page.tabs), box, body)
    if page.fab:
        side = px(150)
        box = (width - side - px(40), bottom - side - px(40), width - px(40), bottom - px(40))
        painter.node(page.fab, box, body)
    return painter.screen(most)


def _paint_toolbar(painter: Painter, page: Page, box: Box, parent: int) -> None:
    px = painter.px
    index = painter.put("android.view.ViewGroup", box, parent, name="toolbar")
    left, top, right, bottom = box
    if not painter.now.rooted:
        up = Node("icon", "up", "Navigate up", ("@up", ""))
        painter.node(up, (left, top, left + px(140), bottom), index)
        left += px(140)
    side = px(130)
    edge = right - side * len(page.icons)
    if painter.chance("clock") < painter.rates.clock:
        edge -= side
        kind = "clock" if painter.chance("which clock") < 0.5 else "counter"
        painter.changes(kind, 1, (edge, top, edge + side, bottom), index)
    painter.put(WIDGET + "TextView", (left, top, edge, bottom), index, text=page.title)
    if painter.chance("badge") < painter.rates.badge:
        painter.changes("badge", 5, (edge - px(60), top, edge, top + px(60)), index)
    first = right - side * len(page.icons)
    for number, node in enumerate(page.icons):
        start = first + number * side
        painter.node(node, (start, top, start + side, bottom), index)


def _paint_content(painter: Painter, page: Page, box: Box, parent: int) -> int:
    left, top, right, bottom = box
    total = sum(painter.height(node) for node in page.nodes)
    most = max(0, total - (bottom - top))
    scroll = min(painter.now.scroll_px, most)
    cls = WIDGET + ("ScrollView" if most else "FrameLayout")
    index = painter.put(cls, box, parent, scrollable=most > 0, name="content_frame")
    whole, painter.clip = painter.clip, box
    inner = painter.put(WIDGET + "LinearLayout", (left, top - scroll, right, top - scroll + total),
                        index)  # fmt: skip
    painter.column(page.nodes, (left, top - scroll, right, bottom), inner)
    painter.clip = whole
    return most


def _paint_overlay(painter: Painter, page: Page) -> Screen:
    width, height = painter.style.size_px
    px = painter.px
    total = sum(painter.height(node) for node in page.nodes) + px(130)
    if page.style == "dialog":
        box = (px(80), (height - total) // 2, width - px(80), (height + total) // 2)
        root = painter.put(WIDGET + "FrameLayout", box, -1)
    elif page.style == "menu":
        box = (width // 2, px(STATUS), width, px(STATUS) + total)
        root = painter.put(WIDGET + "FrameLayout", box, -1)
    else:
        root = painter.put(WIDGET + "FrameLayout", (0, 0, width, height), -1)
        box = (0, height - total, width, height)
        scrim = (0, 0, width, height - total)
        painter.put(VIEW, scrim, root, name="scrim", desc="Close", on=("@dismiss", ""))
    panel = painter.put(WIDGET + "LinearLayout", box, root, name="panel")
    line = (box[0], box[1], box[2], box[1] + px(130))
    painter.put(WIDGET + "TextView", line, panel, text=page.title, name="alert_title")
    painter.column(page.nodes, (box[0], line[3], box[2], box[3]), panel)
    return painter.screen(0)
