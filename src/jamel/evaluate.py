"""Run agents on a suite with equal budgets and turn what they covered into rows and intervals.

Knows nothing of how a session is run (`trials`), of how scores are computed (`scores`), of
training, of stores or of how a report looks.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jamel import provenance
from jamel.config import Config, config_digest
from jamel.errors import JamelError
from jamel.scores import collate
from jamel.trials import Job, Progress, run_jobs


def evaluate(
    config: Config,
    agents: Mapping[str, Path | None],
    *,
    suite: str | None = None,
    seeds: Sequence[int] | None = None,
    budget: int | None = None,
    apps: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run every agent on every app of a suite with every seed, and compare them.

    Args:
        config: the profile; its `evaluate` section fills what is not given.
        agents: the name shown -> the folder of its model, None for an agent without learning.
        apps: only the first so many apps of the suite.
        progress: is told of every finished run.

    Returns:
        `{"meta", "rows", "paired", "summary", "curves"}`, plain data for JSON. A row is one
        session at one budget; coverage and auc are % of the app's reachable probes.

    Raises:
        JamelError: there is nothing to run.
    """
    section = config.evaluate
    suite, seeds = suite or section.suite, tuple(section.seeds if seeds is None else seeds)
    budget = budget or section.budget
    jobs = plan(config, agents, suite, seeds, budget, apps or section.apps)
    began, started = time.time(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    runs = run_jobs(jobs, section.workers, progress)
    meta = {
        "suite": suite,
        "seeds": list(seeds),
        "budget": budget,
        "started": started,
        "duration_s": round(time.time() - began, 1),
    }
    return collate(runs, section.bootstrap, meta | _provenance(config, agents))


def plan(
    config: Config,
    agents: Mapping[str, Path | None],
    suite: str,
    seeds: Sequence[int],
    budget: int,
    apps: int | None = None,
) -> list[Job]:
    """The sessions of an evaluation, app by app."""
    from jamel.devices import app_names

    names = app_names(config.device, suite, apps)
    if not (names and agents and seeds):
        raise JamelError(
            f"expected apps, agents and seeds to evaluate, found {len(names)} apps in suite "
            f"'{suite}', {len(agents)} agents and {len(seeds)} seeds. Name at least one of each."
        )
    return [
        Job(suite, app, agent, model_dir, seed, budget, config)
        for app in names
        for agent, model_dir in agents.items()
        for seed in seeds
    ]


def write_json(results: Mapping[str, Any], path: Path) -> Path:
    """Write results whole or not at all: a temporary name, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(results, file, indent=1, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return path


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote; raises JamelError when it is missing or ill-formed."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        if not {"meta", "rows", "paired"} <= set(results):
            raise ValueError("no meta, rows and paired")
    except (OSError, ValueError, TypeError) as error:
        raise JamelError(
            f"expected the results of an evaluation in {path}, found: {error}. "
            "Write them with `jamel evaluate --json`."
        ) from None
    return results


def _provenance(config: Config, agents: Mapping[str, Path | None]) -> dict[str, Any]:
    """The model folders are named without their parents: a report tells no one's folders."""
    models = {name: "/".join(path.parts[-2:]) for name, path in agents.items() if path}
    return {
        "profile": config.profile,
        "config": config_digest(config),
        "temperatures": {name: config.evaluate.temperature_of(name) for name in models},
        "transport": config.device.transport,
        "workers": config.evaluate.workers,
        "models": models,
        "commit": provenance.commit(),
        "dataset_md5": provenance.dataset_md5(),
        "machine": provenance.machine(),
    }
