"""Which past steps a step reads: the last few, those on similar screens and those that did alike.

Knows nothing of torch or of what a memory token holds. The same function serves training, for all
steps of a session at once, and acting, one step at a time, so that both read the same tokens.
"""

from __future__ import annotations

import numpy as np

from jamel.model.configuration import JamelConfig
from jamel.model.processing import (
    ACTION_SKETCH_SIZE,
    SKETCH_SIZE,
    FloatArray,
    IntArray,
    Screen,
)


class Past:
    """The sketches of a session's past steps: of the screen, and of the action taken there."""

    def __init__(self) -> None:
        self.steps = 0
        self._screens = np.zeros((128, SKETCH_SIZE), np.float32)
        self._actions = np.zeros((128, ACTION_SKETCH_SIZE), np.float32)

    @property
    def screens(self) -> FloatArray:
        """(t, SKETCH_SIZE) unit vectors."""
        return self._screens[: self.steps]

    @property
    def actions(self) -> FloatArray:
        """(t, ACTION_SKETCH_SIZE) unit vectors."""
        return self._actions[: self.steps]

    def add(self, screen: Screen, candidate: int) -> None:
        """Note one more step."""
        if self.steps == len(self._screens):
            self._screens = np.concatenate([self._screens, np.zeros_like(self._screens)])
            self._actions = np.concatenate([self._actions, np.zeros_like(self._actions)])
        self._screens[self.steps] = screen.sketch
        self._actions[self.steps] = screen.sketches[candidate]
        self.steps += 1


def read_size(config: JamelConfig, steps: int) -> int:
    """How many tokens a step may read (K) in a session of `steps` steps."""
    if config.memory == "none":
        return 0
    if config.memory in ("append", "state"):
        return max(steps - 1, 0) * config.tokens_per_step
    most = config.memory_recent + config.memory_similar + config.memory_alike
    return most * config.tokens_per_step


def choose_reads(config: JamelConfig, past: Past, screen: Screen) -> tuple[IntArray, FloatArray]:
    """The memory tokens to read before a decision on `screen`.

    Returns:
        (k,) indices of tokens, `tokens_per_step` to a past step, and (k, 2) what is known of each
        beside it: its age as log2(1 + steps ago) / 8 and the similarity of its screen. k is 0 at
        first and at most `read_size`.
    """
    count = past.steps
    if config.memory == "none" or count == 0:
        return np.zeros(0, np.int64), np.zeros((0, 2), np.float32)
    similarity = np.round(past.screens @ screen.sketch, 4)
    chosen = np.arange(count - 1, -1, -1)
    most = config.memory_recent + config.memory_similar + config.memory_alike
    if config.memory == "similarity" and count > most:
        chosen = _most_telling(config, past, screen, similarity)
    age = np.log2(1.0 + count - chosen) / 8
    facts = np.stack([age, similarity[chosen]], axis=1).astype(np.float32)
    parts = config.tokens_per_step
    if parts > 1:
        chosen = (chosen[:, None] * parts + np.arange(parts)).ravel()
        facts = np.repeat(facts, parts, axis=0)
    return chosen, facts


def _most_telling(
    config: JamelConfig, past: Past, screen: Screen, similarity: FloatArray
) -> IntArray:
    """The last steps, then the most similar screens, then the actions most like one offered."""
    older = past.steps - config.memory_recent
    recent = np.arange(past.steps - 1, older - 1, -1)
    on_alike = _best(similarity[:older], config.memory_similar)
    if not config.memory_alike:
        return np.concatenate([recent, on_alike])
    likeness = np.round((past.actions[:older] @ screen.sketches.T).max(1), 4)
    likeness[on_alike] = -2.0
    return np.concatenate([recent, on_alike, _best(likeness, config.memory_alike)])


def _best(scores: FloatArray, count: int) -> IntArray:
    """The places of the highest scores; the later of equals, so that the order is well defined."""
    return len(scores) - 1 - np.argsort(-scores[::-1], kind="stable")[:count]
