"""SessionTracker: what an agent knows of its own session, step by step, as numpy arrays.

Knows no network and no coverage. Training replays recorded sessions through it and acting feeds it
live, so that both see the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jamel.model.configuration import GRAPH_INPUTS, STEP_FLAGS, JamelConfig
from jamel.model.memory import Past, choose_reads
from jamel.model.processing import FloatArray, IntArray, Screen
from jamel.model.session_graph import SessionGraph


@dataclass(frozen=True, slots=True)
class Sight:
    """Inputs of one decision.

    `graph` (C, GRAPH_INPUTS); `reads` (k,) memory tokens to read; `facts` (k, 2) age and
    similarity; `flags` (STEP_FLAGS,) of the step that ended here, None at the first.
    """

    graph: FloatArray
    reads: IntArray
    facts: FloatArray
    flags: FloatArray | None


class SessionTracker:
    """Alternate `see` (a screen is shown) and `chose` (a candidate was tried on it).

    Between the two, `expect` notes what the model thinks of the candidates, where there is one.
    """

    def __init__(self, config: JamelConfig) -> None:
        self._config = config
        self._graph = SessionGraph()
        self._past = Past()
        self._last: tuple[Screen, int, bool, bool] | None = None
        self._known = False

    def see(self, screen: Screen) -> Sight:
        """Note a screen, which also tells what the last action led to."""
        flags = self._finish(screen)
        reads, facts = choose_reads(self._config, self._past, screen)
        if self._config.graph_inputs:
            graph = self._graph.inputs(screen)
        else:
            graph = np.zeros((len(screen.rows), GRAPH_INPUTS), np.float32)
        return Sight(graph, reads, facts, flags)

    def expect(self, screen: Screen, worth_C: FloatArray) -> None:
        """Note what the model thinks the candidates of the screen seen last are worth."""
        if self._config.expectations and self._config.memory != "none":
            self._graph.expect(screen, worth_C)

    def chose(self, screen: Screen, candidate: int, executed: bool = True) -> None:
        """Note what was done on the screen seen last, and whether it was executed."""
        self._past.add(screen, candidate)
        self._last = (screen, candidate, executed, self._known)

    def note_executed(self, executed: bool) -> None:
        """Correct whether the action chosen last was executed, before the next screen is seen."""
        if self._last is not None:
            self._last = (*self._last[:2], executed, self._last[3])

    def _finish(self, after: Screen) -> FloatArray | None:
        last = self._last
        if last is not None:
            self._graph.record(last[0], last[1], after)
        known = self._graph.visit(after)
        self._known, self._last = known, None
        if last is None:
            return None
        flags = np.empty(STEP_FLAGS, np.float32)
        flags[:] = last[2], after.key != last[0].key, last[3], known
        return flags
