"""A stored model behind HTTP, by `mlflow models serve`, for as long as somebody asks it.

Knows how MLflow's server is started, asked and ended, as a whole process group; binds loopback.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import Request, urlopen

from jamel.disk import last_words
from jamel.errors import StoreError
from jamel.registry.smoke import columns
from jamel.registry.wire import Question, Ranked, read_ranked
from jamel.stores import TELEMETRY_OFF, stores_at

LOOPBACK = "127.0.0.1"
START_S = 300.0
STOP_S = 10.0
ANSWER_S = 60.0


@contextmanager
def serving(uri: str, log: Path, root: Path | str | None = None) -> Iterator[str]:
    """A server of a stored model; gives the address that questions are posted to.

    Args:
        uri: a model's address, such as `models:/jamel@champion`, or its folder.
        log: where the server's output goes.
        root: the project whose registry the address is of.

    Raises:
        StoreError: it does not answer within five minutes.
    """
    port = _free_port()
    # MLflow starts `uvicorn` by its name: the one of this environment, activated or not.
    here = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | TELEMETRY_OFF | {"PATH": here}
    if root is not None:
        environment |= {"MLFLOW_TRACKING_URI": stores_at(root).mlflow_uri}
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", uri]
    command += ["--env-manager", "local", "--host", LOOPBACK, "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await_ready(process, port, log)
        yield f"http://{LOOPBACK}:{port}/invocations"
    finally:
        _end(process)


def ask_over_http(address: str, questions: Sequence[Question]) -> list[list[Ranked]]:
    """Post questions and read the answers; raises HTTPError with what the server said."""
    split = {"dataframe_split": columns(questions).to_dict(orient="split", index=False)}
    wanted = Request(
        address, json.dumps(split).encode(), headers={"Content-Type": "application/json"}
    )
    with urlopen(wanted, timeout=ANSWER_S) as answered:
        predictions = json.loads(answered.read())["predictions"]
    return [read_ranked(row["ranked"]) for row in predictions]


def median_ms(ask: Callable[[], object], times: int) -> float:
    """The median time of a call in milliseconds, after one to warm up."""
    ask()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - began))
    return sorted(took)[times // 2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urlopen(f"http://{LOOPBACK}:{port}/ping", timeout=ANSWER_S):
            return
        time.sleep(0.3)
    raise StoreError(
        f"expected the model's server to answer on port {port} within {START_S:.0f} s, found that "
        f"it {_state(process)}. Its output is in {log}, and ends with:\n{last_words(log)}"
    )


def _state(process: subprocess.Popen[bytes]) -> str:
    ended = process.poll()
    return "does not" if ended is None else f"ended with status {ended}"


def _end(process: subprocess.Popen[bytes]) -> None:
    # MLflow starts the server that answers as a process of its own: the group has both.
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
