"""The whole loop as one flow: collect, label, train, validate, version, evaluate, promote.

Only the order is decided here. `python -m pipelines.retrain --config configs/laptop.yaml` runs it
in the current directory with Prefect's ephemeral server; prefect.yaml schedules it.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from jamel.config import Config, config_digest, load_config
from jamel.errors import JamelError
from jamel.layout import Layout
from jamel.stores import open_stores, project_lock
from jamel.tables import write_json
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
    promote_candidate,
    register_model,
    write_final_report,
)
from pipelines.summary import print_summary
from pipelines.train import train_arm

ABLATED_AT_TEST_TIME = {"zeroed-memory": "jamel", "shuffled-memory": "jamel"}


@flow(name="retrain", task_runner=ThreadPoolTaskRunner(max_workers=2))  # type: ignore[arg-type]
def retrain(config: str = "configs/laptop.yaml", grow: bool = False) -> dict[str, Any]:
    """Run the loop in the current directory.

    Args:
        config: the profile.
        grow: explore fresh apps with the last models on top of the rounds that are there, instead
            of taking up the rounds that a former run finished.

    Raises:
        StoreError: the stores are missing.
        Busy: another run holds the project.
    """
    began = time.monotonic()
    project = Layout.at()
    settings = load_config(project.root / config)
    open_stores(project.root)
    with project_lock(project.root):
        outcome = loop(settings, project, grow)
    return outcome | {"seconds": round(time.monotonic() - began, 1)}


def loop(config: Config, project: Layout, grow: bool = False) -> dict[str, Any]:
    """The steps of the loop, in order; the caller holds the project."""
    collect_and_label(config, project, 0)
    validate_dataset(project)
    models = train_arms(config, project, grow)
    validation = validate_dataset(project)
    require_valid(validation)
    dataset = version_dataset(project, f"dataset/{config_digest(config)}")
    agents = agents_to_measure(config, models, champion_model(project))
    remembered(evaluate_models, config=config, models=agents, project=project)
    version = register_model(config, project, models["jamel"], validation)
    decision = promote_candidate(config, project, version)
    write_final_report(project, decision, {"model version": version, "dataset md5": dataset})
    return {"dataset": dataset, "validation": validation, "decision": decision}


def trained_arms(config: Config) -> list[str]:
    """The arms to train: jamel and those that the evaluation names."""
    from jamel.agents import MODEL_AGENTS

    wanted = [ABLATED_AT_TEST_TIME.get(name, name) for name in config.evaluate.agents]
    return list(dict.fromkeys(["jamel", *(name for name in wanted if name in MODEL_AGENTS)]))


def train_arms(config: Config, project: Layout, grow: bool) -> dict[str, Path]:
    """Every arm through its own on-policy rounds, side by side with a core each."""
    arms = trained_arms(config)
    share = config.collect.model_copy(
        update={"workers": max(1, config.collect.workers // len(arms))}
    )
    alone = config.model_copy(update={"collect": share})
    running = {arm: arm_rounds.submit(alone, project, arm, grow) for arm in arms}
    return {arm: Path(future.result()) for arm, future in running.items()}


@step("arm", retries=0)
def arm_rounds(config: Config, project: Layout, arm: str, grow: bool) -> str:
    """One arm: train on what is there, then explore with the model, label, and train again."""
    start = project.last_round(arm) if grow else 0
    model = train_round(config, project, arm, start, project.last_model(arm) if grow else None)
    for index in range(start + 1, start + 1 + config.rounds.on_policy):
        collect_and_label(config, project, index, arm, model)
        model = train_round(config, project, arm, index, model)
    return str(model)


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


def train_round(
    config: Config, project: Layout, arm: str, round_index: int, init_from: Path | None
) -> Path:
    """Train an arm on rounds 0 to `round_index`, starting from its last model."""
    out_dir = project.model(arm, round_index)
    start = None if init_from == out_dir else init_from
    trained = remembered(
        train_arm,
        config=config,
        sessions=project.shards("sessions", arm, round_index),
        labels=project.shards("labels", arm, round_index),
        out_dir=out_dir,
        arm=arm,
        init_from=start,
    )
    return Path(trained["model"])


def agents_to_measure(
    config: Config, models: dict[str, Path], champion: str | None
) -> dict[str, Path | None]:
    """The agents of the profile with their models, and the champion if there is one."""
    agents = {
        name: models.get(ABLATED_AT_TEST_TIME.get(name, name)) for name in config.evaluate.agents
    }
    return agents | ({"champion": Path(champion)} if champion else {})


def main() -> None:
    """Entry point of `python -m pipelines.retrain`."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.retrain", description=__doc__)
    parser.add_argument("--config", default="configs/laptop.yaml", help="the profile")
    parser.add_argument("--grow", action="store_true", help="add fresh rounds to what is there")
    options = parser.parse_args()
    try:
        outcome = retrain(config=options.config, grow=options.grow)
    except JamelError as error:
        print(f"jamel: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    write_json(Layout.at().build / "outcome.json", outcome)
    print_summary(Layout.at(), outcome)


if __name__ == "__main__":
    main()
