"""A stored model behind HTTP, by `mlflow models serve`, for as long as somebody asks it.

Knows how MLflow's server is named and asked; `jamel.services` starts and ends it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from jamel.registry.smoke import columns
from jamel.registry.wire import Question, Ranked, read_ranked
from jamel.services import LOOPBACK, Service, free_ports, running
from jamel.stores import stores_at

FIRST_PORT = 5100
ANSWER_S = 60.0


@contextmanager
def serving(uri: str, root: Path | str) -> Iterator[str]:
    """A server of a stored model; gives the address that questions are posted to.

    Args:
        uri: a model's address, such as `models:/jamel@champion`, or its folder.
        root: the project whose registry the address is of, and which the server's log goes to.

    Raises:
        StoreError: it does not answer within five minutes.
    """
    stores = stores_at(root)
    (port,) = free_ports(FIRST_PORT, 1)
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", uri]
    command += ["--env-manager", "local", "--host", LOOPBACK, "--port", str(port)]
    # MLflow starts `uvicorn` by its name: the one of this environment, activated or not.
    here = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {"PATH": here, "MLFLOW_TRACKING_URI": stores.mlflow_uri}
    model = Service("model", command, port, "/invocations", environment)
    with running([model], stores):
        yield model.url


def ask_over_http(address: str, questions: Sequence[Question]) -> list[list[Ranked]]:
    """Post questions and read the answers; raises HTTPError with what the server said."""
    split = {"dataframe_split": columns(questions).to_dict(orient="split", index=False)}
    wanted = Request(
        address, json.dumps(split).encode(), headers={"Content-Type": "application/json"}
    )
    with urlopen(wanted, timeout=ANSWER_S) as answered:
        predictions = json.loads(answered.read())["predictions"]
    return [read_ranked(row["ranked"]) for row in predictions]
