"""Counterfactual labels as plainly as they can be had: every try is made on the app itself.

The oracle of the tests of `jamel.counterfactual`. Each state of the app is kept as the snapshot in
which it was first met in the session, and each candidate is performed from there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from jamel.config import LabelConfig
from jamel.counterfactual import MAX_EXPANSIONS
from jamel.envs.base import candidates
from jamel.envs.links import InProcessLink
from jamel.types import Session
from jamel.virtual_device.apps import App, AppSnapshot
from jamel.virtual_device.apps.noise import LOOKS

Labels = list[tuple[list[float], list[bool]]]


class Edge(NamedTuple):
    target: Any
    hits: set[int]


class PlainGraph:
    """States by name; `edges` tries every candidate."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.saved: dict[Any, AppSnapshot] = {}
        self.known: dict[Any, list[Edge]] = {}

    def here(self, shown: bool) -> Any:
        """The name of the app's state; that of a session's own state has what it showed."""
        key: Any = self.app.state_key()
        if shown and LOOKS[self.app.spec.look, self.app.spec.noise].reorder:
            key = key, self.app.observe()
        self.saved.setdefault(key, self.app.snapshot())
        return key

    def edges(self, state: Any) -> list[Edge]:
        if state not in self.known:
            self.known[state] = list(self.tried(state, keep=True))
        return self.known[state]

    def hits(self, state: Any) -> list[set[int]]:
        return [edge.hits for edge in self.known.get(state) or self.tried(state, keep=False)]

    def tried(self, state: Any, keep: bool) -> list[Edge]:
        app, edges = self.app, []
        app.restore(self.saved[state])
        observation = app.observe()
        for action in candidates(observation):
            app.restore(self.saved[state])
            app.reset_coverage()
            app.perform(observation, action)
            app.close_crash_dialog()
            hits = {place for place, flag in enumerate(app.probe_bytes()) if flag}
            edges.append(Edge(self.here(shown=False) if keep else None, hits))
        return edges


def plain_labels(session: Session, app: App, config: LabelConfig) -> Labels:
    """(q, novel) of every candidate of every step of a session."""
    graph, labels = PlainGraph(app), []
    InProcessLink(app).restart(new_session=True)
    for step in session.transitions():
        here = app.snapshot()
        covered = frozenset(place for place, flag in enumerate(here.probes) if flag)
        edges = graph.edges(graph.here(shown=True))
        q = [_value(graph, edge, covered, config, config.lookahead) for edge in edges]
        if not any(q):
            q = _nearest(graph, edges, graph_key(graph, here), covered, config)
        labels.append((q, [bool(edge.hits - covered) for edge in edges]))
        app.restore(here)
        app.apply(step.action)
        app.close_crash_dialog()
    return labels


def graph_key(graph: PlainGraph, here: AppSnapshot) -> Any:
    graph.app.restore(here)
    return graph.here(shown=True)


def _value(
    graph: PlainGraph, edge: Edge, covered: frozenset[int], config: LabelConfig, depth: int
) -> float:
    own = len(edge.hits - covered)
    if depth == 1:
        return float(own)
    more = covered | edge.hits
    if depth == 2:
        return own + config.gamma * max(float(len(h - more)) for h in graph.hits(edge.target))
    following = graph.edges(edge.target)
    return own + config.gamma * max(_value(graph, e, more, config, depth - 1) for e in following)


def _nearest(
    graph: PlainGraph, edges: list[Edge], start: Any, covered: frozenset[int], config: LabelConfig
) -> list[float]:
    """gamma^steps for the first actions of the shortest ways to anything new."""
    q, seen, opened = [0.0] * len(edges), {start}, 0
    level = []
    for first, edge in enumerate(edges):
        if edge.target not in seen:
            seen.add(edge.target)
            level.append((first, edge.target))
    for depth in range(1, config.lookahead + config.search_depth):
        following = []
        for first, state in level:
            opened += 1
            if opened > MAX_EXPANSIONS:
                break
            for edge in graph.edges(state):
                if edge.hits - covered:
                    q[first] = config.gamma**depth
                if edge.target not in seen:
                    seen.add(edge.target)
                    following.append((first, edge.target))
        if any(q) or opened > MAX_EXPANSIONS:
            break
        level = following
    return q
