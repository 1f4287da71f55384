"""One library verb in one process of its own, ended as a group whatever happens.

Threads of a flow share an interpreter, so two trainings in threads would take turns. Knows
nothing of what the verb does. A verb must be importable and its result must be plain data.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType
from typing import Any

from jamel.disk import full_disk_is_a_store_error
from jamel.errors import JamelError, ProcessDied

LOOK_EVERY_S = 1.0
NURSERY = "pipelines.nursery"
IMPORTABLE = Path(__file__).resolve().parents[1]
"""The folder that has this package, wherever the flow runs."""
_starting = threading.Lock()
_nursed = threading.Event()


def load_ahead() -> None:
    """Have later steps forked from a process that has their imports, which it now begins to load.

    For flows of many steps: it loads all of them. It ends with this process.
    """
    if not _nursed.is_set():
        multiprocessing.set_forkserver_preload([NURSERY])
        with _without_the_flow(), _found_from_everywhere():
            forkserver.ensure_running()
        _nursed.set()


def in_own_process(verb: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call `verb` in a fresh process with one thread for sums and return its result.

    `ps` and `top` show the process under the verb's name.

    Raises:
        ProcessDied: the process ended without a result.
        JamelError: as the verb raised it.
        RuntimeError: any other exception of the verb, with its traceback as text.
    """
    # Never a fork of this process, whose threads hold locks; the nursery has one thread.
    context = multiprocessing.get_context("forkserver" if _nursed.is_set() else "spawn")
    receiving, sending = context.Pipe(duplex=False)
    where = (verb.__module__, verb.__name__)
    child = context.Process(
        target=_run, args=(sending, dict(os.environ), where, args, kwargs), name=verb.__name__
    )
    with _without_the_flow():
        child.start()
    sending.close()
    try:
        outcome, value = receiving.recv()
    except (EOFError, OSError):  # Before its result, or in the middle of it.
        child.join()
        raise ProcessDied(
            f"expected {verb.__name__} to return, found that its process ended with status "
            f"{child.exitcode}. Look for an out-of-memory kill, then run the same command again: "
            "finished work is kept."
        ) from None
    finally:
        _end_group(child)
    if outcome == "raised":
        kind, text = value
        raise kind(text)
    return value


@contextlib.contextmanager
def _without_the_flow() -> Iterator[None]:
    """Hide the program's main module from a process that is started meanwhile.

    It would import it first, and with a flow all of Prefect: two seconds and a hundred megabytes
    for every step and every worker of one. Steps are found by their own modules.
    """
    with _starting:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


@contextlib.contextmanager
def _found_from_everywhere() -> Iterator[None]:
    """Have a Python that is started meanwhile find this package.

    Python 3.11 hands the nursery no `sys.path`, and one that finds nothing to load says nothing:
    every step of a flow outside a clone's folder would load its imports by itself.
    """
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(IMPORTABLE), before)))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _run(
    sending: Connection,
    environment: dict[str, str],
    where: tuple[str, str],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    os.setpgid(0, 0)
    with contextlib.suppress(OSError):  # Linux only, and cut off after 15 letters.
        Path("/proc/self/comm").write_text(where[1])
    # One that was forked has the nursery's.
    os.environ.clear()
    # Before the verb's module and with it torch is imported: they read it once.
    os.environ.update(environment, OMP_NUM_THREADS="1")
    threading.Thread(target=_die_with_the_flow, daemon=True).start()
    try:
        verb = getattr(importlib.import_module(where[0]), where[1])
        with full_disk_is_a_store_error(Path.cwd()):
            result = verb(*args, **kwargs)
        sending.send(("returned", result))
    except Exception as error:
        sending.send(("raised", _failure(error)))


def _failure(error: Exception) -> tuple[type[Exception], str]:
    """The error as a class and a text: an exception object may not survive the pipe."""
    if isinstance(error, JamelError):
        return type(error), str(error)
    return RuntimeError, "".join(traceback.format_exception(error))


def _die_with_the_flow() -> None:
    """End this group when the flow is gone: a killed flow must leave no orphans."""
    flow = multiprocessing.parent_process()
    if flow is not None:
        wait([flow.sentinel])
        os.killpg(0, signal.SIGKILL)


def _end_group(child: multiprocessing.process.BaseProcess) -> None:
    child.join(timeout=LOOK_EVERY_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid or 0, signal.SIGKILL)
    child.join()
