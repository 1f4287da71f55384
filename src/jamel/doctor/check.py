"""One finding of a diagnosis. Knows nothing of what is looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `needed` is False for what only a real emulator or a faster run wants."""

    name: str
    passed: bool
    found: str
    advice: str = ""
    needed: bool = True

    def as_row(self) -> dict[str, Any]:
        """The finding as plain data."""
        return asdict(self)
