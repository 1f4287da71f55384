"""Run agents on a suite with equal budgets and turn what they covered into rows and intervals.

Knows nothing of how a session is run (`trials`), of how scores are computed (`scores`), of
training, of stores or of how a report looks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jamel import provenance
from jamel.agents import agent_settings
from jamel.calibration import read_calibration
from jamel.config import Config, config_digest
from jamel.devices import world_of
from jamel.errors import ConfigError, EvaluationError
from jamel.parallel import Progress
from jamel.reach import search_unknown
from jamel.reliability import judged
from jamel.scores import LATENCY_APPS, LATENCY_STEPS, WINDOW, Run, collate, latencies
from jamel.trials import Job, run_job, run_jobs


def evaluate(
    config: Config, agents: Mapping[str, Path | None], progress: Progress | None = None
) -> dict[str, Any]:
    """Run every agent on every app of the profile's suite with every seed, and compare them.

    Args:
        config: the profile; `evaluate` says what is measured and `device` where.
        agents: the name shown -> the folder of its model, None for an agent without learning.
        progress: is told of every finished run.

    Returns:
        `{"meta", "rows", "paired", "summary", "curves"}`, plain data for JSON. A row is one
        session at one budget; coverage and auc are % of the app's reachable probes, coverage_new
        is % of those in features of kinds that no training app has. With `evaluate.latency` also
        "latency": milliseconds and tokens of a decision early and late in a long session. With
        agents that have a model also "reliability": how far their figures can be believed.

    Raises:
        ConfigError: there is nothing to run, or an agent is unknown or lacks its model.
        EvaluationError: a model's calibration is ill-formed.
        ProcessDied: a worker was killed.
    """
    section, jobs, fitted = config.evaluate, plan(config, agents), _calibrated_on(agents)
    world = world_of(config.device)
    search_unknown(world.to_search([job.app for job in jobs]), section.workers)
    began, started = time.time(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with world.running(min(section.workers, len(jobs))) as device:
        ready = config.model_copy(update={"device": device})
        runs = run_jobs([replace(job, config=ready) for job in jobs], section.workers, progress)
        slow = _latencies(ready, jobs) if section.latency else {}
    meta = {
        "suite": section.suite,
        "metrics": list(world.metrics),
        "coverage_of": world.coverage_of,
        "seeds": list(section.seeds),
        "budget": section.budget,
        "started": started,
        "duration_s": round(time.time() - began, 1),
        "families": {job.app: world.family(job.app) for job in jobs},
    }
    found = collate(runs, section.bootstrap, meta | fitted | _provenance(config, agents))
    return found | slow | _reliability(config, agents, runs)


def _reliability(
    config: Config, agents: Mapping[str, Path | None], runs: Sequence[Run]
) -> dict[str, Any]:
    """Agent -> how far its model's figures can be believed; nothing where none gives any."""
    found = {}
    resamples = config.evaluate.bootstrap
    for agent, folder in agents.items():
        mine = [run for run in runs if run.agent == agent and run.novelty]
        if mine and folder is not None:
            calibration = read_calibration(folder)
            found[agent] = judged(
                mine, calibration, config.label.gamma, config.label.lookahead, resamples
            )
    return {"reliability": found} if found else {}


def _calibrated_on(agents: Mapping[str, Path | None]) -> dict[str, str]:
    """The suites that the models' calibrations were fitted on, read before anything is run."""
    read = [read_calibration(folder) for folder in agents.values() if folder is not None]
    suites = sorted({calibration.suite for calibration in read if calibration is not None})
    return {"calibrated_on": ", ".join(suites)} if suites else {}


def _latencies(config: Config, jobs: Sequence[Job]) -> dict[str, Any]:
    """A long session an agent on the first apps, one after the other: a core each would lie."""
    budget = max(LATENCY_STEPS) + WINDOW
    apps = list(dict.fromkeys(job.app for job in jobs))[:LATENCY_APPS]
    first: dict[tuple[str, str], Job] = {}
    for job in jobs:
        if job.app in apps:
            first.setdefault((job.agent, job.app), replace(job, config=config, budget=budget))
    return {"latency": [row for job in first.values() for row in latencies(run_job(job))]}


def plan(config: Config, agents: Mapping[str, Path | None]) -> list[Job]:
    """The sessions of an evaluation, app by app; raises ConfigError when there are none."""
    section = config.evaluate
    apps = world_of(config.device).app_names(section.suite, section.apps)
    if not (apps and agents and section.seeds):
        raise ConfigError(
            f"expected apps, agents and seeds to evaluate, found {len(apps)} apps in suite "
            f"'{section.suite}', {len(agents)} agents and {len(section.seeds)} seeds. "
            "Name at least one of each."
        )
    return [
        Job(section.suite, app, agent, model_dir, seed, section.budget, config, index)
        for index, app in enumerate(apps)
        for agent, model_dir in agents.items()
        for seed in section.seeds
    ]


def run_plan(jobs: Sequence[Job], progress: Progress | None = None) -> list[Run]:
    """Run planned sessions on the devices of their profile, which is the same for all.

    Raises:
        DeviceError: the devices cannot be started.
        ProcessDied: a worker was killed.
    """
    config = jobs[0].config
    workers = config.evaluate.workers
    with world_of(config.device).running(min(workers, len(jobs))) as device:
        ready = {id(job.config): job.config.model_copy(update={"device": device}) for job in jobs}
        started = [replace(job, config=ready[id(job.config)]) for job in jobs]
        return run_jobs(started, workers, progress)


def read_json(path: Path) -> dict[str, Any]:
    """Read the results of an evaluation; raises EvaluationError if missing or ill-formed."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        if not {"meta", "rows", "paired"} <= set(results):
            raise ValueError("no meta, rows and paired")
    except (OSError, ValueError, TypeError) as error:
        raise EvaluationError(
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
        "settings": {
            name: found for name in agents if (found := agent_settings(name, config.agents))
        },
        "transport": config.device.transport,
        "workers": config.evaluate.workers,
        "models": models,
        "commit": provenance.commit(),
        "dataset_md5": provenance.dataset_md5(),
        "machine": provenance.machine(),
    }
