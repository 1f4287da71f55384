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


_BY_SLOT = (
    "_tries",
    "_same",
    "_expected",
    "_tried_at",
    "_news",
    "_kind",
    "_kind_tries",
    "_kind_news",
)


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
        self._visits = np.zeros(64, np.float32)
        self._seen_at = np.zeros(64, np.float32)
        self._own = np.zeros((3, 64), np.float32)
        self._fresh = np.zeros(64, np.float32)
        self._tries = np.zeros(256, np.float32)
        self._same = np.zeros(256, np.float32)
        self._expected = np.zeros(256, np.float32)
        self._tried_at = np.zeros(256, np.float32)
        self._news = np.zeros(256, np.float32)
        self._target = np.full(256, -1, np.int64)
        self._kind = np.zeros(256, np.int64)
        self._kind_tries = np.zeros(256, np.float32)
        self._kind_news = np.zeros(256, np.float32)
        self._last = -1

    def add_node(self) -> int:
        """A new node, without slots."""
        node = len(self._slots_of)
        self._slots_of.append([])
        if node == len(self._visits):
            self._visits, self._seen_at = _doubled(self._visits), _doubled(self._seen_at)
            self._fresh = _doubled(self._fresh)
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
        return int(self._visits[node])

    def visit(self, node: int, step: int) -> None:
        """Note that the node is shown before the step of this number."""
        self._visits[node] += 1
        self._seen_at[node] = step

    def record(
        self, node: int, slot: int, target: int, *, same: bool, news: float, step: int
    ) -> None:
        """Note that a slot of the node was tried and where it led; nothing is expected of it now.

        Args:
            same: whether the screen stayed as it was.
            news: how much was seen for the first time in the session.
        """
        self._tries[slot] += 1
        kind = self._kind[slot]
        self._kind_tries[kind] += 1
        self._kind_news[kind] += news
        self._news[slot] = news
        self._same[slot] += same
        self._expected[slot] = 0.0
        self._tried_at[slot] = step
        self._target[slot] = target
        self._edges[slot] = node
        self._last = slot
        self._renew(node)

    def expect(self, node: int, slots: IntArray, worth_C: FloatArray) -> None:
        """Note what the model thinks each candidate of the node is worth now."""
        self._expected[slots] = worth_C
        self._own[2, node] = self._expected[self._slots_of[node]].max()

    def inputs(self, node: int, slots: IntArray, step: int) -> list[np.ndarray]:
        """LEDGER_INPUTS columns (C,) for the candidates of a node."""
        best, near, promised = self._beyond()
        tries, target = self._tries[slots], self._target[slots]
        if target[-1] < 0:
            # A restart leads to the first screen from anywhere, tried here or not.
            target[-1] = 0
        known = target >= 0
        behind = np.where(known, target, 0)
        since = np.log2(1 + step - self._tried_at[slots]) / 8
        away = np.log2(1 + np.maximum(step - self._seen_at[behind], 0)) / 8
        kinds = self._kind[slots]
        alike = self._kind_tries[kinds]
        return [
            np.log1p(tries),
            tries == 0,
            known,
            self._same[slots] / np.maximum(tries, 1),
            _worth(tries, alike),
            DISCOUNT * best[behind] * known,
            near[behind] * known,
            np.log1p(self._fresh[behind] * known),
            np.log1p(self._visits[behind] * known),
            np.full(len(slots), np.log1p(self._visits[node])),
            np.log1p(self._expected[slots]),
            np.log1p(WALK * promised[behind] * known),
            np.where(tries > 0, since, _LONG_AGO),
            np.where(known, away, _LONG_AGO),
            slots == self._last,
            self._news[slots],
            np.log1p(alike),
            self._kind_news[kinds] / np.maximum(alike, 1),
        ]

    def _beyond(self) -> FloatArray:
        """(3, N) the best that each node leads to: worth by counts, nearness, what is expected."""
        values = self._own[:, : len(self._slots_of)].copy()
        if not self._edges:
            return values
        source = np.fromiter(self._edges.values(), np.int64, len(self._edges))
        target = self._target[np.fromiter(self._edges, np.int64, len(self._edges))]
        for _ in range(MAX_SWEEPS):
            before = values.copy()
            for row, ahead in zip(values, _DECAY * values[:, target], strict=True):
                np.maximum.at(row, source, ahead)
            if np.array_equal(before, values):
                break
        return values

    def _renew(self, node: int) -> None:
        slots = self._slots_of[node]
        tries = self._tries[slots]
        self._fresh[node] = (tries == 0).sum()
        self._own[0, node] = _worth(tries, self._kind_tries[self._kind[slots]]).max()
        self._own[1, node] = self._fresh[node] > 0
        self._own[2, node] = self._expected[slots].max()

    def _add_slots(self, node: int, added: Sequence[tuple[int, int]]) -> None:
        kinds = self._kind_ids
        while len(self._tries) < len(self._ids):
            for name in _BY_SLOT:
                setattr(self, name, _doubled(getattr(self, name)))
            self._target = _doubled(self._target, -1)
        for slot, kind in added:
            self._slots_of[node].append(slot)
            self._kind[slot] = kinds.setdefault((node, kind), len(kinds))
        self._renew(node)


def _worth(tries: FloatArray, alike: FloatArray) -> FloatArray:
    """What counts alone promise of a slot: untried, and its like on the screen untried."""
    return (1 + tries) ** -6.0 / (1 + alike)


def _doubled(array: np.ndarray, fill: int = 0) -> np.ndarray:
    return np.concatenate([array, np.full_like(array, fill)])
