"""One function over many items in several processes, results as they come.

Knows nothing of what is done. An error or an interruption drops what has not begun; what is
under way ends by itself, so that a worker never leaves half a file.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import TypeVar

from jamel.errors import ProcessDied

Item = TypeVar("Item")
Result = TypeVar("Result")

Progress = Callable[[int, int, str], None]
"""Called with (items finished, items in all, the one just finished)."""


def run_parallel(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[Result]:
    """Yield `work(item)` for every item, in order of completion; in this process for one worker.

    Raises:
        ProcessDied: A worker was killed, by the system for its memory or by hand.
    """
    if workers == 1 or len(items) <= 1:
        yield from map(work, items)
        return
    # spawn: a forked child would inherit the locks of torch's and gRPC's threads.
    context = get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(items)), context, initializer=_begin) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise ProcessDied(
                f"expected {workers} workers to finish {len(items)} items, found one killed, most "
                "likely for want of memory. Start again: what was written is kept. If it happens "
                "again, lower collect.workers or evaluate.workers."
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def one_torch_thread() -> None:
    """One small screen at a time: threads cost more than they give, and sums must repeat."""
    import torch

    torch.set_num_threads(1)


def _begin() -> None:
    # Workers share the cores; more threads each would only wait for one another.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C reaches the whole group: the parent stops the pool, a worker ends its item first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _end_with_parent() -> None:
    """A worker whose parent was killed waits for work for ever, unless it looks."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
