"""Sequences of different lengths without their padding, and attention over them in groups.

Knows tensors only.

Shapes: N sequences, C most elements of one, P elements of all, D width; n sequences of a group, c
most elements of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

LENGTHS = (12, 20, 32, 64)
"""Sequences up to so long attend together; the rest are a group of their own."""


class Group(NamedTuple):
    """Sequences of about the same length.

    `rows` (n,) are their numbers, `slots` (n, c) where their elements are in the packed ones,
    `present` (n, c) whether there is one.
    """

    rows: Tensor
    slots: Tensor
    present: Tensor


class Packing:
    """Padded (N, C, D) ↔ packed (P, D): most of a batch is padding, which linear layers skip.

    Each of the N sequences fills its first places. Attention goes by `groups` of similar length,
    as a few long ones would otherwise set the cost of all.
    """

    def __init__(self, present_NC: Tensor) -> None:
        self.present = present_NC
        self.place = present_NC.flatten().nonzero()[:, 0]
        self.counts = present_NC.sum(1)
        self.starts = self.counts.cumsum(0) - self.counts
        self.owner = self.place // present_NC.shape[1]
        self._groups: tuple[list[Group], Tensor] | None = None

    def pack(self, x_NCD: Tensor) -> Tensor:
        """The rows that are present, in order."""
        return x_NCD.flatten(0, 1).index_select(0, self.place)

    def pad(self, x_PD: Tensor) -> Tensor:
        """Back in their places, zeros elsewhere."""
        x = x_PD.new_zeros(self.present.numel(), x_PD.shape[-1])
        return x.index_copy_(0, self.place, x_PD).unflatten(0, self.present.shape)

    def mean(self, x_PD: Tensor) -> Tensor:
        """(N, D) the mean of each sequence."""
        total_ND = x_PD.new_zeros(len(self.counts), x_PD.shape[-1])
        return total_ND.index_add(0, self.owner, x_PD) / self.counts[:, None]

    @property
    def groups(self) -> list[Group]:
        """All sequences that are not empty, by length."""
        return self._grouped()[0]

    def apart(self, x_PD: Tensor) -> list[Tensor]:
        """By group, (n, c, D) each; where there is no element, another one stands in."""
        slots = [group.slots for group in self.groups]
        flat = x_PD.index_select(0, torch.cat([part.flatten() for part in slots]))
        cut = flat.split([part.numel() for part in slots])
        return [rows.unflatten(0, part.shape) for rows, part in zip(cut, slots, strict=True)]

    def by_group(self, x_N: Tensor) -> list[Tensor]:
        """What belongs to whole sequences, by group."""
        rows = [group.rows for group in self.groups]
        return list(x_N.index_select(0, torch.cat(rows)).split([len(part) for part in rows]))

    def together(self, parts: Sequence[Tensor]) -> Tensor:
        """(P, D) what was computed by group, (n, c, D) each, in the packed order."""
        flat = [
            part.flatten(0, 1)[group.present.flatten()]
            for group, part in zip(self.groups, parts, strict=True)
        ]
        return torch.cat(flat).index_select(0, self._grouped()[1])

    def _grouped(self) -> tuple[list[Group], Tensor]:
        if self._groups is None:
            groups, shortest = [], 1
            for longest in (*LENGTHS, max(self.present.shape[1], LENGTHS[-1] + 1)):
                fits = (self.counts >= shortest) & (self.counts <= longest)
                shortest, rows = longest + 1, fits.nonzero()[:, 0]
                if len(rows):
                    groups.append(self._group(rows))
            packed = torch.cat([group.slots[group.present] for group in groups])
            self._groups = groups, packed.argsort()
        return self._groups

    def _group(self, rows: Tensor) -> Group:
        counts = self.counts[rows]
        within = torch.arange(int(counts.max()), device=rows.device)
        present = within < counts[:, None]
        slots = self.starts[rows][:, None] + within * present
        return Group(rows, slots, present)
