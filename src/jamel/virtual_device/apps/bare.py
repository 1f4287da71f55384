"""Screens of which only what can be touched is painted: where it is, and what it calls.

Nobody reads them, so that words, images, ids and containers are left out, and nobody can tell one
widget from another but by what a touch on it calls. What is there stands where `Painter` puts it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jamel.virtual_device.apps.canvas import Box, new_element
from jamel.virtual_device.apps.painter import Painter
from jamel.virtual_device.apps.widgets import Call, Node

FIELD = "EditText"


class BarePainter(Painter):
    """Paints anew each time, as that is faster than to look for what was painted before."""

    def put(
        self, cls: str, box: Box, parent: int, *, on: Call | None = None, hold: Call | None = None,
        scrollable: bool = False, checked: bool | None = None, enabled: bool = True,
        clickable: bool | None = None, pages: bool = False, **said: Any,
    ) -> int:  # fmt: skip
        """As `Canvas.put`, for what takes touches."""
        if clickable is None:
            clickable = on is not None
        if not (clickable or hold or scrollable or pages):
            return parent
        return self.add(new_element((
            cls, "", "", "", self.visible(box), clickable, hold is not None, scrollable or pages,
            checked is not None, False, enabled, False, False, False, parent,
        )), on, hold, scrollable)  # fmt: skip

    def wrap(self, box: Box, parent: int, count: int) -> int:
        return parent

    def say(self, text: str, box: Box, parent: int, name: str = "", enabled: bool = True) -> int:
        return parent

    def part(self, node: Node, box: Box, parent: int) -> None:
        getattr(self, "paint_" + node.role)(node, box, parent)

    def once(self, key: tuple, paint: Callable[..., None], *what: Any) -> None:
        paint(*what)

    def _line(self, cells: tuple[Node, ...]) -> Node:
        return Node("line", "line", children=cells)

    # -- roles that look otherwise without words -------------------------------------------------

    def paint_label(self, node: Node, box: Box, parent: int) -> None:
        """Nothing: it takes no touch."""

    paint_heading = paint_paragraph = paint_picture = paint_label

    def paint_button(self, node: Node, box: Box, parent: int) -> None:
        self.put("", box, parent, on=node.on, hold=node.hold, checked=node.checked,
                 enabled=node.enabled)  # fmt: skip

    paint_icon = paint_tab = paint_chip = paint_toggle = paint_tick = paint_button

    def paint_field(self, node: Node, box: Box, parent: int) -> None:
        self.fields[self.put(FIELD, box, parent, clickable=True)] = node.name

    def paint_row(self, node: Node, box: Box, parent: int) -> None:
        self.paint_button(node, box, parent)
        self._row_icons(node, box, parent)

    def paint_card(self, node: Node, box: Box, parent: int) -> None:
        self.put("", box, parent, on=node.on)
        self._card_icons(node, box, parent)
