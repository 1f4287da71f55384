"""What every candidate of a screen would have reached, found by trying it from a snapshot.

For each state of a session: q of a candidate = the probes new to the session that it executes
+ gamma × the best that can follow (`lookahead` deep); where all are zero, a breadth-first search
gives gamma^depth to the first actions of the shortest ways to anything new. Needs an app that can
be restored; knows no files. Everything an action executes depends on the app's state alone, so
each (state, action) is tried once and remembered for the whole session.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from jamel.config import LabelConfig
from jamel.envs.base import candidates
from jamel.envs.links import InProcessLink, close_crash_dialog
from jamel.errors import DatasetError
from jamel.types import Observation, Session
from jamel.virtual_device.apps import App, AppSnapshot
from jamel.virtual_device.apps.noise import LOOKS

MAX_EXPANSIONS = 300
"""States that one breadth-first search may open."""


class Edge(NamedTuple):
    """What an action led to, and the probes it executed."""

    target: State
    hits: int


class State:
    """One state of the app; candidates and edges are filled when first asked for."""

    __slots__ = ("edges", "hits", "saved")

    def __init__(self, saved: AppSnapshot) -> None:
        self.saved = saved
        self.hits: list[int] | None = None
        self.edges: list[Edge] | None = None


class StateGraph:
    """The app's states as far as they were tried.

    States are equal whatever the clock says. Where an app shows the same state in different
    orders, the states of the session itself are kept apart by what they showed, so that labels
    line up with the recorded candidates; those ahead are not, as only the best of them counts.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self._states: dict[Any, State] = {}
        self._no_probes = bytes(app.total_probes)
        self._reorders = LOOKS[app.spec.look, app.spec.noise].reorder

    def present(self) -> State:
        """The state the app is in, whatever order it is shown in."""
        return self._state(self.app.state_key())

    def shown(self) -> State:
        """The state the app is in, as it is shown."""
        key = self.app.state_key()
        return self._state((key, self.app.observe()) if self._reorders else key)

    def _state(self, key: Any) -> State:
        state = self._states.get(key)
        if state is None:
            saved = self.app.snapshot()._replace(probes=self._no_probes)
            state = self._states[key] = State(saved)
        return state

    def edges(self, state: State) -> list[Edge]:
        """One edge per candidate."""
        if state.edges is None:
            state.edges = [Edge(self.present(), hits) for hits in self._try_all(state)]
        return state.edges

    def hits(self, state: State) -> list[int]:
        """What each candidate executes; a third cheaper than `edges`, as it goes nowhere."""
        if state.hits is None:
            known = state.edges
            state.hits = [edge.hits for edge in known] if known else list(self._try_all(state))
        return state.hits

    def forget(self) -> None:
        """Drop all states; edges form cycles, which would otherwise stay until collected."""
        for state in self._states.values():
            state.edges = None
        self._states.clear()

    def _try_all(self, state: State) -> Iterator[int]:
        """Try each candidate; yields what it executed while the app is where it led."""
        app = self.app
        app.restore(state.saved)
        observation = app.observe()
        for action in candidates(observation):
            app.restore(state.saved)
            app.perform(observation, action)
            if app.crashed:
                close_crash_dialog(app)
            yield bits(app.probe_bytes())


def bits(flags: bytes) -> int:
    """One byte a probe as one number, so that union and difference are single operations."""
    return int.from_bytes(flags, "little")


class CandidateLabels(NamedTuple):
    """Aligned with `candidates(observation)` of the step."""

    q: list[float]
    novel: list[bool]


def label_session(session: Session, app: App, config: LabelConfig) -> list[CandidateLabels]:
    """Replay a session on its app and label every candidate of every step.

    Raises:
        DatasetError: The replay shows another screen or other coverage than was recorded.
    """
    with _state_graph(app) as graph:
        return _label_steps(session, graph, config)


