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
_WATCH = """
import sys, psutil
pid, born = int(sys.argv[1]), float(sys.argv[2])
sys.stdin.buffer.read()
try:
    server = psutil.Process(pid)
    if server.create_time() == born:
        server.terminate()
        psutil.wait_procs([server], timeout=10)
        server.kill()
except psutil.NoSuchProcess:
    pass
"""


def end_server_with_us() -> None:
    """Have the temporary server that this process started ended when this process is gone."""
    for child in psutil.Process().children():
        if _SERVER in child.cmdline():
            # The watcher reads from a pipe that only closes with this process.
            subprocess.Popen(
                [sys.executable, "-c", _WATCH, str(child.pid), repr(child.create_time())],
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
