"""The flow of the deployment that measures a registered version when it appears.

Only the order is decided here. The version is measured on a suite of the user's choice beside the
agents without learning and the champion; nothing is promoted.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefect import flow

from jamel.agents import MODEL_AGENTS
from jamel.config import Config, load_config, with_key
from jamel.devices import tunable
from jamel.evaluate import read_json
from jamel.layout import SHARED_ARM, Layout
from jamel.registry import evaluation_run, get_version, log_evaluation, model_dir
from jamel.stores import folder_lock, open_stores
from pipelines.artifacts import show_evaluation
from pipelines.caching import remembered
from pipelines.evaluate import measure_version
from pipelines.promote import reigning
from pipelines.turns import WAIT_S, deployed


@flow(name="evaluate")
def evaluate(
    config: str = "configs/laptop.yaml", version: str = "", suite: str = "valid"
) -> dict[str, Any]:
    """Measure a registered version, by default the newest, in the current directory.

    Args:
        config: the profile; `gate.model` is the registered model.
        version: which version.
        suite: on which apps; one that may be tuned on.

    Returns:
        `{"version", "results", "run_id"}`: where its results lie and the MLflow run that has them.

    Raises:
        ConfigError: the profile is wrong, or the suite is kept for testing.
        StoreError: the stores are missing, or there is no such version.
        Busy: a run holds the project; a run of a deployment waits for it first.
    """
    settings = with_key(load_config(config), os.environ)
    project = Layout.of(settings)
    open_stores(project.root, settings.stores)
    settings = tunable(settings, suite)
    found = get_version(project.root, version or None, model=settings.gate.model)
    path = project.version_results(found.version)
    with (
        folder_lock(project.root, path.parent, WAIT_S if deployed() else 0.0),
        evaluation_run(project.root, settings) as run_id,
    ):
        models = beside(settings, project, found.version)
        remembered(
            measure_version, config=settings, models=models, project=project, version=found.version
        )
        results, report = read_json(path), path.with_name("report.html")
        show_evaluation(project, results, report)
        log_evaluation(project.root, run_id, results, report)
    return {"version": found.version, "results": str(path), "run_id": run_id}


def beside(config: Config, project: Layout, version: str) -> dict[str, Path | None]:
    """The version, the profile's agents without learning, and the champion if it is another."""
    model = config.gate.model
    simple = [name for name in config.evaluate.agents if name not in MODEL_AGENTS]
    agents: dict[str, Path | None] = dict.fromkeys(simple)
    agents |= {SHARED_ARM: model_dir(project.root, version, model=model)}
    now = reigning(project.root, model)
    if now and now["version"] != version:
        agents |= {"champion": Path(now["folder"])}
    return agents
