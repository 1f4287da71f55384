"""Runs of a project in the current directory that begin on whatever stores its profile names.

`python -m tests.smallest_loop PROFILE` goes from sessions to a weighed version in one process: the
verbs of the loop that write to a store, in their order. With `--beside` it logs an empty run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from jamel.config import Config, load_config
from jamel.layout import SHARED_ARM, Layout
from jamel.stores import init
from tests.registered import VALID


def loop(config: Config, project: Layout) -> dict[str, Any]:
    """Collect, label, version, train, evaluate, register, weigh; what came of it, as plain data."""
    from jamel.collect import collect
    from jamel.dataset import version
    from jamel.evaluate import evaluate
    from jamel.label import label
    from jamel.registry import register, train_tracked, weigh

    name = project.round_name(SHARED_ARM, 0)
    sessions = collect(config, project.sessions / name)
    labels = label(config, sessions, project.labels / name)
    dataset = version(project.root, "dataset/first")
    trained = train_tracked(
        project.root, config, sessions, labels, project.model(SHARED_ARM, 0), SHARED_ARM
    )
    model = Path(trained.path)
    results = evaluate(config, {"random": None, SHARED_ARM: model})
    made = register(project.root, model, config, results, VALID)
    decision = weigh(project.root, made.version, config.gate)
    return {"dataset": dataset, "model": str(model), "decision": decision}


def main() -> None:
    """Initialise the stores, then run."""
    config = load_config(sys.argv[1])
    project = Layout.of(config)
    init(project.root, config.stores)
    if "--beside" in sys.argv:
        from jamel.registry import Tracker

        with Tracker(project.root).run("beside the loop", config):
            return
    outcome = loop(config, project)
    project.outcome.parent.mkdir(parents=True, exist_ok=True)
    project.outcome.write_text(json.dumps(outcome))


if __name__ == "__main__":
    main()
