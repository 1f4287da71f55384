"""Identity noise: what changes on a screen, or hides an element's identity, without any meaning.

All of it is a function of the app's seed and the number of events so far, so that every transport
and every snapshot agrees. Knows no layout. Rates are those of real screens (see `LOOKS`).
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple

Noise = Literal["none", "real", "heavy"]
NOISES: tuple[Noise, ...] = ("none", "real", "heavy")
ADVERTS = ("Save 20 % today", "New: Premium", "Free trial", "Invite a friend", "Rate us ★★★★★")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")


class Rates(NamedTuple):
    """Shares in [0, 1] at one noise level, for one toolkit's look."""

    with_id: float
    short_id: float
    ambiguous: float
    unlabelled: float
    clock: float
    badge: float
    advert: float
    reorder: float
    loading: float
    generated: float
    relabel: float
    counted: float
    sponsored: float
    turn_ticks: int
    """After so many events lists are in another order, generated ids and counters are others and
    adverts stand elsewhere; 0: never."""

    turns: int
    """After so many such turns they are as they were; 0: they never are."""

    def turn(self, ticks: int) -> int:
        """The turn after so many events."""
        if not self.turn_ticks:
            return 0
        turn = ticks // self.turn_ticks
        return turn % self.turns if self.turns else turn


_CLEAN = Rates(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0)
# Ids, ambiguity and missing labels such that screens show them as often as dumps of real apps do,
# toolkit by toolkit (`jamel device corpus` compares); the rest is chosen.
_REAL = (0.4, 0.3, 0.25, 0.1, 0.25, 0.05, 0.15, 0.06, 0.08, 40, 8)
_HEAVY = (1.0, 0.8, 0.8, 1.0, 0.7, 0.8, 0.8, 0.5, 0.7, 3, 0)
LOOKS: dict[tuple[str, str], Rates] = {
    **{(look, "none"): _CLEAN for look in ("native", "compose", "flutter", "react", "web")},
    ("native", "real"): Rates(0.65, 0.19, 0.4, 0.17, *_REAL),
    ("compose", "real"): Rates(0.04, 0.0, 0.3, 0.10, *_REAL),
    ("flutter", "real"): Rates(0.0, 0.0, 0.0, 0.08, *_REAL),
    ("react", "real"): Rates(0.01, 0.0, 0.2, 0.03, *_REAL),
    ("web", "real"): Rates(0.17, 0.3, 0.6, 0.02, *_REAL),
    ("native", "heavy"): Rates(0.3, 0.5, 0.5, 0.4, *_HEAVY),
    ("compose", "heavy"): Rates(0.0, 0.0, 0.5, 0.3, *_HEAVY),
    ("flutter", "heavy"): Rates(0.0, 0.0, 0.4, 0.3, *_HEAVY),
    ("react", "heavy"): Rates(0.0, 0.0, 0.5, 0.2, *_HEAVY),
    ("web", "heavy"): Rates(0.05, 0.5, 0.6, 0.2, *_HEAVY),
}


@lru_cache(maxsize=65536)
def chance(seed: int, *what: str) -> float:
    """A number in [0, 1) that depends on the seed and the names alone."""
    key = f"{seed}/{'/'.join(what)}".encode()
    return int.from_bytes(blake2b(key, digest_size=4).digest(), "big") / 2**32


def changing_text(kind: str, seed: int, salt: int, ticks: int) -> str:
    """The text of a clock, counter, badge, list's foot or advert after `ticks` events."""
    if kind == "clock":
        minutes = seed % 1440 + ticks // 3
        return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
    if kind == "badge":
        return str((seed + salt * 7 + ticks // 5) % 12 + 1)
    if kind == "loading":
        return ("Loading…", "", f"{(seed + salt) % 80 + ticks % 7} more")[(ticks + salt) // 2 % 3]
    if kind == "counter":
        return f"{(seed + salt) % 900 + ticks * 3} online"
    return ADVERTS[(seed + salt + ticks // 4) % len(ADVERTS)]
