"""The commands that make and check data: collect, label, validate.

Each calls one library function; heavy imports wait until the command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jamel.cli.common import (
    DEFAULT_PROFILE,
    ArmOption,
    ConfigOption,
    JsonOption,
    checked_arm,
    comma_list,
    example,
    folder_lock,
    here,
    present,
    profile,
)
from jamel.cli.progress import progress_bar
from jamel.errors import DatasetError

RoundOption = Annotated[int, typer.Option("--round", min=0, help="The round of the loop.")]


def register(app: typer.Typer) -> None:
    """Add this file's commands to the application."""
    app.command(epilog=example("jamel collect --round 0 --apps 8 --agents random,planner"))(collect)
    app.command(epilog=example("jamel label --round 0"))(label)
    app.command(epilog=example("jamel validate", "jamel validate --json build/valid.json"))(
        validate
    )


def collect(
    config: ConfigOption = DEFAULT_PROFILE,
    round_index: RoundOption = 0,
    arm: ArmOption = "jamel",
    model: Annotated[Path | None, typer.Option(help="The model that explores.")] = None,
    suite: Annotated[str | None, typer.Option(help="Overrides collect.suite.")] = None,
    apps: Annotated[int | None, typer.Option(help="Overrides collect.apps.")] = None,
    agents: Annotated[str | None, typer.Option(help="Overrides collect.agents.")] = None,
    steps: Annotated[int | None, typer.Option(help="Overrides collect.steps.")] = None,
    json: JsonOption = None,
) -> None:
    """Explore apps and write one Parquet shard a session; what is there already is kept."""
    from jamel.collect import collect as run

    overrides = {"suite": suite, "apps": apps, "agents": comma_list(agents), "steps": steps}
    settings = profile(config, collect=overrides)
    project = here(settings)
    folder = project.sessions / project.round_name(checked_arm(arm), round_index)
    with folder_lock(project.root, folder), progress_bar("collect") as progress:
        shards = run(
            settings,
            folder,
            round_index=round_index,
            arm=arm if round_index else None,
            model_dir=model,
            progress=progress,
        )
    present(_shard_rows(shards), f"{len(shards)} sessions in {folder}", json)
    for reason in sorted((folder / "quarantine").glob("*.reason.txt")):
        typer.echo(f"set aside {reason.name.removesuffix('.reason.txt')}: {reason.read_text()}")


def label(
    config: ConfigOption = DEFAULT_PROFILE,
    round_index: RoundOption = 0,
    arm: ArmOption = "jamel",
    json: JsonOption = None,
) -> None:
    """Label every step of a round's sessions with the code it reached for the first time."""
    from jamel.label import label as run

    settings = profile(config)
    project = here(settings)
    name = project.round_name(checked_arm(arm), round_index)
    sessions = sorted((project.sessions / name).glob("*.parquet"))
    if not sessions:
        raise DatasetError(
            f"expected session shards in {project.sessions / name}, found none. "
            f"Run jamel collect --round {round_index} first."
        )
    folder = project.labels / name
    with folder_lock(project.root, folder), progress_bar("label") as progress:
        shards = run(settings, sessions, folder, progress)
    present(_shard_rows(shards), f"{len(shards)} label shards in {folder}", json)


def validate(
    config: ConfigOption = DEFAULT_PROFILE,
    out: Annotated[Path | None, typer.Option(help="Where the data docs go.")] = None,
    report_only: Annotated[bool, typer.Option(help="Leave broken shards where they are.")] = False,
    json: JsonOption = None,
) -> None:
    """Check every shard against the dataset's expectations; bad shards go to data/quarantine."""
    from jamel.validate import require
    from jamel.validate import validate as run

    project = here(profile(config))
    aside = None if report_only else project.quarantine
    folder = out or project.validation
    with folder_lock(project.root, folder):
        sessions, labels = project.every_shard("sessions"), project.every_shard("labels")
        result = run(sessions, labels, folder, aside)
    row = {
        "passed": result.passed,
        "expectations": result.evaluated,
        "sessions": result.sessions,
        "quarantined": len(result.quarantined),
        "data_docs": str(result.docs),
    }
    present([row], "Validation", json, result.as_dict())
    for app in result.unsized:
        typer.echo(
            f"{app}: how many probes it has is not known, so its coverage is a count and no share; "
            "`jamel device classes` lists them"
        )
    for path, reason in result.quarantined.items():
        typer.echo(f"quarantined {path}: {reason}")
    require(result)


def _shard_rows(shards: list[Path]) -> list[dict[str, object]]:
    return [{"shard": shard.name, "bytes": shard.stat().st_size} for shard in shards]
