"""Screens as padded tensors, each distinct candidate row once.

Knows the featurizer's rows and nothing of sessions, labels or the network.

Shapes: R distinct rows, U screens, C most candidates of a screen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from jamel.model.processing import IntArray, Row, Screen

Batch = dict[str, Tensor]


def screen_batch(screens: Sequence[Screen], rows: Sequence[Row]) -> Batch:
    """Tensors of U screens.

    Returns:
        row_words, row_starts, row_numeric (R, N): the distinct rows; screen_words, screen_starts:
        the screens' words; candidate (U, C): index into the rows, 0 where there is none;
        present (U, C): whether there is one.
    """
    counts = np.array([len(screen.rows) for screen in screens])
    used, place = np.unique(
        np.concatenate([screen.rows for screen in screens]), return_inverse=True
    )
    present = np.arange(counts.max()) < counts[:, None]
    candidate = np.zeros(present.shape, np.int64)
    candidate[present] = place
    taken = [rows[index] for index in used]
    row_words, row_starts = _ragged([row.tokens for row in taken])
    screen_words, screen_starts = _ragged([screen.tokens for screen in screens])
    return {
        "row_words": row_words,
        "row_starts": row_starts,
        "row_numeric": torch.from_numpy(np.stack([row.numeric for row in taken])),
        "screen_words": screen_words,
        "screen_starts": screen_starts,
        "candidate": torch.from_numpy(candidate),
        "present": torch.from_numpy(present),
    }


def _ragged(parts: Sequence[IntArray]) -> tuple[Tensor, Tensor]:
    starts = np.zeros(len(parts), np.int64)
    np.cumsum([len(part) for part in parts[:-1]], out=starts[1:])
    return torch.from_numpy(np.concatenate(parts)), torch.from_numpy(starts)
