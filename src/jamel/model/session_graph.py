"""The agent's own graph of a session: screens it saw, actions it tried, where they led.

Knows no coverage: it counts what the agent did, and keeps what the model expected. Whether two
screens are the same has no one answer where labels change and ids are missing, so the graph is kept
three times: screens are equal when they offer the same candidates with the same labels (`exact`),
look alike (`alike`), or offer the same kinds of candidates (`shape`).
"""

from __future__ import annotations

import numpy as np

from jamel.model.configuration import GRAPH_INPUTS
from jamel.model.ledger import Ledger
from jamel.model.processing import SKETCH_SIZE, FloatArray, IntArray, Screen

ALIKE = 0.75
"""Screens of one activity whose sketches are so similar are taken to be the same."""


class SessionGraph:
    """Counts of one session: call `visit` for each screen, then `record` for what was done."""

    def __init__(self) -> None:
        self._exact, self._alike, self._shape = Ledger(), Ledger(), Ledger()
        self._nodes: dict[tuple[str, int], int] = {}
        self._looks = _Looks()
        self._places: dict[int, tuple[Screen, list[tuple[Ledger, int, IntArray]]]] = {}
        self._widget_tries: dict[int, int] = {}
        self._shape_tries: dict[tuple[int, int], int] = {}
        self._kind_tries: dict[int, int] = {}
        self._kind_same: dict[int, int] = {}
        self._widgets: set[int] = set()
        self._kinds: set[int] = set()
        self._steps = 0

    def visit(self, screen: Screen) -> bool:
        """Note that the screen is shown; returns whether it was shown before."""
        places = self._place(screen)
        known = self._exact.visits(places[0][1]) > 0
        self._widgets.update(screen.widget.tolist())
        self._kinds.update(screen.kind_key.tolist())
        for ledger, node, _ in places:
            ledger.visit(node, self._steps)
        return known

    def record(self, screen: Screen, candidate: int, after: Screen) -> None:
        """Note that `candidate` was tried on `screen` and that it led to `after`."""
        same = after.key == screen.key
        there = self._place(after)
        news = self._news(after, there[1][1])
        for (ledger, node, slots), (_, target, _), new in zip(
            self._place(screen), there, news, strict=True
        ):
            slot = int(slots[candidate])
            ledger.record(node, slot, target, same=same, news=new, step=self._steps)
        widget, kind = int(screen.widget[candidate]), int(screen.kind_key[candidate])
        _count(self._widget_tries, widget)
        _count(self._kind_tries, kind)
        _count(self._kind_same, kind, same)
        _count(self._shape_tries, (screen.coarse_key, widget))
        self._steps += 1

    def _news(self, after: Screen, node: int) -> tuple[float, float, float]:
        """What is seen for the first time, as each ledger sees it: widgets, a look, kinds."""
        widgets = set(after.widget.tolist()) - self._widgets
        kinds = set(after.kind_key.tolist()) - self._kinds
        return np.log1p(len(widgets)), float(not self._alike.visits(node)), np.log1p(len(kinds))

    def expect(self, screen: Screen, worth_C: FloatArray) -> None:
        """Note the new probes, discounted, that the model expects behind each candidate."""
        for ledger, node, slots in self._place(screen):
            ledger.expect(node, slots, worth_C)

    def inputs(self, screen: Screen) -> FloatArray:
        """(C, GRAPH_INPUTS) numbers for the candidates of a visited screen."""
        widgets, kinds = screen.widget.tolist(), screen.kind_key.tolist()
        of_kind = _counts(self._kind_tries, kinds)
        columns = [
            np.log1p(_counts(self._widget_tries, widgets)),
            np.log1p(_counts(self._shape_tries, [(screen.coarse_key, w) for w in widgets])),
            np.log1p(of_kind),
            _counts(self._kind_same, kinds) / np.maximum(of_kind, 1),
        ]
        for ledger, node, slots in self._place(screen):
            columns += ledger.inputs(node, slots, self._steps)
        numbers = np.empty((len(kinds), GRAPH_INPUTS), np.float32)
        for index, column in enumerate(columns):
            numbers[:, index] = column
        return numbers

    def _place(self, screen: Screen) -> list[tuple[Ledger, int, IntArray]]:
        """In each ledger, the screen's node and its candidates' slots."""
        kept = self._places.get(id(screen))
        if kept is not None and kept[0] is screen:
            return kept[1]
        kinds = screen.kind_key.tolist()
        widgets, numbered = _numbered(screen.widget.tolist()), _numbered(kinds)
        places = [
            (ledger, node, ledger.slots(node, names, kinds))
            for ledger, node, names in (
                (self._exact, self._node("exact", screen.key, self._exact), widgets),
                (self._alike, self._node_alike(screen), numbered),
                (self._shape, self._node("shape", screen.coarse_key, self._shape), numbered),
            )
        ]
        self._places[id(screen)] = (screen, places)
        return places

    def _node(self, way: str, key: int, ledger: Ledger) -> int:
        node = self._nodes.get((way, key))
        if node is None:
            node = self._nodes[way, key] = ledger.add_node()
        return node

    def _node_alike(self, screen: Screen) -> int:
        node = self._looks.find(screen)
        if node < 0:
            node = self._alike.add_node()
            self._looks.add(screen)
        return node


class _Looks:
    """The sketches of screens that looked like none before them."""

    def __init__(self) -> None:
        self._sketches = np.zeros((64, SKETCH_SIZE), np.float32)
        self._activities = np.zeros(64, np.int64)
        self._count = 0

    def find(self, screen: Screen) -> int:
        """The number of the most similar one, -1 where none is similar."""
        used = slice(0, self._count)
        similarity = np.round(self._sketches[used] @ screen.sketch, 4)
        similarity[self._activities[used] != screen.activity] = -1.0
        best = int(similarity.argmax()) if self._count else -1
        return best if best >= 0 and similarity[best] >= ALIKE else -1

    def add(self, screen: Screen) -> None:
        """One more."""
        if self._count == len(self._sketches):
            self._sketches = np.concatenate([self._sketches, np.zeros_like(self._sketches)])
            self._activities = np.concatenate([self._activities, np.zeros_like(self._activities)])
        self._sketches[self._count] = screen.sketch
        self._activities[self._count] = screen.activity
        self._count += 1


def _numbered(names: list[int]) -> list[int]:
    """The same name again is another one: the second row of a list is not the first."""
    seen: dict[int, int] = {}
    return [name * 1024 + _count(seen, name) for name in names]


def _count(counts: dict, key: object, by: int = 1) -> int:
    """Count and return how many there were before."""
    before = counts.get(key, 0)
    counts[key] = before + by
    return before


def _counts(counts: dict, keys: list) -> FloatArray:
    return np.array([counts.get(key, 0) for key in keys], np.float32)
