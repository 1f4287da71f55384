"""The agent's own graph of a session: screens it saw, actions it tried, where they led.

Knows no coverage and nothing of learning: it counts what the agent did. Identities come from the
featurizer and are as good as the app's labels; under identity noise they are wrong at times.
"""

from __future__ import annotations

import numpy as np

from jamel.model.configuration import GRAPH_INPUTS
from jamel.model.processing import FloatArray, IntArray, Screen

DISCOUNT = 0.8
WALK = 0.7
"""What a step on the way to a screen takes from its worth: the labels' own discount."""

MAX_SWEEPS = 12


class SessionGraph:
    """Counts of one session. Call `visit` for each screen, then `record` for what was done on it.

    A candidate's slot is its place among the screen's candidates sorted by widget identity, so
    that a reordered list keeps its counts.
    """

    def __init__(self) -> None:
        self._screens: dict[int, int] = {}
        self._starts: list[int] = []
        self._visits: list[int] = []
        self._widget_ids: dict[int, int] = {}
        self._kind_ids: dict[int, int] = {}
        self._coarse_tries: dict[tuple[int, int], int] = {}
        self._coarse_visits: dict[int, int] = {}
        self._slots = 0
        self._slot_tries = np.zeros(256, np.float32)
        self._slot_widget = np.zeros(256, np.int64)
        self._slot_kind = np.zeros(256, np.int64)
        self._slot_target = np.full(256, -1, np.int64)
        self._slot_same = np.zeros(256, np.float32)
        self._slot_promise = np.zeros(256, np.float32)
        self._widget_tries = np.zeros(256, np.float32)
        self._kind_tries = np.zeros(256, np.float32)
        self._kind_same = np.zeros(256, np.float32)
        self._edges: dict[int, int] = {}
        self._last_slot = -1
        self._steps = 0

    def visit(self, screen: Screen) -> bool:
        """Note that the screen is shown; returns whether it was shown before."""
        if screen.key not in self._screens:
            self._add_screen(screen)
        known = self._visits[self._screens[screen.key]] > 0
        self._visits[self._screens[screen.key]] += 1
        coarse = screen.coarse_key
        self._coarse_visits[coarse] = self._coarse_visits.get(coarse, 0) + 1
        return known

    def record(self, screen: Screen, candidate: int, after: Screen) -> None:
        """Note that `candidate` was tried on `screen` and that it led to `after`."""
        source = self._screens[screen.key]
        slot = self._starts[source] + int(slot_order(screen)[candidate])
        if after.key not in self._screens:
            self._add_screen(after)
        widget, kind = self._slot_widget[slot], self._slot_kind[slot]
        self._slot_tries[slot] += 1
        self._widget_tries[widget] += 1
        self._kind_tries[kind] += 1
        same = after.key == screen.key
        self._slot_same[slot] += same
        self._kind_same[kind] += same
        self._slot_target[slot] = self._screens[after.key]
        self._slot_promise[slot] = 0.0
        self._edges[slot] = source
        key = (screen.coarse_key, int(screen.widget[candidate]))
        self._coarse_tries[key] = self._coarse_tries.get(key, 0) + 1
        self._last_slot = slot
        self._steps += 1

    def inputs(self, screen: Screen) -> FloatArray:
        """(C, GRAPH_INPUTS) numbers for the candidates of a visited screen."""
        slots = self._starts[self._screens[screen.key]] + slot_order(screen)
        worth = self._worth()
        value, near, fresh = self._look_ahead(worth)
        target = self._slot_target[slots]
        known = target >= 0
        behind = np.where(known, target, 0)
        tries, kinds = self._slot_tries[slots], self._slot_kind[slots]
        coarse = [self._coarse_tries.get((screen.coarse_key, w), 0) for w in screen.widget.tolist()]
        visits = np.array(self._visits, np.float32)[behind] * known
        here = self._visits[self._screens[screen.key]]
        columns = (
            np.log1p(tries),
            tries == 0,
            np.log1p(self._widget_tries[self._slot_widget[slots]]),
            np.log1p(self._kind_tries[kinds]),
            np.log1p(np.array(coarse, np.float32)),
            known,
            self._slot_same[slots] / np.maximum(tries, 1),
            self._kind_same[kinds] / np.maximum(self._kind_tries[kinds], 1),
            worth[slots],
            DISCOUNT * value[behind] * known,
            near[behind] * known,
            np.log1p(fresh[behind] * known),
            np.log1p(visits),
            np.full(len(slots), np.log1p(here)),
            np.full(len(slots), np.log1p(self._coarse_visits.get(screen.coarse_key, 0))),
            slots == self._last_slot,
        )
        numbers = np.empty((len(slots), GRAPH_INPUTS), np.float32)
        for index, column in enumerate(columns):
            numbers[:, index] = column
        return numbers

    def way_to_more(self, screen: Screen, worth_C: FloatArray, detour: float) -> int:
        """The candidate to walk on by to a screen that promises more than this one; -1 to stay.

        What each candidate was thought worth when its screen was last seen is kept, nothing once
        it was tried; a screen d steps away is worth its best candidate × WALK ** d.

        Args:
            screen: a visited screen.
            worth_C: discounted new probes expected behind each of its candidates.
            detour: how many times more must be promised; 0 never walks.
        """
        if not detour:
            return -1
        slots = self._starts[self._screens[screen.key]] + slot_order(screen)
        self._slot_promise[slots] = worth_C
        promise = np.maximum.reduceat(self._slot_promise[: self._slots], np.array(self._starts))
        target = self._slot_target[slots]
        self._spread(promise[:, None], WALK)
        beyond = np.where(target >= 0, WALK * promise[np.maximum(target, 0)], 0.0)
        beyond[self._slot_same[slots] > 0] = 0.0
        best = int(beyond.argmax())
        return best if beyond[best] > detour * max(float(worth_C.max()), 1e-3) else -1

    def _worth(self) -> FloatArray:
        """How much each slot promises by counts alone: untried, and its like untried."""
        used = slice(0, self._slots)
        alike = self._widget_tries[self._slot_widget[used]]
        of_kind = self._kind_tries[self._slot_kind[used]]
        return (1 + self._slot_tries[used]) ** -6.0 / ((1 + alike) * np.sqrt(1 + of_kind))

    def _look_ahead(self, worth: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Per screen: discounted best worth, DISCOUNT ** distance to an untried slot, untried."""
        starts = np.array(self._starts, np.int64)
        untried = (self._slot_tries[: self._slots] == 0).astype(np.float32)
        fresh = np.add.reduceat(untried, starts)
        both = np.stack([np.maximum.reduceat(worth, starts), (fresh > 0).astype(np.float32)], 1)
        self._spread(both, DISCOUNT)
        return both[:, 0], both[:, 1], fresh

    def _spread(self, values: FloatArray, discount: float) -> None:
        """Raise (screens, n) values to the best that known transitions lead to, in place."""
        if not self._edges:
            return
        source = np.fromiter(self._edges.values(), np.int64, len(self._edges))
        target = self._slot_target[np.fromiter(self._edges, np.int64, len(self._edges))]
        for _ in range(MAX_SWEEPS):
            before = values.copy()
            np.maximum.at(values, source, np.float32(discount) * values[target])
            if np.array_equal(before, values):
                break

    def _add_screen(self, screen: Screen) -> None:
        count = len(screen.widget)
        order = np.argsort(screen.widget, kind="stable")
        self._reserve(self._slots + count)
        slots = slice(self._slots, self._slots + count)
        self._slot_widget[slots] = _interned(self._widget_ids, screen.widget[order])
        self._slot_kind[slots] = _interned(self._kind_ids, screen.kind_key[order])
        self._screens[screen.key] = len(self._starts)
        self._starts.append(self._slots)
        self._visits.append(0)
        self._slots += count

    def _reserve(self, size: int) -> None:
        while len(self._slot_tries) < size:
            self._slot_tries = _doubled(self._slot_tries)
            self._slot_widget = _doubled(self._slot_widget)
            self._slot_kind = _doubled(self._slot_kind)
            self._slot_target = _doubled(self._slot_target, -1)
            self._slot_same = _doubled(self._slot_same)
            self._slot_promise = _doubled(self._slot_promise)
            self._widget_tries = _doubled(self._widget_tries)
            self._kind_tries = _doubled(self._kind_tries)
            self._kind_same = _doubled(self._kind_same)


def slot_order(screen: Screen) -> IntArray:
    """(C,) the place of each candidate among the candidates sorted by widget identity."""
    order = np.argsort(screen.widget, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return places


def _interned(table: dict[int, int], keys: IntArray) -> IntArray:
    return np.array([table.setdefault(key, len(table)) for key in keys.tolist()], np.int64)


def _doubled(array: np.ndarray, fill: int = 0) -> np.ndarray:
    return np.concatenate([array, np.full_like(array, fill)])
