"""What was done in a session, and what was expected of it, under one way of telling screens apart.

Nodes are screens that count as the same, slots are the candidates on them. Knows no screens and no
learning: `SessionGraph` says which node and which slots a screen is.

Shapes: C candidates of a screen, S slots so far, N nodes so far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jamel.model.processing import FloatArray, IntArray

LEDGER_INPUTS = 18
"""How many numbers `Ledger.inputs` yields for each candidate."""

DISCOUNT = 0.8
"""What a step on the way to an untried candidate takes from its worth."""

WALK = 0.7
"""What a step on the way takes from what the model expects there: the labels' own discount."""

MAX_SWEEPS = 12
_LONG_AGO = 1.5
_DECAY = np.array([[DISCOUNT], [DISCOUNT], [WALK]], np.float32)


_NODE = np.dtype([("visits", "f4"), ("seen_at", "f4"), ("fresh", "f4")])
_SLOT = np.dtype(
    [
        ("tries", "f4"),
        ("same", "f4"),
        ("expected", "f4"),
        ("tried_at", "f4"),
        ("news", "f4"),
        ("target", "i8"),
        ("kind", "i8"),
    ]
)
_KIND = np.dtype([("tries", "f4"), ("news", "f4")])


class Ledger:
    """Tries, outcomes, where they led and what the model expected, by slot.

    What lies behind a candidate is looked up along the known transitions. Each node's own part of
    that is kept, so that a step costs the same late in a session.
    """

    def __init__(self) -> None:
        self._slots_of: list[list[int]] = []
        self._ids: dict[tuple[int, int], int] = {}
        self._kind_ids: dict[tuple[int, int], int] = {}
        self._edges: dict[int, int] = {}
        self._own = np.zeros((3, 64), np.float32)
        self._nodes = np.zeros(64, _NODE)
        self._slots = np.zeros(256, _SLOT)
        self._kinds = np.zeros(256, _KIND)
        self._last = -1

    def add_node(self) -> int:
        """A new node, without slots."""
        node = len(self._slots_of)
        self._slots_of.append([])
        self._nodes = _room(self._nodes, node + 1)
        if node == self._own.shape[1]:
            self._own = np.concatenate([self._own, np.zeros_like(self._own)], axis=1)
        return node

    def slots(self, node: int, names: Sequence[int], kinds: Sequence[int]) -> IntArray:
        """(C,) the slots of candidates with these names, new where a name is.

        Args:
            node: the screen they are on.
            names: tell the candidates of one screen apart.
            kinds: what candidates have in common with others of the screen.
        """
        known, ids = len(self._ids), self._ids
        found = [ids.setdefault((node, name), len(ids)) for name in names]
        if len(ids) > known:
            new = dict(zip(found, kinds, strict=True))
            added = [(slot, kind) for slot, kind in new.items() if slot >= known]
            self._add_slots(node, added)
        return np.array(found, np.int64)

    def visits(self, node: int) -> int:
        """How often the node was shown."""
        return int(self._nodes["visits"][node])

    def visit(self, node: int, step: int) -> None:
        """Note that the node is shown before the step of this number."""
        self._nodes["visits"][node] += 1
        self._nodes["seen_at"][node] = step

    def record(
        self, node: int, slot: int, target: int, *, same: bool, news: float, step: int
    ) -> None:
        """Note that a slot of the node was tried and where it led; nothing is expected of it now.

        Args:
            same: whether the screen stayed as it was.
            news: how much was seen for the first time in the session.
        """
        slots, kinds = self._slots, self._kinds
        slots["tries"][slot] += 1
        slots["same"][slot] += same
        slots["expected"][slot] = 0.0
        slots["tried_at"][slot] = step
        slots["news"][slot] = news
        slots["target"][slot] = target
        kinds["tries"][slots["kind"][slot]] += 1
        kinds["news"][slots["kind"][slot]] += news
        self._edges[slot] = node
        self._last = slot
        self._renew(node)

    def expect(self, node: int, slots: IntArray, worth_C: FloatArray) -> None:
        """Note what the model thinks each candidate of the node is worth now."""
        self._slots["expected"][slots] = worth_C
        self._own[2, node] = self._slots["expected"][self._slots_of[node]].max()

    def inputs(self, node: int, slots: IntArray, step: int) -> list[np.ndarray]:
        """LEDGER_INPUTS columns (C,) for the candidates of a node."""
        best, near, promised = self._beyond()
        mine = self._slots[slots]
        tries, target = mine["tries"], mine["target"]
        if target[-1] < 0:
            # A restart leads to the first screen from anywhere, tried here or not.
            target[-1] = 0
        known = target >= 0
        behind = np.where(known, target, 0)
        there, alike = self._nodes[behind], self._kinds[mine["kind"]]
        since = np.log2(1 + step - mine["tried_at"]) / 8
        away = np.log2(1 + np.maximum(step - there["seen_at"], 0)) / 8
        return [
            np.log1p(tries),
            tries == 0,
            known,
            mine["same"] / np.maximum(tries, 1),
            _worth(tries, alike["tries"]),
            DISCOUNT * best[behind] * known,
            near[behind] * known,
            np.log1p(there["fresh"] * known),
            np.log1p(there["visits"] * known),
            np.full(len(slots), np.log1p(self._nodes["visits"][node])),
            np.log1p(mine["expected"]),
            np.log1p(WALK * promised[behind] * known),
            np.where(tries > 0, since, _LONG_AGO),
            np.where(known, away, _LONG_AGO),
            slots == self._last,
            mine["news"],
            np.log1p(alike["tries"]),
            alike["news"] / np.maximum(alike["tries"], 1),
        ]

    def _beyond(self) -> FloatArray:
        """(3, N) the best that each node leads to: worth by counts, nearness, what is expected."""
        values = self._own[:, : len(self._slots_of)].copy()
        if not self._edges:
            return values
        source = np.fromiter(self._edges.values(), np.int64, len(self._edges))
        target = self._slots["target"][np.fromiter(self._edges, np.int64, len(self._edges))]
        for _ in range(MAX_SWEEPS):
            before = values.copy()
            for row, ahead in zip(values, _DECAY * values[:, target], strict=True):
                np.maximum.at(row, source, ahead)
            if np.array_equal(before, values):
                break
        return values

    def _renew(self, node: int) -> None:
        mine = self._slots[self._slots_of[node]]
        fresh = (mine["tries"] == 0).sum()
        self._nodes["fresh"][node] = fresh
        worth = _worth(mine["tries"], self._kinds["tries"][mine["kind"]])
        self._own[:, node] = worth.max(), fresh > 0, mine["expected"].max()

    def _add_slots(self, node: int, added: Sequence[tuple[int, int]]) -> None:
        self._slots = _room(self._slots, len(self._ids))
        for slot, kind in added:
            self._slots_of[node].append(slot)
            known = self._kind_ids.setdefault((node, kind), len(self._kind_ids))
            self._slots["kind"][slot] = known
            self._slots["target"][slot] = -1
        self._kinds = _room(self._kinds, len(self._kind_ids))
        self._renew(node)


def _worth(tries: FloatArray, alike: FloatArray) -> FloatArray:
    """What counts alone promise of a slot: untried, and its like on the screen untried."""
    return (1 + tries) ** -6.0 / (1 + alike)


def _room(array: np.ndarray, size: int) -> np.ndarray:
    """The array, twice as long until it has that size."""
    while len(array) < size:
        array = np.concatenate([array, np.zeros_like(array)])
    return array
