"""How far a long command is: a bar on a terminal, an occasional line anywhere else.

Knows nothing of what is counted. Everything goes to standard error: standard output holds tables.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[..., None]
"""Called with (done, total) and, where there is something to say, what was just done."""

LINE_EVERY_S = 10.0


@contextmanager
def progress_bar(title: str) -> Iterator[Advance]:
    """Show the progress of the block; the first call says how much there is to do."""
    shown = _bar(title) if sys.stderr.isatty() else _lines(title)
    with shown as advance:
        yield advance


@contextmanager
def _bar(title: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[text]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, text="")

        def advance(done: int, total: int, text: str = "") -> None:
            bar.update(task, completed=done, total=total, text=text)

        yield advance


@contextmanager
def _lines(title: str) -> Iterator[Advance]:
    """The first call, then one line every ten seconds, and the last call."""
    told = -LINE_EVERY_S

    def advance(done: int, total: int, text: str = "") -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= LINE_EVERY_S or done == total:
            told = now
            print(f"{title} {done}/{total} {text}".rstrip(), file=sys.stderr, flush=True)

    yield advance
