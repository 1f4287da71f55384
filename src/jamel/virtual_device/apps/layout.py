"""A page becomes a screen: windows, bars, panels and scrolling around the painted widgets.

Knows no handlers and no navigation.
"""

from __future__ import annotations

from jamel.types import Elements
from jamel.virtual_device.apps.bare import BarePainter
from jamel.virtual_device.apps.canvas import AS_IT_IS, Box, Fragments, Screen, Situation, Style
from jamel.virtual_device.apps.dialect import Dialect
from jamel.virtual_device.apps.looks import FRAME, LINEAR, TEXT, VIEW
from jamel.virtual_device.apps.painter import Painter
from jamel.virtual_device.apps.widgets import Node, Page

__all__ = ["Fragments", "Screen", "Situation", "Style", "layout"]
TOOLBAR, TABS, STATUS, NAVIGATION, TOAST = 160, 160, 70, 60, 110
MOST_NESTED = 10
"""Containers without a purpose of their own that the most nested app has around its pages."""


def layout(
    page: Page, style: Style, situation: Situation, fragments: Fragments | None = None,
    dialect: Dialect = AS_IT_IS,
) -> Screen:  # fmt: skip
    """Lay a page out; the result depends on page, style and situation alone.

    `fragments` keeps painted widgets from call to call; one dict serves one style. `dialect` says
    widgets' words in the app's own.
    """
    kind = Painter if style.words else BarePainter
    painter = kind(style, situation, {} if fragments is None else fragments, dialect)
    if page.style in ("page", "bare"):
        return _paint_page(painter, page)
    return _paint_overlay(painter, page)


def with_toast(screen: Screen, toast: str, style: Style) -> Screen:
    """The screen of a page with a line of text over it; the line takes no touches."""
    painter = Painter(style, Situation("toast", 0, True, 0), {})
    painter.elements = list(screen.elements)
    width, height = style.size_px
    bottom = height - painter.px(TABS + 20)
    box = (0, bottom - painter.px(TOAST), width, bottom)
    line = painter.put(FRAME, box, 0)
    painter.put(TEXT, (painter.px(40), *box[1:]), line, text=toast, name="snackbar_text")
    return screen._replace(elements=Elements(painter.elements, screen.elements))


def _paint_page(painter: Painter, page: Page) -> Screen:
    width, height = painter.style.size_px
    px = painter.px
    root = 0
    painter.once(("window", page.touchable), _paint_window, painter, page.touchable)
    body = len(painter.elements) - 1
    top = px(STATUS) + px(TOOLBAR)
    head = page.title, page.icons, page.style, painter.now.rooted
    painter.once(head, _paint_toolbar, painter, page, (0, px(STATUS), width, top), body)
    bottom = height - (px(TABS) if page.tabs else 0)
    if painter.chance("advert") < painter.rates.advert:
        bottom -= px(110)
        painter.changes("advert", 3, (0, bottom, width, bottom + px(110)), body, clickable=True)
    under = bottom - height if painter.habit("under bars") < 0.75 else 0
    most = _paint_content(painter, page, (0, top, width, bottom - under), body, -under)
    if page.tabs:
        box = (0, height - px(TABS), width, height)
        painter.node(Node("bar", "tabs", children=page.tabs), box, body)
    if page.fab:
        side = px(150)
        box = (width - side - px(40), bottom - side - px(40), width - px(40), bottom - px(40))
        painter.node(page.fab, box, body)
    if painter.style.look in ("native", "compose"):
        painter.put(VIEW, (0, 0, width, px(STATUS)), root,
                    known_id="android:id/statusBarBackground")  # fmt: skip
    return painter.screen(most)


def _paint_window(painter: Painter, touchable: bool) -> None:
    """The containers from the window down to the page's own, each the only one in the last."""
    width, height = painter.style.size_px
    whole, below = (0, 0, width, height), (0, painter.px(STATUS), width, height)
    root = painter.put(FRAME, whole, -1)
    decor = painter.put(LINEAR, whole, root)
    if painter.style.look == "native":
        decor = painter.put(LINEAR, below, decor, name="action_bar_root")
    body = painter.put(FRAME, below, decor, known_id="android:id/content")
    for cls in painter.look.window:
        body = painter.put(cls, below, body)
    for _ in range(int(MOST_NESTED * max(0.0, 3 * painter.habit("nesting") - 2))):
        body = painter.put(painter.look.box, below, body)
    if touchable:
        painter.put(painter.look.box, below, body, clickable=True, name="touch_area")


