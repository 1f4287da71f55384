"""Which past steps a step reads: the last few and the most similar by a fixed sketch.

Knows nothing of torch or of what a memory token holds. The same function serves training, for all
steps of a session at once, and acting, one step at a time, so that both read the same tokens.
"""

from __future__ import annotations

import numpy as np

from jamel.model.configuration import JamelConfig
from jamel.model.processing import FloatArray, IntArray


def read_size(config: JamelConfig, steps: int) -> int:
    """How many tokens a step may read (K) in a session of `steps` steps."""
    if config.memory == "none":
        return 0
    if config.memory == "append":
        return max(steps - 1, 0)
    return config.memory_recent + config.memory_similar


def choose_reads(
    config: JamelConfig, sketches: FloatArray, now: FloatArray
) -> tuple[IntArray, FloatArray]:
    """The past steps to read before a decision.

    Args:
        sketches: (t, S) unit vectors of the screens of the past steps.
        now: (S,) the current screen's.

    Returns:
        (k,) indices of past steps and (k, 2) what is known of each beside its token: its age as
        log2(1 + steps ago) / 8 and its similarity. k is 0 at first and at most `read_size`.
    """
    past = len(sketches)
    if config.memory == "none" or past == 0:
        return np.zeros(0, np.int64), np.zeros((0, 2), np.float32)
    similarity = np.round(sketches @ now, 4)
    chosen = np.arange(past - 1, -1, -1)
    if config.memory == "similarity" and past > config.memory_recent + config.memory_similar:
        older = past - config.memory_recent
        # Equal screens are common: the later one wins, so that the order is well defined.
        best = np.argsort(-similarity[:older][::-1], kind="stable")[: config.memory_similar]
        chosen = np.concatenate([chosen[: config.memory_recent], older - 1 - best])
    age = np.log2(1.0 + past - chosen) / 8
    return chosen, np.stack([age, similarity[chosen]], axis=1).astype(np.float32)
