"""The whole loop as one flow: collect, label, validate, version, train, evaluate, promote.

Only the order is decided here. `python -m pipelines.retrain --config configs/laptop.yaml` runs it
in the current directory with Prefect's ephemeral server; prefect.yaml schedules it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from jamel.agents import MODEL_AGENTS, arm_of
from jamel.config import Config, config_digest, load_config
from jamel.dataset import open_for_changes
from jamel.disk import full_disk_is_a_store_error, write_json
from jamel.errors import JamelError
from jamel.layout import SHARED_ARM, Layout
from jamel.stores import open_stores, project_lock
from pipelines.caching import remembered, step
from pipelines.collect import collect_round
from pipelines.evaluate import (
    evaluate_models,
    require_valid,
    set_unreadable_aside,
    validate_dataset,
    version_dataset,
)
from pipelines.label import label_round
from pipelines.promote import (
    champion_model,
    is_champion,
    promote_candidate,
    register_model,
    write_final_report,
)
from pipelines.stopping import end_server_with_us, stop_at_once_on_signals
from pipelines.summary import print_summary
from pipelines.tracking import tracked
from pipelines.train import train_arm


@flow(name="retrain", task_runner=ThreadPoolTaskRunner(max_workers=2))  # type: ignore[arg-type]
def retrain(config: str = "configs/laptop.yaml", grow: bool = False) -> dict[str, Any]:
    """Run the loop in the current directory.

    Args:
        config: the profile.
        grow: explore fresh apps with the last models on top of the rounds that are there, instead
            of taking up the rounds that a former run finished.

    Raises:
        StoreError: the stores are missing.
        DatasetError: a pinned shard was changed or removed by hand.
        Busy: another run holds the project.
    """
    began = time.monotonic()
    settings = load_config(config)
    project = Layout.at(profile=settings.profile)
    end_server_with_us()
    open_stores(project.root)
    with project_lock(project.root):
        open_for_changes(project.root)
        outcome = loop(settings, project, grow)
    outcome |= {"seconds": round(time.monotonic() - began, 1)}
    write_json(project.outcome, outcome)
    return outcome


def loop(config: Config, project: Layout, grow: bool = False) -> dict[str, Any]:
    """The steps of the loop, in order; the caller holds the project."""
    with tracked(config, project) as run_id:
        validation, dataset, models = run_rounds(config, project, grow, run_id)
        model, now = models["jamel"], champion_model(project)
        # The same data and settings give the same weights: there is nothing new to register.
        again = now["version"] if now and is_champion(model, now) else ""
        agents = agents_to_measure(config, models, None if again else now)
        remembered(evaluate_models, config=config, models=agents, project=project)
        version = again or register_model(config, project, model, validation, run_id)
        decision = promote_candidate(config, project, version)
        lineage = {"model version": version, "dataset md5": dataset, "MLflow run": run_id}
        write_final_report(project, decision, lineage)
    return {"dataset": dataset, "validation": validation, "decision": decision, "run_id": run_id}


def run_rounds(
    config: Config, project: Layout, grow: bool, run_id: str
) -> tuple[dict[str, Any], str, dict[str, Path]]:
    """Every round: collect, label, validate, version, train; returns the last one's outcome."""
    rounds = rounds_to_run(config, project, grow)
    models: dict[str, Path | None] = {
        arm: project.last_model(arm) if rounds.start else None for arm in trained_arms(config)
    }
    for index in rounds:
        collect_of_arms(config, project, index, models)
        validation = validate_dataset(project)
        require_valid(validation)
        tag = f"dataset/{config_digest(config)}/round-{index}"
        dataset = version_dataset(project, tag)
        trained = train_arms(config, project, index, models, run_id)
        models |= trained
    return validation, dataset, trained


