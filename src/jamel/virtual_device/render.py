"""An observation as the XML that `uiautomator dump` writes.

Knows nothing of apps; what `parse_hierarchy` reads back is the same elements in the same order.
"""

from __future__ import annotations

import re
from functools import lru_cache
from zlib import crc32

from jamel.types import Element, Observation

_ESCAPED = {
    "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;",
    "\n": "&#10;", "\r": "&#13;", "\t": "&#9;",
}  # fmt: skip
_TO_ESCAPE = re.compile('[&<>"\n\r\t]')


def _quoted(text: str) -> str:
    return _TO_ESCAPE.sub(lambda match: _ESCAPED[match[0]], text)


def _flag(value: bool) -> str:
    return "true" if value else "false"


@lru_cache(maxsize=65536)
def _attributes(element: Element, package: str) -> str:
    left, top, right, bottom = element.bounds_px
    return (
        f'text="{_quoted(element.text)}" resource-id="{_quoted(element.resource_id)}" '
        f'class="{_quoted(element.cls)}" package="{_quoted(package)}" '
        f'content-desc="{_quoted(element.content_desc)}" checkable="{_flag(element.checkable)}" '
        f'checked="{_flag(element.checked)}" clickable="{_flag(element.clickable)}" '
        f'enabled="{_flag(element.enabled)}" '
        f'focusable="{_flag(element.clickable or element.scrollable)}" '
        f'focused="{_flag(element.focused)}" scrollable="{_flag(element.scrollable)}" '
        f'long-clickable="{_flag(element.long_clickable)}" password="{_flag(element.password)}" '
        f'selected="{_flag(element.selected)}" bounds="[{left},{top}][{right},{bottom}]"'
    )


@lru_cache(maxsize=65536)
def _hidden(element: Element) -> int:
    """How many children of an element cannot be seen, all before the others.

    A dump leaves them out and counts them all the same, so that an index is no position: in 41 % of
    real dumps somewhere.
    """
    draw = crc32(repr(element.bounds_px).encode()) % 1000
    return 1 + draw % 3 if draw < 30 else 0


def hierarchy_xml(observation: Observation, rotation: int = 0) -> str:
    """The screen as a uiautomator hierarchy, with the XML declaration.

    Args:
        observation: the screen, its bounds as they are on the turned display.
        rotation: quarter turns of the display.
    """
    declaration = "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>"
    parts = [f'{declaration}<hierarchy rotation="{rotation}">']
    elements = observation.elements
    open_nodes: list[int] = []
    children: dict[int, int] = {}
    for index, element in enumerate(elements):
        while open_nodes and open_nodes[-1] != element.parent:
            parts.append("</node>")
            open_nodes.pop()
        position = children.get(element.parent)
        if position is None:
            position = _hidden(elements[element.parent]) if element.parent >= 0 else 0
        children[element.parent] = position + 1
        leaf = index + 1 == len(elements) or elements[index + 1].parent != index
        end = " />" if leaf else ">"
        parts.append(f'<node index="{position}" {_attributes(element, observation.package)}{end}')
        if not leaf:
            open_nodes.append(index)
    parts.extend("</node>" for _ in open_nodes)
    parts.append("</hierarchy>")
    return "".join(parts)
