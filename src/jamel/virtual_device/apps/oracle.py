"""How much of an app can be reached: a bounded search with snapshots that sees the coverage.

No agent may use this. Deterministic: bounded by transitions, never by time. Features hardly depend
on each other, so each is searched alone, from where it was first opened: breadth-first to the
nearest new probe, on from there, and again.
"""

from __future__ import annotations

from collections import deque

from jamel.virtual_device.apps.app import App, AppSnapshot

MOST_TRANSITIONS = 48_000
WIDTHS = (150, 600, 2400, 9600)
"""Transitions without a new probe after which a search gives up, round by round."""

Roots = dict[tuple, deque[AppSnapshot]]


def search(app: App, transitions: int = MOST_TRANSITIONS) -> int:
    """Count the probes that a search finds within so many transitions."""
    app.clear_data()
    oracle = _Search(app, transitions)
    first = app.snapshot()
    oracle.add_root(first)
    for width in WIDTHS:
        oracle.round(width)
    return oracle.union.bit_count()


class _Search:
    """The probes found so far and, by feature, the states worth searching from."""

    def __init__(self, app: App, transitions: int) -> None:
        self.app, self.left = app, transitions
        self.union = int.from_bytes(app.probe_bytes(), "big")
        self.roots: Roots = {}

    def add_root(self, snapshot: AppSnapshot) -> None:
        """Keep the first state in which a feature is in front, signed in or not."""
        self.roots.setdefault(self.place(snapshot), deque([snapshot]))

    def place(self, snapshot: AppSnapshot) -> tuple:
        return snapshot.nav["stack"][-1][0], *snapshot.shared.values()

    def round(self, width: int) -> None:
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
            for action in app.candidates_fast():
                app.restore(here)
                app.apply(action)
                most -= 1
                self.left -= 1
                probes = int.from_bytes(app.probe_bytes(), "big")
                if probes & ~self.union:
                    self.union |= probes
                    return self.kept(index)
                key = app.local_key(index)
                if key in seen:
                    continue
                seen.add(key)
                if app.feature_in_front() in (index, 0):
                    queue.append(app.snapshot())
                else:
                    self.add_root(app.snapshot())
        return None

    def kept(self, index: int) -> AppSnapshot | None:
        """The state now, unless another feature has come to the front: that one gets it."""
        snapshot = self.app.snapshot()
        self.add_root(snapshot)
        return snapshot
