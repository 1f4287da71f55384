"""What apps have beside their features: overflow menus, bottom navigation, chips, cards, help.

Most of what can be touched on a real screen is a way to something that can be reached otherwise,
or does nothing worth mentioning. Such things are added to a feature's page here, by the app's
seed, so that screens are as full as real ones. Knows the spec and pages; no pixels and no state.

Each calls a handler of the app's own: "@say" shows a toast, "@visit" opens a page that only tells
something, "@menu" a menu, "@jump" another feature, "@top" scrolls up. None of them is covered code.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from jamel.virtual_device.apps.compose import AppSpec
from jamel.virtual_device.apps.noise import chance
from jamel.virtual_device.apps.widgets import Call, Node, Page
from jamel.virtual_device.apps.wording import POOL_OF, WORDS

MENU = (
    ("settings", "Settings", ("@say", "No settings yet")), ("help", "Help", ("@visit", "@help")),
    ("about", "About", ("@visit", "@about")), ("feedback", "Feedback", ("@say", "Thanks!")),
    ("licences", "Licences", ("@visit", "@licences")), ("rate", "Rate us", ("@say", "Thank you!")),
    ("what_is_new", "What is new", ("@visit", "@news")), ("invite", "Invite", ("@menu", "@share")),
)  # fmt: skip
ON_TOOLBAR = (
    ("notifications", "Notifications", ("@visit", "@news")),
    ("share", "Share", ("@menu", "@share")), ("help", "Help", ("@visit", "@help")),
    ("profile", "Profile", ("@visit", "@about")),
)  # fmt: skip
NAMED = {"native": 0.55, "compose": 0.8, "flutter": 0.97, "react": 0.75, "web": 0.15}
"""By look, the share of lists whose buttons say which row they belong to."""

ON_ROWS = (("more", "More"), ("like", "Like"), ("share_row", "Share"), ("later", "Later"))
TARGETS = ("Mail", "Messages", "Copy link", "Nearby", "Print", "Notes", "Cloud", "Bluetooth",
           "Save as file", "Post", "Scan", "QR code")  # fmt: skip
NAVIGATION_SHARE = 0.5
TOUCHABLE = 0.13
MOST_ROWS = 10_000
SEARCH, COMMENT = "@search", "@comment"
"""Fields that nothing comes of; their text is the state value `t:@search` or `t:@comment`."""


def leads_on(call: Call) -> bool:
    """Whether a handler can lead to code of a feature; what furniture does elsewhere never does."""
    return call[0] not in ("@say", "@menu", "@visit", "@top")


def initial(module: ModuleType, cfg: dict[str, Any]) -> dict[str, Any]:
    """A feature's state at first, with what is typed in the fields that are added to its pages."""
    return {**module.initial(cfg), "t:" + SEARCH: "", "t:" + COMMENT: ""}


