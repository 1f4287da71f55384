"""What a feature's pages and handlers see of the running app: their own state and navigation.

Knows no pixels and no other feature's state, save `shared`.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

Values = MutableMapping[str, Any]
"""One part of an app's state, by name: immutable values under names that stay the same."""


class Context:
    """One feature of a running app.

    `s` is the feature's state (immutable values), `shared` what all features see, `p` and `b` the
    app's probes and where this feature's begin; instrumented handlers write them. `defect`: this
    build of the feature was released with the check left out that its `DEFECT` names.
    """

    __slots__ = (
        "b", "cfg", "children", "defect", "index", "locked", "login", "nav", "p", "pending", "s",
        "shared", "title",
    )  # fmt: skip

    def __init__(self, index: int, title: str, cfg: dict[str, Any], p: bytearray, b: int) -> None:
        self.index, self.title, self.cfg, self.p, self.b = index, title, cfg, p, b
        self.s: Values = {}
        self.shared: Values = {}
        self.nav: Values = {}
        self.children: tuple[tuple[int, str], ...] = ()
        self.locked: tuple[int, ...] = ()
        self.login = 0
        self.defect = False
        self.pending: list[int] = []

    def text(self, field: str) -> str:
        """What is typed in a field."""
        return self.s["t:" + field]

    def go(self, page: str) -> None:
        """Open another page of this feature."""
        self.nav["stack"] += ((self.index, page),)
        self.nav["scroll"] = 0
        self.nav["focus"] = ""

    def up(self) -> None:
        """Leave the page on top."""
        if len(self.nav["stack"]) > 1:
            self.nav["stack"] = self.nav["stack"][:-1]
        self.nav["scroll"] = 0
        self.nav["focus"] = ""

    def leave(self) -> None:
        """Leave this feature altogether."""
        kept = tuple(entry for entry in self.nav["stack"] if entry[0] != self.index)
        self.nav["stack"] = kept or self.nav["stack"][:1]
        self.nav["scroll"] = 0
        self.nav["focus"] = ""

    def dialog(self, name: str) -> None:
        """Show a dialog, sheet or menu of this feature; "" closes it."""
        self.nav["dialog"] = name
        self.nav["focus"] = ""

    def close(self) -> None:
        """Close the dialog."""
        self.nav["dialog"] = ""
        self.nav["focus"] = ""

    def toast(self, text: str) -> None:
        """Show a line of text until the next event."""
        self.nav["toast"] = text

    def open(self, index: int) -> None:
        """Open another feature; its `on_enter` runs after this handler."""
        self.nav["stack"] += ((index, "main"),)
        self.nav["scroll"] = 0
        self.nav["focus"] = ""
        self.pending.append(index)
