"""What a suite allows its apps: feature kinds, how many of them, looks and screen sizes.

Knows no seeds and no running apps. A limit that is empty leaves the choice to the app.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

SIDES_PX = (320, 4096)


@dataclass(frozen=True, slots=True)
class Limits:
    """`features` is (fewest, most) beside the hub; `sizes_px` are (width, height)."""

    kinds: tuple[str, ...] = ()
    features: tuple[int, int] | None = None
    looks: tuple[str, ...] = ()
    sizes_px: tuple[tuple[int, int], ...] = ()

    def draw(
        self, rng: Random, kinds: list[str], look: str, size_px: tuple[int, int]
    ) -> tuple[list[str], str, tuple[int, int]]:
        """An app's kinds, look and size, each drawn anew where it is limited."""
        pool = self.kinds or tuple(kinds)
        if self.kinds or self.features:
            fewest, most = self.features or (len(kinds), len(kinds))
            kinds = rng.sample(sorted(pool), min(len(pool), rng.randint(fewest, most)))
        if self.looks:
            look = rng.choice(self.looks)
        if self.sizes_px:
            size_px = rng.choice(self.sizes_px)
        return kinds, look, size_px
