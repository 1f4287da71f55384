"""How much of an app can be reached: a search with snapshots that sees the coverage.

No agent may use this. Deterministic: bounded by transitions, never by time. Features hardly depend
on each other, so each is searched alone, from where it was first opened: breadth-first to the
nearest new probe, on from there, and again. Then random walks from states that were tried least
cross features. Such rounds follow each other until one finds nothing new, which is the fixed point:
the count is then what this search can find at all. It is a lower bound of what is reachable.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import replace
from random import Random
from typing import NamedTuple

from jamel.virtual_device.apps.app import App
from jamel.virtual_device.apps.compose import AppSpec
from jamel.virtual_device.apps.state import AppSnapshot

MOST_TRANSITIONS = 400_000
BURST = 16
"""Actions of a random walk from a remembered state, before another one is taken."""

WIDTH = 400
"""Transitions without a new probe after which the search of a feature gives up."""

SCREENS = 20_000
"""Screens to keep; a search comes back to most of them."""

ROUND = 24_000
"""Transitions of random walks in a round; so many that find nothing new end the search."""


class Reach(NamedTuple):
    """Probes found, and whether a whole round found no more before the transitions were spent.

    `unseen` are those of the probes that lie in features of kinds that no training app has.
    """

    probes: int
    converged: bool
    unseen: int = 0


Roots = dict[tuple, deque[AppSnapshot]]


def reach_of(spec: AppSpec) -> Reach:
    """What a search finds in an app; noise does not matter, and without it screens come back."""
    return search(App(replace(spec, noise="none")))


def search(app: App, transitions: int = MOST_TRANSITIONS) -> Reach:
    """Count the probes that a search finds within so many transitions."""
    app.clear_data()
    app.screens.most_cached = SCREENS
    oracle = _Search(app, transitions)
    oracle.add_root(app.snapshot())
    found = -1
    while found != oracle.covered and oracle.covered < app.total_probes and oracle.left > 0:
        found = oracle.covered
        oracle.features(WIDTH)
        oracle.wander(ROUND)
    unseen = (oracle.union & _unseen_mask(app)).bit_count()
    return Reach(oracle.covered, oracle.left > 0, unseen)


def _unseen_mask(app: App) -> int:
    """The probes of unseen features, as the bits that `App.probe_bytes` has for them."""
    flags = [
        bytes([index in app.spec.unseen]) * size for index, (_, _, size) in enumerate(app.classes)
    ]
    return int.from_bytes(b"".join(flags), "big")


class _Search:
    """The probes found so far and, by feature, the states worth searching from."""

    def __init__(self, app: App, transitions: int) -> None:
        self.app, self.left = app, transitions
        self.union = int.from_bytes(app.probe_bytes(), "big")
        self.roots: Roots = {}
        self.cells: dict[tuple, AppSnapshot] = {}
        self.queue: list[tuple[int, int, tuple]] = []
        self.rng = Random(0)

    @property
    def covered(self) -> int:
        """How many probes were found so far."""
        return self.union.bit_count()

    def add_root(self, snapshot: AppSnapshot) -> None:
        """Keep the first state in which a feature is in front, signed in or not."""
        self.roots.setdefault(self.place(snapshot), deque([snapshot]))

    def place(self, snapshot: AppSnapshot) -> tuple:
        return snapshot.nav["stack"][-1][0], *snapshot.shared.values()

    def features(self, width: int) -> None:
        """Search every feature once; features found on the way come last."""
        done: set[tuple] = set()
        while todo := [place for place in self.roots if place not in done]:
            for place in todo:
                done.add(place)
                self.feature(place, width)

    def feature(self, place: tuple, width: int) -> None:
        """Go from new probe to new probe until none is near any of the feature's last states."""
        roots = self.roots[place]
        stale = 0
        while stale < min(len(roots), 4) and self.left > 0:
            found = self.nearest(roots[-1], place[0], width)
            if found is None:
                roots.rotate(1)
                stale += 1
            else:
                stale = 0
                roots.append(found)
                if len(roots) > 12:
                    roots.popleft()

    def nearest(self, root: AppSnapshot, index: int, most: int) -> AppSnapshot | None:
        """The nearest state with a new probe, found without entering other features."""
        app = self.app
        app.restore(root)
        seen = {app.local_key(index)}
        queue = deque([root])
        while queue and most > 0 and self.left > 0:
            here = queue.popleft()
            app.restore(here)
            seen_here = app.observe()
            here = app.snapshot()
            for action in app.candidates_fast():
                app.restore(here)
                app.perform(seen_here, action)
                most -= 1
                self.left -= 1
                probes = int.from_bytes(app.probe_bytes(), "big")
                if probes & ~self.union:
                    self.union |= probes
                    return self.kept()
                key = app.local_key(index)
                if key in seen:
                    continue
                seen.add(key)
                if app.feature_in_front() in (index, 0):
                    queue.append(app.snapshot())
                else:
                    self.add_root(app.snapshot())
        return None

    def kept(self) -> AppSnapshot:
        """The state now, for the feature that is in front."""
        snapshot = self.app.snapshot()
        self.add_root(snapshot)
        return snapshot

    def remember(self, fresh: bool = False) -> None:
        """Keep the state if no like one is kept, or if it has just shown something new."""
        cell = self.app.cell()
        if fresh or cell not in self.cells:
            self.cells[cell] = self.app.snapshot()
            heapq.heappush(self.queue, (0 if fresh else 1, len(self.queue), cell))

    def wander(self, most: int) -> None:
        """Random walks from the states tried least, until so many in a row found nothing new."""
        for roots in self.roots.values():
            for root in roots:
                self.app.restore(root)
                self.remember()
        stale = 0
        while self.left > 0 and stale < most and self.covered < self.app.total_probes:
            before = self.union
            tries, order, cell = heapq.heappop(self.queue)
            heapq.heappush(self.queue, (tries + 1, order, cell))
            self.app.restore(self.cells[cell])
            self.burst(self.rng)
            stale = stale + BURST if self.union == before else 0

    def burst(self, rng: Random) -> None:
        """One random walk."""
        app = self.app
        for _ in range(BURST):
            app.perform(app.observe(), rng.choice(app.candidates_fast()))
            probes = int.from_bytes(app.probe_bytes(), "big")
            fresh = bool(probes & ~self.union)
            self.union |= probes
            self.remember(fresh)
        self.left -= BURST
