"""One function over many items in several processes, results as they come.

Knows nothing of what is done. An error of one item drops what has not begun; what is under way ends
by itself. An interruption ends everything at once: files are whole or not there, whoever is killed.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import TypeVar

from jamel.config import Spread
from jamel.errors import ProcessDied

Item = TypeVar("Item")
Result = TypeVar("Result")

Progress = Callable[[int, int, str], None]
"""Called with (items finished, items in all, the one just finished)."""


def run_parallel(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    spread: Spread = "processes",
) -> Iterator[Result]:
    """Yield `work(item)` for every item, in order of completion; in this process for one worker.

    Whoever stops taking results, as Ctrl-C does, ends the workers. With `spread` "ray" they are
    those of a Ray cluster; Prefect's workers are a matter of flows, not of this.

    Raises:
        ProcessDied: A worker was killed, by the system for its memory or by hand.
        ConfigError: Ray is not installed, or its cluster does not answer.
    """
    if spread == "ray" and items:
        from jamel.ray_tasks import run_on_ray

        yield from run_on_ray(work, items, workers, collect_garbage_rarely)
        return
    if workers == 1 or len(items) <= 1:
        yield from map(work, items)
        return
    # spawn: a forked child would inherit the locks of torch's and gRPC's threads.
    context = get_context("spawn")
    ended, ends = context.Pipe(duplex=False)
    with (
        ends, ended,
        ProcessPoolExecutor(min(workers, len(items)), context, _begin, (ended,)) as pool,
    ):  # fmt: skip
        try:
            # Ctrl-C that came while it was held back arrives here.
            futures = _submit_all(pool, work, items)
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise ProcessDied(
                f"expected {workers} workers to finish {len(items)} items, found one killed, most "
                "likely for want of memory. Start again: what was written is kept. If it happens "
                "again, lower collect.workers or evaluate.workers."
            ) from None
        except (KeyboardInterrupt, GeneratorExit):
            ends.close()
            raise
        except BaseException:
            # While the pool is still referred to: else what was not begun would be done.
            pool.shutdown(cancel_futures=True)
            raise


def _submit_all(
    pool: ProcessPoolExecutor, work: Callable[[Item], Result], items: Sequence[Item]
) -> list[Future[Result]]:
    """Start the workers deaf to Ctrl-C, which reaches the whole group: the parent ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return [pool.submit(work, item) for item in items]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def one_torch_thread() -> None:
    """One small screen at a time: threads cost more than they give, and sums must repeat."""
    import torch

    torch.set_num_threads(1)


def collect_garbage_rarely() -> None:
    """Most of what is made here stays, in caches: looking through it again and again finds nothing.

    A fifth of the time of a process that drives devices went there. More rarely yet, and what
    trainings leave behind would pile up.
    """
    gc.set_threshold(20_000, 10, 10)


def _begin(ended: Connection) -> None:
    collect_garbage_rarely()
    # Workers share the cores; more threads each would only wait for one another.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, args=(ended,), daemon=True).start()


def _end_with_parent(ended: Connection) -> None:
    """A worker whose parent was killed, or gave up, waits for work for ever, unless it looks."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel, ended])
        os._exit(1)
