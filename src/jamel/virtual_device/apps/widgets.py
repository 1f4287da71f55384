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