def rounds_to_run(config: Config, project: Layout, grow: bool) -> range:
    """Rounds from the first on, or as many on-policy ones as the profile has beyond the last."""
    if grow and project.last_model("jamel") is not None:
        start = project.last_round("jamel") + 1
        return range(start, start + max(1, config.rounds.on_policy))
    return range(config.rounds.on_policy + 1)


def trained_arms(config: Config) -> list[str]:
    """The arms to train: jamel and those that the evaluation names."""
    wanted = [arm_of(name) for name in config.evaluate.agents if name in MODEL_AGENTS]
    return list(dict.fromkeys([SHARED_ARM, *wanted]))


def collect_of_arms(
    config: Config, project: Layout, index: int, models: Mapping[str, Path | None]
) -> None:
    """Round 0 for all arms together; later ones by every arm's own model, side by side."""
    if index == 0:
        collect_and_label(config, project, 0)
        return
    arms = trained_arms(config)
    share = max(1, config.collect.workers // len(arms))
    alone = config.model_copy(
        update={"collect": config.collect.model_copy(update={"workers": share})}
    )
    running = [collect_for_arm.submit(alone, project, index, arm, models[arm]) for arm in arms]
    for future in running:
        future.result()


def train_arms(
    config: Config, project: Layout, index: int, models: Mapping[str, Path | None], run_id: str
) -> dict[str, Path]:
    """Every arm on rounds 0 to `index`, side by side with a core each."""
    running = {
        arm: train_for_arm.submit(config, project, arm, index, models[arm], run_id)
        for arm in trained_arms(config)
    }
    return {arm: Path(future.result()) for arm, future in running.items()}


@step("collect for an arm", retries=0)
def collect_for_arm(
    config: Config, project: Layout, index: int, arm: str, model: Path | None
) -> None:
    """One arm's on-policy round."""
    collect_and_label(config, project, index, arm, model)


@step("train an arm", retries=0)
def train_for_arm(
    config: Config, project: Layout, arm: str, index: int, init_from: Path | None, run_id: str
) -> str:
    """Train an arm, starting from its model of the round before."""
    trained = remembered(
        train_arm,
        config=config,
        project=project,
        sessions=project.shards("sessions", arm, index),
        labels=project.shards("labels", arm, index),
        out_dir=project.model(arm, index),
        arm=arm,
        init_from=init_from,
        parent=run_id,
    )
    return str(trained["model"])


def collect_and_label(
    config: Config,
    project: Layout,
    round_index: int,
    arm: str | None = None,
    model: Path | None = None,
) -> None:
    """One round of an arm, or the round that all arms share when there is no arm."""
    name = project.round_name(arm or "jamel", round_index)
    remembered(
        collect_round,
        config=config,
        out_dir=project.sessions / name,
        round_index=round_index,
        arm=arm,
        model_dir=model,
    )
    sessions = project.sessions / name
    set_unreadable_aside(project, sessions)
    shards = sorted(sessions.glob("*.parquet"))
    remembered(label_round, config=config, sessions=shards, out_dir=project.labels / name)


def agents_to_measure(
    config: Config, models: Mapping[str, Path | None], champion: Mapping[str, str] | None
) -> dict[str, Path | None]:
    """The agents of the profile with their models, and the champion if there is one."""
    agents = {name: models.get(arm_of(name)) for name in config.evaluate.agents}
    return agents | ({"champion": Path(champion["folder"])} if champion else {})


def main() -> None:
    """Entry point of `python -m pipelines.retrain`."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.retrain", description=__doc__)
    parser.add_argument("--config", default="configs/laptop.yaml", help="the profile")
    parser.add_argument("--grow", action="store_true", help="add fresh rounds to what is there")
    options = parser.parse_args()
    stop_at_once_on_signals()
    try:
        with full_disk_is_a_store_error(Path.cwd()):
            outcome = retrain(config=options.config, grow=options.grow)
    except JamelError as error:
        print(f"jamel: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    print_summary(Layout.at(profile=load_config(options.config).profile), outcome)


if __name__ == "__main__":
    main()
