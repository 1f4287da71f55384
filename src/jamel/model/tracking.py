"""SessionTracker: what an agent knows of its own session, step by step, as numpy arrays.

Knows no network and no coverage. Training replays recorded sessions through it and acting feeds it
live, so that both see the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jamel.model.configuration import GRAPH_INPUTS, STEP_FLAGS, JamelConfig
from jamel.model.memory import choose_reads
from jamel.model.processing import SKETCH_SIZE, FloatArray, IntArray, Screen
from jamel.model.session_graph import SessionGraph


@dataclass(frozen=True, slots=True)
class Sight:
    """Inputs of one decision.

    `graph` (C, GRAPH_INPUTS); `reads` (k,) past steps to read; `facts` (k, 2) age and similarity;
    `flags` (STEP_FLAGS,) of the step that ended here, None at the first.
    """

    graph: FloatArray
    reads: IntArray
    facts: FloatArray
    flags: FloatArray | None


class SessionTracker:
    """Alternate `see` (a screen is shown) and `chose` (a candidate was tried on it)."""

    def __init__(self, config: JamelConfig) -> None:
        self._config = config
        self._graph = SessionGraph()
        self._sketches = np.zeros((128, SKETCH_SIZE), np.float32)
        self._steps = 0
        self._last: tuple[Screen, int, bool, bool] | None = None
        self._known = False

    def see(self, screen: Screen) -> Sight:
        """Note a screen, which also tells what the last action led to."""
        flags = self._finish(screen)
        past = self._sketches[: self._steps]
        reads, facts = choose_reads(self._config, past, screen.sketch)
        if self._config.graph_inputs:
            graph = self._graph.inputs(screen)
        else:
            graph = np.zeros((len(screen.rows), GRAPH_INPUTS), np.float32)
        return Sight(graph, reads, facts, flags)

    def chose(self, screen: Screen, candidate: int, executed: bool = True) -> None:
        """Note what was done on the screen seen last, and whether it was executed."""
        if self._steps == len(self._sketches):
            self._sketches = np.concatenate([self._sketches, np.zeros_like(self._sketches)])
        self._sketches[self._steps] = screen.sketch
        self._steps += 1
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
