"""Screens as padded tensors, each distinct candidate row once.

Knows the featurizer's rows and nothing of sessions, labels or the network.

Shapes: R distinct rows, U screens, C most candidates of a screen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jamel.model.processing import ROW_HEAD, IntArray, Row, Screen

Batch = dict[str, Tensor]
BoolArray = npt.NDArray[np.bool_]


def screen_batch(
    screens: Sequence[Screen], rows: Sequence[Row], unread: BoolArray | None = None
) -> Batch:
    """Tensors of U screens.

    Args:
        screens: with their candidates.
        rows: what the candidates point to.
        unread: (hash buckets,) words that are left out wherever they stand, but for those that
            every row begins with. What says the same still does.

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
    row_words, row_starts = _ragged([row.tokens for row in taken], unread, ROW_HEAD)
    screen_words, screen_starts = _ragged([screen.tokens for screen in screens], unread, 1)
    return {
        "row_words": row_words,
        "row_starts": row_starts,
        "row_numeric": torch.from_numpy(np.stack([row.numeric for row in taken])),
        "screen_words": screen_words,
        "screen_starts": screen_starts,
        "candidate": torch.from_numpy(candidate),
        "present": torch.from_numpy(present),
    }


def _ragged(
    parts: Sequence[IntArray], unread: BoolArray | None, head: int
) -> tuple[Tensor, Tensor]:
    """All words and where each part starts; the first `head` of a part are never left out."""
    sizes = np.array([len(part) for part in parts])
    starts, words = np.cumsum(sizes) - sizes, np.concatenate(parts)
    if unread is not None:
        place = np.arange(len(words)) - np.repeat(starts, sizes)
        kept = ~unread[words] | (place < head)
        starts, words = np.cumsum(kept)[starts] - 1, words[kept]
    return torch.from_numpy(words), torch.from_numpy(starts)
