"""What every candidate of a screen would have reached, found by trying it from there.

For each state of a session: q of a candidate = the probes new to the session that it executes
+ gamma × the best that can follow (`lookahead` deep); where all are zero, a breadth-first search
gives gamma^depth to the first actions of the shortest ways to anything new. Needs an app of the
embedded device, whose effects can be remembered; knows no files.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from jamel.config import LabelConfig
from jamel.envs.base import candidates
from jamel.envs.links import InProcessLink
from jamel.errors import DatasetError
from jamel.types import Observation, Session
from jamel.virtual_device.apps import App
from jamel.virtual_device.apps.canvas import Screen
from jamel.virtual_device.apps.effects import Effects, Name, Parts, bits, effects_of
from jamel.virtual_device.apps.events import Choice, can_cover, choices_on
from jamel.virtual_device.apps.noise import LOOKS

MAX_EXPANSIONS = 300
"""States that one breadth-first search may open."""


class Edge(NamedTuple):
    """What an action led to, and the probes it executed."""

    target: State
    hits: int


class Hits(NamedTuple):
    """The different sets of probes that the candidates of a state execute, and their union."""

    sets: set[int]
    union: int


class Choices:
    """What the candidates of a screen come to.

    `different` are those that differ, `order` says which of them each candidate is, `covering` are
    those that can execute code. `hits` is by the values of `names`, on which those depend, as far
    as was known when so many names were (`named`).
    """

    __slots__ = ("covering", "different", "hits", "named", "names", "order", "screen")

    def __init__(self, screen: Screen, choices: list[Choice]) -> None:
        self.screen = screen
        places: dict[Choice, int] = {}
        self.order = [places.setdefault(choice, len(places)) for choice in choices]
        self.different = list(places)
        self.covering = list(filter(can_cover, places))
        self.names: tuple[Name, ...] = ()
        self.hits: dict[tuple, Hits] = {}
        self.named = 0


class State:
    """One state of the app, as it was first met; the rest is filled when first asked for.

    `targets` are the different states that `edges` lead to, in their order.
    """

    __slots__ = ("edges", "hits", "parts", "targets", "ticks")

    def __init__(self, parts: Parts, ticks: int) -> None:
        self.parts, self.ticks = parts, ticks
        self.edges: list[Edge] | None = None
        self.targets: list[State] = []
        self.hits: Hits | None = None


class StateGraph:
    """The states of one session's app, as far as they were looked at.

    States are equal whatever the clock says. Where an app shows the same state in different
    orders, the states of the session itself are kept apart by what they showed, so that labels
    line up with the recorded candidates; those ahead are not, as only the best of them counts.
    """

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self._states: dict[Any, State] = {}
        self._choices: dict[int, Choices] = {}
        self._reorders = LOOKS[effects.spec.look, effects.spec.noise].reorder

    def shown(self, app: App) -> State:
        """The state that an app is in, as it is shown."""
        parts = self._effects.parts_of(app)
        return self._state(parts, app.ticks, app.observe() if self._reorders else None)

    def _state(self, parts: Parts, ticks: int, shown: Observation | None) -> State:
        key = (parts[0].place, *parts[1:], shown)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = State(parts, ticks)
        return state

    def edges(self, state: State) -> list[Edge]:
        """One edge per candidate."""
        if state.edges is None:
            after, choices = self._effects.after, self._choices_on(state)
            edges = [
                Edge(
                    self._state(after(state.parts, effect), state.ticks + effect.ticks, None),
                    effect.hits,
                )
                for effect in self._effects.effects(state.parts, choices.different)
            ]
            state.edges = [edges[place] for place in choices.order]
            state.targets = list(dict.fromkeys([edge.target for edge in edges]))
        return state.edges

    def hits(self, state: State) -> Hits:
        """What candidates execute; cheaper than `edges`, as it goes nowhere."""
        if state.hits is None:
            parts, choices = state.parts, self._choices_on(state)
            values = tuple([parts[part].values[name] for part, name in choices.names])
            state.hits = choices.hits.get(values) or self._find_hits(parts, choices)
        return state.hits

    def _find_hits(self, parts: Parts, choices: Choices) -> Hits:
        sets = {effect.hits for effect in self._effects.effects(parts, choices.covering)}
        if choices.named != self._effects.named:
            choices.named = self._effects.named
            names = self._effects.names(choices.covering)
            if names != choices.names:
                choices.names, choices.hits = names, {}
        values = tuple([parts[part].values[name] for part, name in choices.names])
        hits = choices.hits[values] = Hits(sets, reduce(or_, sets, 0))
        return hits

    def _choices_on(self, state: State) -> Choices:
        screen = self._effects.screen(state.parts, state.ticks)
        known = self._choices.get(id(screen))
        if known is None:
            seen = Observation("", "", screen.elements, self._effects.spec.size_px)
            choices = choices_on(screen, seen, candidates(seen))
            known = self._choices[id(screen)] = Choices(screen, choices)
        return known

    def forget(self) -> None:
        """Drop all states; edges form cycles, which would otherwise stay until collected."""
        for state in self._states.values():
            state.edges = None
            state.targets = []
        self._states.clear()
        self._choices.clear()


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
        return _label_steps(session, app, graph, config)


@contextmanager
def _state_graph(app: App) -> Iterator[StateGraph]:
    """A graph while nothing is collected: searching its many live dicts would double the time."""
    collected = gc.isenabled()
    gc.disable()
    graph = StateGraph(effects_of(app.spec))
    try:
        yield graph
    finally:
        graph.forget()
        if collected:
            # What was made meanwhile goes among the old, not through the next collection.
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def _label_steps(
    session: Session, app: App, graph: StateGraph, config: LabelConfig
) -> list[CandidateLabels]:
    search = Search(graph, config)
    InProcessLink(app).restart(new_session=True)
    labels: list[CandidateLabels] = []
    for number, step in enumerate(session.transitions()):
        _check_replay(session, number, app.observe() == _bare(step.observation), "screen")
        labels.append(search.label(graph.shown(app), bits(app.probe_bytes())))
        app.apply(step.action)
        app.close_crash_dialog()
        covered = app.probe_bytes().count(1)
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
        self._best: dict[tuple[State, int, int], float] = {}

    def label(self, state: State, covered: int) -> CandidateLabels:
        """q and novelty of every candidate of a state."""
        if covered != self._covered:
            self._covered = covered
            self._best.clear()
        edges = self._graph.edges(state)
        depth = self._config.lookahead
        q = [self._value(edge, covered, depth) for edge in edges]
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
        if depth == 1:
            return self._best_at_once(state, covered)
        key = (state, covered, depth)
        best = self._best.get(key)
        if best is None:
            edges = self._graph.edges(state)
            best = self._best[key] = max(self._value(edge, covered, depth) for edge in edges)
        return best

    def _best_at_once(self, state: State, covered: int) -> float:
        hits, fresh = state.hits or self._graph.hits(state), ~covered
        if not hits.union & fresh:
            return 0.0
        return float(max([(each & fresh).bit_count() for each in hits.sets]))

    def _shortest(self, start: State, covered: int) -> list[float]:
        """gamma^steps to the nearest novelty for the first actions that lead there, else 0."""
        edges = self._graph.edges(start)
        q = [0.0] * len(edges)
        seen = {start}
        level: list[tuple[int, State]] = []
        for first, edge in enumerate(edges):
            if edge.target not in seen:
                seen.add(edge.target)
                level.append((first, edge.target))
        opened = 0
        for depth in range(1, self._config.lookahead + self._config.search_depth):
            following: list[tuple[int, State]] = []
            found = False
            for first, state in level:
                opened += 1
                if opened > MAX_EXPANSIONS:
                    break
                self._graph.edges(state)
                if self._graph.hits(state).union & ~covered:
                    q[first] = self._config.gamma**depth
                    found = True
                ahead = [target for target in state.targets if target not in seen]
                seen.update(ahead)
                following += [(first, target) for target in ahead]
            if found or opened > MAX_EXPANSIONS:
                break
            level = following
        return q


def _check_replay(session: Session, number: int, equal: bool, what: str) -> None:
    if not equal:
        raise DatasetError(
            f"session {session.session_id}: expected the replay on {session.app} to give the "
            f"recorded {what} at step {number}, found another. The app has changed since the "
            "session was collected: collect it again, or label with `kind: return`."
        )