def _paint_toolbar(painter: Painter, page: Page, box: Box, parent: int) -> None:
    px = painter.px
    index = painter.put(
        painter.look.toolbar, box, painter.wrap(box, parent, painter.look.wraps), name="toolbar"
    )
    left, top, right, bottom = box
    if not painter.now.rooted and page.style == "page":
        up = Node("icon", "up", "Navigate up", ("@up", ""))
        painter.node(up, (left, top, left + px(140), bottom), index)
        left += px(140)
    side = px(130)
    edge = right - side * len(page.icons)
    if painter.chance("clock") < painter.rates.clock:
        edge -= side
        kind = "clock" if painter.chance("which clock") < 0.5 else "counter"
        painter.changes(kind, 1, (edge, top, edge + side, bottom), index)
    painter.say(page.title, (left, top, edge, bottom), index, "toolbar_title")
    if painter.chance("badge") < painter.rates.badge:
        painter.changes("badge", 5, (edge - px(60), top, edge, top + px(60)), index)
    first = right - side * len(page.icons)
    for number, node in enumerate(page.icons):
        start = first + number * side
        painter.node(node, (start, top, start + side, bottom), index)


def _paint_content(painter: Painter, page: Page, box: Box, parent: int, covered: int) -> int:
    """Paint the page's own part; how far it scrolls. Bars cover its last `covered` pixels."""
    left, top, right, bottom = box
    total = sum(painter.height(node) for node in page.nodes)
    most = max(0, total + covered - (bottom - top))
    scroll = min(painter.now.scroll_px, most)
    scrolls = most > 0 or page.endless
    cls = painter.look.scroll if scrolls else painter.look.box
    if page.tabs and painter.chance("pager") < 0.4:
        parent = painter.put(painter.look.pager, box, parent, name="pager", pages=True)
    inset = painter.px(8) if painter.chance("shadow") < 0.08 else 0
    frame = (left + inset, top, right - inset, bottom)
    index = painter.put(
        cls,
        frame,
        parent,
        scrollable=scrolls,
        name="content_frame",
        focused=_takes_focus(painter, page),
    )
    whole, painter.clip = painter.clip, box
    inner = painter.put(painter.look.box, (left, top - scroll, right, top - scroll + total), index)
    painter.column(page.nodes, (left, top - scroll, right, bottom), inner)
    painter.clip = whole
    return most


def _takes_focus(painter: Painter, page: Page) -> bool:
    """Whether the content itself has the focus; it has not where there are fields."""
    fields = any(node.role == "field" for node in page.nodes)
    return not fields and painter.chance("focus") < 0.5


def _paint_overlay(painter: Painter, page: Page) -> Screen:
    width, height = painter.style.size_px
    px = painter.px
    total = sum(painter.height(node) for node in page.nodes) + px(130)
    if page.style == "dialog":
        box = (px(80), (height - total) // 2, width - px(80), (height + total) // 2)
        root = painter.put(FRAME, box, -1)
    elif page.style == "menu":
        box = (width // 2, px(STATUS), width, px(STATUS) + total)
        root = painter.put(FRAME, box, -1)
    else:
        root = painter.put(FRAME, (0, 0, width, height), -1)
        box = (0, height - total, width, height)
        scrim = (0, 0, width, height - total)
        painter.put(VIEW, scrim, root, name="scrim", desc="Close", on=("@dismiss", ""))
    panel = painter.put(painter.look.box, box, root, name="panel")
    wraps = painter.look.wraps
    line = (box[0], box[1], box[2], box[1] + px(130))
    painter.say(page.title, line, painter.wrap(line, panel, 2 * wraps), "alert_title")
    rest = (box[0], line[3], box[2], box[3])
    painter.column(page.nodes, rest, painter.wrap(rest, panel, 2 * wraps))
    return painter.screen(0)