@contextmanager
def _state_graph(app: App) -> Iterator[StateGraph]:
    """A graph while nothing is collected: searching its many live dicts would double the time."""
    collected = gc.isenabled()
    gc.disable()
    graph = StateGraph(app)
    try:
        yield graph
    finally:
        graph.forget()
        if collected:
            gc.enable()


def _label_steps(session: Session, graph: StateGraph, config: LabelConfig) -> list[CandidateLabels]:
    app, search = graph.app, Search(graph, config)
    InProcessLink(app).restart(new_session=True)
    labels: list[CandidateLabels] = []
    for number, step in enumerate(session.transitions()):
        _check_replay(session, number, app.observe() == _bare(step.observation), "screen")
        here = app.snapshot()
        labels.append(search.label(graph.shown(), bits(here.probes)))
        app.restore(here)
        app.apply(step.action)
        close_crash_dialog(app)
        covered = sum(app.probe_bytes())
        _check_replay(session, number, covered == step.covered, "coverage")
    return labels


def _bare(observation: Observation) -> Observation:
    return observation._replace(screenshot_png=None)


class Search:
    """Values of candidates given what the session has covered."""

    def __init__(self, graph: StateGraph, config: LabelConfig) -> None:
        self._graph = graph
        self._config = config
        self._covered = -1
        self._best: dict[tuple[int, int, int], float] = {}

    def label(self, state: State, covered: int) -> CandidateLabels:
        """q and novelty of every candidate of a state."""
        if covered != self._covered:
            self._covered = covered
            self._best.clear()
        edges = self._graph.edges(state)
        q = [self._value(edge, covered, self._config.lookahead) for edge in edges]
        novel = [bool(edge.hits & ~covered) for edge in edges]
        if not any(q):
            q = self._shortest(state, covered)
        return CandidateLabels(q, novel)

    def _value(self, edge: Edge, covered: int, depth: int) -> float:
        own = (edge.hits & ~covered).bit_count()
        if depth == 1:
            return float(own)
        return own + self._config.gamma * self._follow(edge.target, covered | edge.hits, depth - 1)

    def _follow(self, state: State, covered: int, depth: int) -> float:
        key = (id(state), covered, depth)
        best = self._best.get(key)
        if best is None:
            best = self._best[key] = self._best_of(state, covered, depth)
        return best

    def _best_of(self, state: State, covered: int, depth: int) -> float:
        if depth == 1:
            fresh = ~covered
            return float(max([(hits & fresh).bit_count() for hits in self._graph.hits(state)]))
        edges = self._graph.edges(state)
        return max(self._value(edge, covered, depth) for edge in edges)

    def _shortest(self, start: State, covered: int) -> list[float]:
        """gamma^steps to the nearest novelty for the first actions that lead there, else 0."""
        edges = self._graph.edges(start)
        q = [0.0] * len(edges)
        seen = {id(start)}
        level: list[tuple[int, State]] = []
        for first, edge in enumerate(edges):
            _add(level, seen, first, edge.target)
        opened = 0
        for depth in range(1, self._config.lookahead + self._config.search_depth):
            following: list[tuple[int, State]] = []
            found = False
            for first, state in level:
                opened += 1
                if opened > MAX_EXPANSIONS:
                    break
                for edge in self._graph.edges(state):
                    if edge.hits & ~covered:
                        q[first] = self._config.gamma**depth
                        found = True
                    _add(following, seen, first, edge.target)
            if found or opened > MAX_EXPANSIONS:
                break
            level = following
        return q


def _add(level: list[tuple[int, State]], seen: set[int], first: int, state: State) -> None:
    if id(state) not in seen:
        seen.add(id(state))
        level.append((first, state))


def _check_replay(session: Session, number: int, equal: bool, what: str) -> None:
    if not equal:
        raise DatasetError(
            f"session {session.session_id}: expected the replay on {session.app} to give the "
            f"recorded {what} at step {number}, found another. The app has changed since the "
            "session was collected: collect it again, or label with `kind: return`."
        )
