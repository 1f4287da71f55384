"""What a feature's page is made of, before any toolkit's look is put on it.

Knows no pixels, no state and no handlers: a node names its handler as (name, argument).
"""

from __future__ import annotations

from typing import NamedTuple

Value = str | int | bool | tuple
Call = tuple[str, Value]


class Node(NamedTuple):
    """One widget. `on` and `hold` are what a tap and a long press call."""

    role: str
    name: str
    text: str = ""
    on: Call | None = None
    hold: Call | None = None
    sub: str = ""
    checked: bool | None = None
    enabled: bool = True
    selected: bool = False
    password: bool = False
    children: tuple[Node, ...] = ()


class Page(NamedTuple):
    """A whole screen (`style` "page") or what lies over one ("dialog", "sheet", "menu")."""

    title: str
    nodes: tuple[Node, ...]
    icons: tuple[Node, ...] = ()
    tabs: tuple[Node, ...] = ()
    fab: Node | None = None
    style: str = "page"
    touchable: bool = False
    """Whether the whole window takes touches, to no effect."""

    endless: bool = False
    """Whether scrolling on at its end loads more, so that it scrolls however short it is."""


def shape_of(page: Page) -> tuple:
    """What of a page decides where can be touched, and to what effect: all but what it says."""
    fab = page.fab and _shapes((page.fab,))
    _, nodes, icons, tabs, _, *others = page
    return _shapes(nodes), _shapes(icons), _shapes(tabs), fab, *others


def _shapes(nodes: tuple[Node, ...]) -> tuple:
    return tuple([
        (role, name, on, hold, checked is None, enabled, _shapes(children) if children else ())
        for role, name, _, on, hold, _, checked, enabled, _, _, children in nodes
    ])  # fmt: skip


def label(text: str, name: str = "label") -> Node:
    """A line of text that does nothing."""
    return Node("label", name, text)


def heading(text: str) -> Node:
    """A larger line of text that does nothing."""
    return Node("heading", "heading", text)


def picture(name: str, text: str = "") -> Node:
    """An image that does nothing."""
    return Node("picture", name, text)


def button(name: str, text: str, handler: str, arg: Value = "", enabled: bool = True) -> Node:
    """A push button."""
    return Node("button", name, text, (handler, arg), enabled=enabled)


def icon(name: str, text: str, handler: str, arg: Value = "", enabled: bool = True) -> Node:
    """A small image that can be pushed; its text is its content description."""
    return Node("icon", name, text, (handler, arg), enabled=enabled)


def row(
    name: str,
    text: str,
    handler: str,
    arg: Value = "",
    *,
    sub: str = "",
    hold: str = "",
    icons: tuple[Node, ...] = (),
    enabled: bool = True,
    selected: bool = False,
) -> Node:
    """One line of a list, with an optional long press and buttons at its end."""
    held = (hold, arg) if hold else None
    return Node(
        "row", name, text, (handler, arg), held, sub,
        enabled=enabled, selected=selected, children=icons,
    )  # fmt: skip


def field(name: str, hint: str, password: bool = False) -> Node:
    """A text field; its content is the feature's state value `t:<name>`."""
    return Node("field", name, hint, password=password)


def toggle(
    name: str, text: str, checked: bool, handler: str, arg: Value = "", enabled: bool = True
) -> Node:
    """A switch with a label."""
    return Node("toggle", name, text, (handler, arg), checked=checked, enabled=enabled)


def tick(name: str, text: str, checked: bool, handler: str, arg: Value = "") -> Node:
    """A check box or radio button with a label."""
    return Node("tick", name, text, (handler, arg), checked=checked)


def tab(name: str, text: str, selected: bool, handler: str, arg: Value = "") -> Node:
    """One tab of a tab bar."""
    return Node("tab", name, text, (handler, arg), selected=selected)


def bar(*nodes: Node, name: str = "bar") -> Node:
    """Widgets side by side."""
    return Node("bar", name, children=nodes)


def listing(name: str, *rows: Node) -> Node:
    """Rows below each other; identity noise may reorder them."""
    return Node("listing", name, children=rows)


def permission(app: str, what: str) -> Page:
    """The system's question before an app may do something; calls `on_permission`."""
    answers = (
        ("permission_allow_foreground_only_button", "While using the app", "allow"),
        ("permission_allow_one_time_button", "Only this time", "once"),
        ("permission_deny_button", "Don't allow", "deny"),
    )
    nodes = tuple(button(name, text, "on_permission", arg) for name, text, arg in answers)
    return Page(f"Allow {app} to {what}?", nodes, style="dialog")


def chooser(title: str, values: tuple[str, ...], handler: str, chosen: str) -> Page:
    """What a spinner drops down: one line a value."""
    nodes = tuple(
        row("spinner_item", value, handler, value, selected=value == chosen) for value in values
    )
    return Page(title, nodes, style="menu")


def date_picker(month: str, days: int, handler: str, turn: str, chosen: int = 0) -> Page:
    """A month of days to choose from; `turn` gets -1 or 1 to show another month."""
    cells = [
        Node("button", "day", str(day), (handler, day), selected=day == chosen)
        for day in range(1, days + 1)
    ]
    weeks = tuple(bar(*cells[k : k + 7], name="week") for k in range(0, days, 7))
    head = bar(icon("prev", "Previous month", turn, -1), label(month, "month"),
               icon("next", "Next month", turn, 1))  # fmt: skip
    buttons = bar(button("date_cancel", "Cancel", "on_date_cancel"))
    return Page("Select date", (head, *weeks, buttons), style="dialog")
