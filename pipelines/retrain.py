"""The loop as one flow: collect, label, validate, version, train, calibrate, evaluate, promote.

Only the order is decided here. `python -m pipelines.retrain --config configs/laptop.yaml` runs it
in the current directory with Prefect's ephemeral server; prefect.yaml schedules it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from jamel.agents import arm_of
from jamel.config import Config, load_config, with_key
from jamel.dataset import open_for_changes
from jamel.disk import full_disk_is_a_store_error, write_json
from jamel.errors import JamelError
from jamel.evaluate import read_json
from jamel.gate import rivals
from jamel.layout import SHARED_ARM, Layout
from jamel.stores import open_stores
from pipelines.artifacts import show_evaluation
from pipelines.caching import remembered
from pipelines.evaluate import committed_since, evaluate_models
from pipelines.isolation import load_ahead
from pipelines.promote import (
    champion_model,
    compare_with_champion,
    is_champion,
    promote_candidate,
    register_model,
    start_model,
    write_final_report,
)
from pipelines.rounds import run_rounds
from pipelines.stopping import end_server_with_us, stop_at_once_on_signals
from pipelines.summary import print_summary
from pipelines.tracking import tracked
from pipelines.train import calibrate_model
from pipelines.turns import alone


@flow(name="retrain", task_runner=ThreadPoolTaskRunner(max_workers=2))  # type: ignore[arg-type]
def retrain(config: str = "configs/laptop.yaml", grow: bool = False) -> dict[str, Any]:
    """Run the loop in the current directory.

    Args:
        config: the profile.
        grow: explore fresh apps with the last models on top of the rounds that are there, instead
            of taking up the rounds that a former run finished.

    Raises:
        ConfigError: the profile is wrong, or its gate names an agent that cannot be measured.
        StoreError: the stores are missing.
        DatasetError: a pinned shard was changed or removed by hand.
        Busy: another run holds the project; a run of a deployment waits for it first.
    """
    began = time.monotonic()
    settings = with_key(load_config(config), os.environ)
    project = Layout.of(settings)
    # Said now rather than by the gate, hours later.
    rivals(settings.gate)
    end_server_with_us()
    load_ahead()
    open_stores(project.root, settings.stores)
    with alone(project), open_for_changes(project.root):
        outcome = loop(settings, project, grow)
    outcome |= {"seconds": round(time.monotonic() - began, 1)}
    write_json(project.outcome, outcome)
    return outcome


def loop(config: Config, project: Layout, grow: bool = False) -> dict[str, Any]:
    """The steps of the loop, in order; the caller holds the project."""
    start = start_model(config, project)
    with tracked(config, project) as run_id:
        done = run_rounds(config, project, grow, run_id, start)
        model, now = done.models[SHARED_ARM], champion_model(config, project)
        if config.calibrate.apps:
            remembered(calibrate_model, config=config, project=project, model=model)
        # The same data and settings give the same weights: there is nothing new to register.
        again = now["version"] if now and is_champion(model, now) else ""
        agents = agents_to_measure(config, done.models, None if again else now, start)
        remembered(
            evaluate_models,
            refresh=committed_since(config, project),
            config=config,
            models=agents,
            project=project,
            rounds=done.rounds,
        )
        show_evaluation(project, read_json(project.results), project.report)
        version = again or register_model(config, project, model, done.validation, run_id)
        if now and not again:
            compare_with_champion(config, project, version, now["version"])
        decision = promote_candidate(config, project, version)
        lineage = {"model version": version, "dataset md5": done.dataset, "MLflow run": run_id}
        write_final_report(project, decision, lineage)
    return {
        "dataset": done.dataset,
        "validation": done.validation,
        "decision": decision,
        "run_id": run_id,
    }


def agents_to_measure(
    config: Config,
    models: Mapping[str, Path | None],
    champion: Mapping[str, str] | None,
    start: Path | None = None,
) -> dict[str, Path | None]:
    """The agents of the profile with their models, the champion, and what the rounds began with."""
    agents = {name: models.get(arm_of(name)) for name in config.evaluate.agents}
    agents |= {"champion": Path(champion["folder"])} if champion else {}
    return agents | ({"transferred": start} if start else {})


def main() -> None:
    """Entry point of `python -m pipelines.retrain`."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.retrain", description=__doc__)
    parser.add_argument("--config", default="configs/laptop.yaml", help="the profile")
    parser.add_argument("--grow", action="store_true", help="add fresh rounds to what is there")
    options = parser.parse_args()
    stop_at_once_on_signals()
    end_server_with_us()
    load_ahead()  # While Prefect's server starts.
    try:
        with full_disk_is_a_store_error(Path.cwd()):
            outcome = retrain(config=options.config, grow=options.grow)
    except JamelError as error:
        print(f"jamel: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    print_summary(Layout.of(load_config(options.config)), outcome)


if __name__ == "__main__":
    main()
