"""Widgets become elements of a real view tree with bounds, and what a touch on each calls.

Puts a toolkit's look and the app's identity noise on each widget. Knows no pages, no handlers and
no navigation.
"""

from __future__ import annotations

from jamel.virtual_device.apps.canvas import Box, Canvas
from jamel.virtual_device.apps.looks import VIEW, WIDGET
from jamel.virtual_device.apps.widgets import Node
from jamel.virtual_device.apps.wording import WORDS

MARGIN = 24
SMALLEST_VISIBLE = 24
UNLABELLED = {"icon": 1.4, "tab": 1.0, "row": 0.3, "tick": 1.0, "toggle": 1.0}
"""By role, how much more often than the average widget it has no label at all."""

SPONSORED = Node("row", "sponsored", "Sponsored", ("@say", ""), sub="Learn more")
HINTED = 0.45
"""The share of empty fields whose text is their hint; the others have it beside them."""

CHIP, META = 230, 170
CONTAINERS = ("listing", "bar", "strip")


class Painter(Canvas):
    """Paints widgets by their roles."""

    def node(self, node: Node, box: Box, parent: int) -> None:
        """Paint a widget into the box it may fill; nothing where hardly any of it is visible."""
        clip = self.clip
        if box[3] - clip[1] < SMALLEST_VISIBLE or clip[3] - box[1] < SMALLEST_VISIBLE:
            return
        role = node.role
        if role in CONTAINERS:
            getattr(self, "paint_" + role)(node, box, parent)
        else:
            self.part(node, box, parent)

    # -- one method per role; each gets the box it may fill -------------------------------------

    def paint_label(self, node: Node, box: Box, parent: int) -> None:
        wraps = self.look.wraps if self.chance("boxed", node.name) < 0.5 else 0
        self.say(node.text, box, self.wrap(box, parent, wraps), node.name)

    paint_heading = paint_paragraph = paint_label

    def paint_picture(self, node: Node, box: Box, parent: int) -> None:
        inside = self.wrap(box, parent, self.look.wraps)
        self.put(WIDGET + "ImageView", box, inside, desc=node.text, name=node.name)

    def where_label(self, node: Node) -> str:
        """Which of own, desc, below or none carries this widget's label."""
        native = self.style.look == "native"
        if self.style.noise == "none":
            if not (native or self.style.look == "compose"):
                return "desc"
            return {"icon": "desc", "row": "below", "tab": "desc"}.get(node.role, "own")
        draw = self.chance("label", node.name, node.text if node.role == "row" else "")
        share = min(0.6, UNLABELLED.get(node.role, 0.0) * self.rates.unlabelled)
        if draw < share:
            return "none"
        draw = (draw - share) / (1 - share)
        if node.role == "icon":
            return "desc" if native or draw < self.look.own + self.look.desc else "below"
        if native and node.role == "chip":
            return "own"
        if native and node.role in ("toggle", "tick"):
            return "own" if draw < 0.7 else "below"
        if native and node.role != "button":
            return "below" if draw < 0.75 else "desc"
        own, desc = self.look.own, self.look.desc
        return "own" if draw < own else "desc" if draw < own + desc else "below"

    def labelled(self, cls: str, node: Node, box: Box, parent: int) -> None:
        if self.chance("counted", node.role, node.name) < self.rates.counted:
            number = (self.now_turned() * 7 + len(node.text)) % 12
            node = node._replace(text=f"{node.text} ({number})" if number else node.text)
        where = self.where_label(node)
        index = self.put(
            cls, box, parent, text=node.text if where == "own" else "", name=node.name,
            desc=node.text if where == "desc" else "", on=node.on, hold=node.hold,
            checked=node.checked, enabled=node.enabled, selected=node.selected,
        )  # fmt: skip
        pad = self.px(MARGIN)
        inner = (box[0] + pad, box[1] + pad, box[2] - pad, box[3] - pad)
        if node.role == "icon":
            self._inside_icon(node, where, inner, index)
        elif where == "below" or (where == "desc" and self.look.repeats):
            inside = self.wrap(inner, index, self.look.wraps - 1)
            self.say(node.text, inner, inside, f"{node.name}_text", enabled=node.enabled)

    def _inside_icon(self, node: Node, where: str, inner: Box, index: int) -> None:
        """Only an ImageButton is its own image; elsewhere there is one inside."""
        if self.look.icon == WIDGET + "ImageButton":
            return
        if where == "below" or self.look.wraps:
            self.put(self.look.image, inner, index, desc=node.text if where == "below" else "")

    def paint_button(self, node: Node, box: Box, parent: int) -> None:
        own = self.where_label(node) != "below"
        self.labelled(self.look.button if own else VIEW, node, box, parent)

    def paint_icon(self, node: Node, box: Box, parent: int) -> None:
        self.labelled(self.look.icon, node, box, parent)

    def paint_tab(self, node: Node, box: Box, parent: int) -> None:
        self.labelled(self.look.tab, node, box, parent)

    paint_chip = paint_tab

    def paint_toggle(self, node: Node, box: Box, parent: int) -> None:
        self.labelled(self.look.toggle, node, box, self.wrap(box, parent, self.look.wraps))

    def paint_tick(self, node: Node, box: Box, parent: int) -> None:
        self.labelled(self.look.tick, node, box, self.wrap(box, parent, self.look.wraps))

    def paint_field(self, node: Node, box: Box, parent: int) -> None:
        inside = self.wrap(box, parent, self.look.wraps)
        hint = node.text
        if self.style.noise != "none" and self.chance("hint", node.name) > HINTED:
            hint = ""
            self.say(node.text, (*box[:3], box[1] + (box[3] - box[1]) // 3), inside, "hint")
        index = self.put(
            WIDGET + "EditText", box, inside,
            text=hint, name=node.name, password=node.password, clickable=True,
        )  # fmt: skip
        self.fields[index] = node.name

    def paint_row(self, node: Node, box: Box, parent: int) -> None:
        where = self.where_label(node)
        blurred = self.chance("ambiguous", node.name, node.text) < self.rates.ambiguous
        if node.role == "row" and blurred:
            node = node._replace(text=node.name.replace("_", " ").capitalize())
        lines = self._row_lines(node)
        says = self.look.says_text
        said = node.text if says and not self.look.repeats else "\n".join(lines)
        index = self.put(
            self.look.row, box, parent, name=node.name, desc=said if where == "desc" else "",
            on=node.on, hold=node.hold, enabled=node.enabled, selected=node.selected,
        )  # fmt: skip
        side = self.heights["icon"]
        _, top, right, bottom = box
        edge = right - len(node.children) * side
        left = self._row_image(node, box, index)
        if where == "desc" and not self.look.repeats:
            lines = lines[1:]
        if where != "none" and (says or where != "desc"):
            self._say_lines(lines, (left, top, edge, bottom), index)
        self._row_icons(node, box, index)
        self._divider(node, box, index)

    def _row_icons(self, node: Node, box: Box, parent: int) -> None:
        """Buttons at a row's end; they reach beyond their row, as toolkits make small targets."""
        side = self.heights["icon"]
        _, top, right, bottom = box
        start = right - len(node.children) * side
        over = max(0, side - (bottom - top)) // 2 if self.wide_targets else 0
        for child in node.children:
            self.node(child, (start, top - over, start + side, bottom + over), parent)
            start += side

    def _row_image(self, node: Node, box: Box, parent: int) -> int:
        """An image at a row's start; where the row's text may begin."""
        left, top, _, bottom = box
        if self.chance("image", node.name) >= self.look.decorated:
            return left + self.px(MARGIN)
        pad = self.px(MARGIN)
        image = (left + pad, top + pad, left + pad + self.px(100), bottom - pad)
        inside = self.wrap(image, parent, self.look.wraps - 1)
        self.put(self.look.image, image, inside, name="icon")
        return image[2] + pad

    def _row_lines(self, node: Node) -> list[str]:
        """What a row says: its title, what stands below it and what stands at its end."""
        lines = [node.text]
        if node.sub:
            lines.append(node.sub)
        elif self.chance("caption", node.name) < 0.7 * self.look.decorated:
            lines.append(self._words(node.name + node.text))
        if self.chance("meta", node.name) < 0.5 * self.look.decorated:
            lines.append(self._words("meta" + node.name + node.text))
        return lines

    def _say_lines(self, lines: list[str], box: Box, parent: int) -> None:
        """Lines below each other, the third at the end of the first."""
        left, top, edge, bottom = box
        inside = self.wrap(box, parent, self.look.wraps) if lines else parent
        high = (bottom - top) // 2
        end = edge - self.px(META) if len(lines) > 2 else edge
        boxes = (
            (left, top, end, top + high), (left, top + high, edge, bottom),
            (end, top, edge, top + high),
        )  # fmt: skip
        for line, inner, name in zip(lines, boxes, ("title", "subtitle", "meta"), strict=False):
            if min(inner[3], self.clip[3]) - max(inner[1], self.clip[1]) >= SMALLEST_VISIBLE:
                self.say(line, inner, inside, name)

    def _divider(self, node: Node, box: Box, parent: int) -> None:
        left, _, right, bottom = box
        if bottom <= self.clip[3] and self.chance("divider", node.name) < self.look.decorated / 2:
            self.put(VIEW, (left, bottom - self.px(2), right, bottom), parent, name="divider")

    def paint_bar(self, node: Node, box: Box, parent: int) -> None:
        left, top, right, bottom = box
        index = self.put(self.look.box, box, parent, name=node.name)
        width = (right - left) // max(1, len(node.children))
        for number, child in enumerate(node.children):
            start = left + number * width
            self.node(child, (start, top, start + width, bottom), index)

    paint_line = paint_bar

    def paint_listing(self, node: Node, box: Box, parent: int) -> None:
        index = self.put(self.look.listing, box, parent, name=node.name)
        rows = node.children
        if rows and self.chance("reorder", node.name) < self.rates.reorder:
            turn = self.now_turned() % len(rows)
            rows = rows[turn:] + rows[:turn]
        if self.sponsored(node):
            place = 5 * self.now_turned() % min(len(rows), 7)
            rows = (*rows[:place], SPONSORED, *rows[place:])
        columns = self.columns(node)
        if columns > 1:
            self._lines(rows, columns, box, index)
        else:
            self.column(rows, box, index)
        foot = self.foot(node)
        bottom = box[1] + self.height(node)
        if foot and bottom <= self.clip[3]:
            self.changes("loading", 7, (box[0], bottom - foot, box[2], bottom), index)

    def _lines(self, rows: tuple[Node, ...], columns: int, box: Box, parent: int) -> None:
        """Rows in several columns, all equally high; lines that cannot be seen are not made."""
        left, top, right, _ = box
        high = self.heights["line"]
        first = max(0, (self.clip[1] - top) // high)
        last = max(0, (self.clip[3] - top) // high + 1)
        for number, start in enumerate(range(0, len(rows), columns)[first:last], first):
            line = self._line(rows[start : start + columns])
            self.node(line, (left, top + number * high, right, top + (number + 1) * high), parent)

    def _line(self, cells: tuple[Node, ...]) -> Node:
        return self.dialect.line(cells)

    def sponsored(self, node: Node) -> bool:
        """Whether an advert stands among a list's rows, in another place each turn."""
        full = len(node.children) > 3
        return full and self.chance("sponsored", node.name) < self.rates.sponsored

    def columns(self, node: Node) -> int:
        """In how many columns a list shows its rows; those with buttons stand alone."""
        draw = self.chance("columns", node.name)
        if draw >= 0.35 or any(row.role != "row" or row.children for row in node.children):
            return 1
        return 2 if draw < 0.2 else 3

    def foot(self, node: Node) -> int:
        """The height of a list's last line, which says that it loads; 0 where it has none."""
        loads = self.chance("loading", node.name) < self.rates.loading
        return self.px(60) if loads and len(node.children) > 2 else 0

    def paint_card(self, node: Node, box: Box, parent: int) -> None:
        left, top, right, bottom = box
        pad, third = self.px(MARGIN), (bottom - top) // 3
        says = self.look.says_text
        said = "" if says and not self.look.repeats else "\n".join((node.text, node.sub))
        card = self.put(self.look.row, box, parent, name="card", on=node.on, desc=said)
        outer = self.wrap(box, card, self.look.wraps)
        if says:
            picture = (left + pad, top + pad, left + 2 * third, bottom - pad)
            self.put(self.look.image, picture, outer, name="thumbnail")
        side = self.heights["icon"]
        edge = right - len(node.children) * side
        if says:
            self._card_lines(node, (left + 2 * third + pad, top, edge - pad, bottom), outer)
        self._card_icons(node, box, outer)
        self._divider(node, box, outer)

    def _card_icons(self, node: Node, box: Box, parent: int) -> None:
        side = self.heights["icon"]
        bottom, start = box[3], box[2] - len(node.children) * side
        for child in node.children:
            self.node(child, (start, bottom - side, start + side, bottom), parent)
            start += side

    def _card_lines(self, node: Node, box: Box, parent: int) -> None:
        left, top, right, bottom = box
        count = 3 + int(3 * self.chance("card lines"))
        high = (bottom - top) // count
        inside = self.wrap(box, parent, 1)
        more = [self._words(f"{node.name} {line}") for line in range(count - 2)]
        for line, text in enumerate((node.text, node.sub, *more)):
            cell = (left, top + line * high, right, top + (line + 1) * high)
            self.say(text, cell, self.wrap(cell, inside, self.look.wraps), "caption")

    def paint_strip(self, node: Node, box: Box, parent: int) -> None:
        """Chips beside each other, as many as there is room for; the rest lie off the screen."""
        left, top, right, bottom = box
        scrolls = len(node.children) * self.px(CHIP) > right - left
        index = self.put(WIDGET + "HorizontalScrollView", box, parent, name=node.name,
                         pages=scrolls)  # fmt: skip
        inside = self.wrap(box, index, 1)
        wide = self.px(CHIP)
        for number, child in enumerate(node.children):
            start = left + number * wide
            if start + SMALLEST_VISIBLE < right:
                cell = (start, top, min(start + wide, right), bottom)
                self.node(child, cell, inside)

    def _words(self, what: str) -> str:
        if self.chance("relabel", what) < self.rates.relabel:
            what = f"{what} {self.now_turned()}"
        lines = WORDS["lines"][self.style.pool]
        return lines[int(self.chance("words", what) * len(lines))]

    def column(self, nodes: tuple[Node, ...], box: Box, parent: int) -> None:
        left, top, right, _ = box
        heights, end = self.heights, self.clip[3] - SMALLEST_VISIBLE
        for node in nodes:
            if top > end:
                return
            bottom = top + (heights.get(node.role) or self.height(node))
            self.node(node, (left, top, right, bottom), parent)
            top = bottom

    def height(self, node: Node) -> int:
        if node.role == "listing":
            rows = node.children + (SPONSORED,) * self.sponsored(node)
            rows = rows[:: self.columns(node)]
            heights = self.heights
            return self.foot(node) + sum(
                [heights.get(child.role) or self.height(child) for child in rows]
            )
        if node.role == "bar":
            return max([self.height(child) for child in node.children], default=0)
        return self.heights[node.role]

    def changes(self, kind: str, salt: int, box: Box, parent: int, clickable: bool = False) -> None:
        index = self.put(WIDGET + "TextView", box, parent, name=kind, clickable=clickable)
        self.changing.append((index, kind, salt))
