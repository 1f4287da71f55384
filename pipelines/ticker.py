"""Progress of a verb: a few lines on the terminal, and in runs of deployments a bar in the UI.

Made in a task, called in whichever process the verb runs in, which need not import Prefect where
there is no bar: two seconds of every step. Knows only counts.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

LINES = 5


class Ticker:
    """Tells about every fifth of the way.

    Callable as (done, total, ...), or as (done, metrics) when `total` is known beforehand.
    """

    def __init__(self, name: str, total: int = 0) -> None:
        self.name = name
        self.total = total
        self.told = 0
        # A run by hand has no server that the verb's own process could find.
        self.bar = _bar(name)

    def __call__(self, done: int, told: Any, *rest: Any) -> None:
        """Note progress."""
        total = self.total or int(told)
        part = done * LINES // max(total, 1)
        if part > self.told:
            self.told = part
            print(f"    {self.name}: {done} of {total}", flush=True)
            if self.bar is not None:
                from prefect.artifacts import update_progress_artifact

                # The work goes on, whatever becomes of the server.
                with suppress(Exception):
                    update_progress_artifact(self.bar, 100 * done / max(total, 1))


def _bar(name: str) -> UUID | None:
    from prefect.artifacts import create_progress_artifact

    from pipelines.turns import deployed

    return create_progress_artifact(0.0, description=name) if deployed() else None
