"""Progress of a verb as a few lines on the terminal, from whichever process it runs in.

Knows only counts.
"""

from __future__ import annotations

from typing import Any

LINES = 5


class Ticker:
    """Prints about every fifth of the way.

    Callable as (done, total, ...), or as (done, metrics) when `total` is known beforehand.
    """

    def __init__(self, name: str, total: int = 0) -> None:
        self.name = name
        self.total = total
        self.printed = 0

    def __call__(self, done: int, told: Any, *rest: Any) -> None:
        """Note progress."""
        total = self.total or int(told)
        part = done * LINES // max(total, 1)
        if part > self.printed:
            self.printed = part
            print(f"    {self.name}: {done} of {total}", flush=True)
