"""One finding of a diagnosis. Knows nothing of what is looked at."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from jamel.errors import JamelError

_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z])")


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


def finding(name: str, look: Callable[[], str], needed: bool = True) -> Check:
    """A look that tells what it found, or raises what is to be done about it."""
    try:
        return Check(name, True, look(), needed=needed)
    except JamelError as error:
        found, *advice = _SENTENCE.split(str(error), maxsplit=1)
        return Check(name, False, found, "".join(advice), needed)
