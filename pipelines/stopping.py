"""A loop that is stopped leaves nothing running: neither Ctrl-C nor kill -9.

Steps in processes of their own end with the flow by themselves (`isolation`); Prefect's temporary
server does not, and on Ctrl-C it goes before the flow, which would then wait for it for minutes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import FrameType

import psutil

_SERVER = "prefect.server.api.server:create_app"
_MARK = "JAMEL_LOOP"
_WATCH = """
import os, sys, time, psutil
server, name, mark, *known = sys.argv[1:]
sys.stdin.buffer.read()
def ours(process):
    try:
        told = f"{process.pid}:{process.create_time()!r}" in known
        marked = process.pid != os.getpid() and process.environ().get(name) == mark
        return server in process.cmdline() and (told or marked)
    except psutil.Error:
        return False
for _ in range(3):  # One that was only being started when its parent died has no command line yet.
    found = [process for process in psutil.process_iter() if ours(process)]
    for process in found:
        process.terminate()
    for process in psutil.wait_procs(found, timeout=10)[1]:
        process.kill()
    time.sleep(1)
"""


def end_server_with_us() -> None:
    """Have the temporary server of this process, there or to come, end when this process is gone.

    Called before Prefect starts it: a kill -9 while the server starts would leave it for good.
    """
    mark = f"{os.getpid()}-{psutil.Process().create_time()!r}"
    if os.environ.get(_MARK) == mark:
        return  # It is watched already.
    os.environ[_MARK] = mark
    known = [
        f"{child.pid}:{child.create_time()!r}"
        for child in psutil.Process().children()
        if _SERVER in child.cmdline()
    ]
    # The watcher reads from a pipe that only closes with this process.
    subprocess.Popen(
        [sys.executable, "-c", _WATCH, _SERVER, _MARK, mark, *known],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def stop_at_once_on_signals() -> None:
    """Let Ctrl-C and SIGTERM end the loop at once; what was finished is on disk."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    print(
        "\njamel: stopped. What was finished is kept; run the same command again to go on.",
        file=sys.stderr,
        flush=True,
    )
    # No clean-up in Python: it would wait for the server, which the same Ctrl-C has ended.
    os._exit(128 + number)