class Furniture:
    """The additions to one app's pages; equal pages are furnished equally."""

    def __init__(self, spec: AppSpec) -> None:
        self.seed, self.look = spec.seed, spec.look
        pool = POOL_OF.get(spec.split, "train")
        self.lines, self.sentences = WORDS["lines"][pool], WORDS["sentences"][pool]
        self.entries = self._entries(spec)
        self._around: dict[tuple[str, bool, bool], tuple[tuple[Node, ...], tuple[Node, ...]]] = {}
        self._rows: dict[tuple[Node, str], Node] = {}
        self._specials: dict[str, Page] = {}

    def _entries(self, spec: AppSpec) -> tuple[tuple[int, str], ...]:
        """(feature, title) of the bottom navigation; empty where the app has none."""
        tabbed = ("layout", "tabs") in spec.features[0].cfg
        if tabbed or chance(self.seed, "furniture", "navigation") >= NAVIGATION_SHARE:
            return ()
        free = [
            (index, feature.title)
            for index, feature in enumerate(spec.features)
            if feature.parent == 0 and not feature.locked
        ]
        return ((0, "Home"), *free[:4])

    # -- pages of features ------------------------------------------------------------------------

    def page(self, page: Page, kind: str, index: int) -> Page:
        """A feature's page with what this app adds to it; dialogs stay as they are.

        Args:
            page: as the feature's module drew it.
            kind: feature and page, such as "notes/main".
            index: the feature's place in the app.
        """
        if page.style != "page":
            return page
        tabs = page.tabs or (self._navigation(index) if kind.endswith("/main") else ())
        icons = page.icons + self._icons(kind)
        return page._replace(
            nodes=self._nodes(page.nodes, kind), icons=icons, tabs=tabs,
            fab=page.fab or self._fab(kind), touchable=self.draw(kind, "touchable") < TOUCHABLE,
        )  # fmt: skip

    def draw(self, *what: str) -> float:
        """A number in [0, 1) by the app's seed and some names."""
        return chance(self.seed, "furniture", *what)

    def _navigation(self, index: int) -> tuple[Node, ...]:
        if index not in [entry for entry, _ in self.entries]:
            return ()
        return tuple(
            Node("tab", f"navigation_{i}", title, ("@jump", i), selected=i == index)
            for i, title in self.entries
        )

    def _icons(self, kind: str) -> tuple[Node, ...]:
        icons: tuple[Node, ...] = ()
        if self.draw(kind, "toolbar") < 0.42:
            name, text, call = ON_TOOLBAR[int(self.draw(kind, "which") * len(ON_TOOLBAR))]
            off = self.draw(kind, "off") < 0.3
            icons = (Node("icon", name, text, call, enabled=not off),)
        if self.draw(kind, "overflow") < 0.25:
            tip = ("@say", "More options")
            icons += (Node("icon", "overflow", "More options", ("@menu", "@menu"), tip),)
        return icons

    def _fab(self, kind: str) -> Node | None:
        if self.draw(kind, "floating") >= 0.3:
            return None
        return Node("icon", "to_top", "Back to top", ("@top", ""))

    def _nodes(self, nodes: tuple[Node, ...], kind: str) -> tuple[Node, ...]:
        rows = sum([len(node.children) for node in nodes if node.role == "listing"])
        if rows:
            nodes = tuple([self._with_icons(node, kind) for node in nodes])
        shape = kind, rows > 3, rows < 6
        if shape not in self._around:
            self._around[shape] = self._above_and_below(*shape)
        above, below = self._around[shape]
        return above + nodes + below

    def _above_and_below(
        self, kind: str, long: bool, short: bool
    ) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
        above = (*self._search(kind), *self._sections(kind), *self._chips(kind)) if long else ()
        below = (*self._paragraphs(kind), *self._cards(kind), *self._comment(kind)) if short else ()
        return above, below

    def _with_icons(self, node: Node, kind: str) -> Node:
        """A list whose rows have a few more icons, if this one is such a list."""
        if node.role != "listing":
            return node
        draw = self.draw(kind, "row icons", node.name)
        count = 1 if draw < 0.18 else 2 if draw < 0.27 else 3 if draw < 0.3 else 0
        if not count:
            return node
        start = int(self.draw(kind, "first icon") * len(ON_ROWS))
        kinds = (ON_ROWS + ON_ROWS)[start : start + count]
        rows = [self._row(row, kinds, kind) if row.role == "row" else row for row in node.children]
        return node._replace(children=tuple(rows))

    def _row(self, row: Node, kinds: tuple[tuple[str, str], ...], kind: str) -> Node:
        known = self._rows.get((row, kind))
        if known is None:
            if len(self._rows) >= MOST_ROWS:
                self._rows.clear()
            icons = row.children + self._row_icons(kinds, kind, row.text)
            known = self._rows[row, kind] = row._replace(children=icons)
        return known

    def _row_icons(
        self, kinds: tuple[tuple[str, str], ...], kind: str, of: str
    ) -> tuple[Node, ...]:
        of = of if self.draw(kind, "named icons") < NAMED[self.look] else ""
        ticks = None if self.draw("ticks") < 0.8 else False
        return tuple(
            Node("icon", name, f"{text}: {of}" if of else text, ("@say", text),
                 checked=ticks if name == "like" else None)
            for name, text in kinds
        )  # fmt: skip

    def _search(self, kind: str) -> tuple[Node, ...]:
        if self.draw(kind, "search") >= 0.55:
            return ()
        return (Node("field", SEARCH, "Search"),)

    def _sections(self, kind: str) -> tuple[Node, ...]:
        """Tabs at a list's top; the first is shown, and the others show nothing else."""
        if self.draw(kind, "sections") >= 0.4:
            return ()
        names = [self.line(kind, "section", n) for n in "abc"]
        tabs = [Node("tab", f"section_{n}", name, ("@top", ""), selected=not n)
                for n, name in enumerate(names)]  # fmt: skip
        return (Node("bar", "sections", children=tuple(tabs)),)

    def _chips(self, kind: str) -> tuple[Node, ...]:
        if self.draw(kind, "chips") >= 0.4:
            return ()
        count = 3 + int(self.draw(kind, "how many chips") * 5)
        chips = tuple(
            Node("chip", f"chip_{n}", self.line(kind, "chip", str(n)), ("@top", ""), selected=not n,
                 enabled=self.draw(kind, "chip off", str(n)) > 0.14)
            for n in range(count)
        )  # fmt: skip
        return (Node("strip", "chips", children=chips),)

    def _paragraphs(self, kind: str) -> tuple[Node, ...]:
        count = int(5 * self.draw(kind, "paragraphs"))
        return tuple(self.paragraph(kind, str(n)) for n in range(count))

    def _cards(self, kind: str) -> tuple[Node, ...]:
        if self.draw(kind, "cards") < 0.3:
            return ()
        count = 1 + int(9 * self.draw(kind, "how many cards") ** 1.5)
        call = ("@say", "Nothing more to see") if self.draw(kind, "card") < 0.5 else None
        kinds = ON_ROWS[:3] if self.draw(kind, "card icons") < 0.25 else ()
        titles = [f"{self.line(kind, 'card', str(n))} {n + 1}" for n in range(count)]
        return tuple(
            Node("card", f"card_{n}", title, call, children=self._row_icons(kinds, kind, title),
                 sub=self.sentence(kind, "card", str(n)))
            for n, title in enumerate(titles)
        )  # fmt: skip

    def _comment(self, kind: str) -> tuple[Node, ...]:
        if self.draw(kind, "comment") >= 0.2:
            return ()
        send = Node("icon", "send_comment", "Comment", ("@say", "Thank you!"))
        return (Node("field", COMMENT, "Write a comment"), Node("bar", "below", children=(send,)))

    def paragraph(self, kind: str, name: str) -> Node:
        """A few lines of text."""
        return Node("paragraph", f"text_{name}", self.sentence(kind, "text", name))

    def line(self, *what: str) -> str:
        """A few characters of the kind that screens are full of."""
        return self.lines[int(self.draw("line", *what) * len(self.lines))]

    def sentence(self, *what: str) -> str:
        """A line or more of text."""
        return self.sentences[int(self.draw("sentence", *what) * len(self.sentences))]

    # -- pages and menus of no feature ------------------------------------------------------------

    def special(self, name: str) -> Page:
        """A page or menu that every app may have: "@help", "@about", "@menu" and others."""
        if name not in self._specials:
            self._specials[name] = self._special(name)
        return self._specials[name]

    def _special(self, name: str) -> Page:
        match name:
            case "@menu":
                start = int(self.draw("menu") * 4)
                rows = [Node("row", key, text, call) for key, text, call in MENU[start : start + 5]]
                return Page("", tuple(rows), style="menu")
            case "@share":
                cells = [Node("button", "target", text, ("@say", f"{text} …")) for text in TARGETS]
                cells = cells[: 4 + int(self.draw("targets") * 9)]
                lines = [Node("bar", "targets", children=tuple(cells[k : k + 4]))
                         for k in range(0, len(cells), 4)]  # fmt: skip
                return Page("Share", tuple(lines), style="sheet")
            case "@licences":
                names = [
                    f"lib-{self.line(name, str(n))} {n % 7}.{n}"
                    for n in range(self.count(name, 20, 46))
                ]
                rows = [Node("row", "licence", text, ("@say", text)) for text in names]
                return Page("Licences", (Node("listing", "licence_list", children=tuple(rows)),))
            case "@about":
                nodes = (Node("picture", "logo"), *self._texts(name, 1, 4))
                return Page("About", nodes, style=self._style(name))
            case "@news":
                return Page("What is new", self._texts(name, 2, 9), style=self._style(name))
            case _:
                return Page("Help", self._texts(name, 4, 14), style=self._style(name))

    def _texts(self, name: str, least: int, most: int) -> tuple[Node, ...]:
        return tuple(self.paragraph(name, str(n)) for n in range(self.count(name, least, most)))

    def _style(self, name: str) -> str:
        return "bare" if self.draw(name, "bare") < 0.95 else "page"

    def count(self, name: str, least: int, most: int) -> int:
        """How many of something a page has."""
        return least + int(self.draw(name, "count") * (most - least + 1))
