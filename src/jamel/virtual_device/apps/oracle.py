"""How much of an app can be reached: a bounded search with snapshots that sees the coverage.

No agent may use this. Deterministic: bounded by transitions, never by time.
"""

from __future__ import annotations

from collections import deque

from jamel.virtual_device.apps.app import App, AppSnapshot

MOST_TRANSITIONS = 24_000
MOST_STATES_A_SEARCH = 400


def search(app: App, transitions: int = MOST_TRANSITIONS) -> int:
    """Count the probes found: breadth-first to the nearest new one, go there, and again.

    When nothing new is near, the search goes on from the most recent state that led to something.
    """
    app.clear_data()
    start = app.snapshot()
    union = int.from_bytes(app.probe_bytes(), "big")
    roots: list[AppSnapshot] = [start]
    left = transitions
    width = MOST_STATES_A_SEARCH
    while left > 0 and roots:
        found, used, union = _nearest(app, roots[-1], union, min(width, left))
        left -= used
        if found is not None:
            roots.append(found)
            continue
        roots.pop()
        if not roots and width < transitions:
            width *= 8
            roots = [start]
    return union.bit_count()


def _nearest(
    app: App, root: AppSnapshot, union: int, most: int
) -> tuple[AppSnapshot | None, int, int]:
    """The nearest state with a probe outside `union`, transitions used, and the new union."""
    app.restore(root)
    seen = {app.state_key()}
    queue = deque([root])
    used = 0
    while queue and used < most:
        here = queue.popleft()
        app.restore(here)
        for action in app.candidates_fast():
            app.restore(here)
            app.apply(action)
            used += 1
            probes = int.from_bytes(app.probe_bytes(), "big")
            if probes & ~union:
                return app.snapshot(), used, union | probes
            key = app.state_key()
            if key not in seen:
                seen.add(key)
                queue.append(app.snapshot())
    return None, used, union
