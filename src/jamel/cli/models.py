"""The commands about models: train, calibrate, promote, rollback, compare.

Each calls one library function; heavy imports wait until the command runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from jamel.cli.common import (
    DEFAULT_PROFILE,
    ArmOption,
    ConfigOption,
    JsonOption,
    checked_arm,
    example,
    here,
    present,
    profile,
)
from jamel.cli.progress import progress_bar
from jamel.disk import write_json
from jamel.errors import ConfigError, DatasetError
from jamel.layout import Layout
from jamel.stores import folder_lock


def register(app: typer.Typer) -> None:
    """Add this file's commands to the application."""
    app.command(epilog=example("jamel train --arm no-memory --updates 200"))(train)
    app.command(
        epilog=example("jamel calibrate", "jamel calibrate --model build/laptop/models/mine")
    )(calibrate)
    app.command(epilog=example("jamel promote", "jamel promote --version 3"))(promote)
    app.command(epilog=example("jamel rollback"))(rollback)
    app.command(epilog=example("jamel compare", "jamel compare 3 champion --html build/3.html"))(
        compare
    )


def train(
    config: ConfigOption = DEFAULT_PROFILE,
    arm: ArmOption = "jamel",
    rounds: Annotated[int | None, typer.Option(help="Train on rounds 0 to this, else all.")] = None,
    updates: Annotated[int | None, typer.Option(help="Overrides train.updates.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the model goes.")] = None,
    json: JsonOption = None,
) -> None:
    """Train memory and policy together on labelled sessions; a killed training resumes."""
    from jamel.dataset import require_unchanged
    from jamel.train import train as run

    settings = profile(config, train={"updates": updates})
    project = here(settings)
    rounds = _labelled_rounds(project, checked_arm(arm), rounds)
    require_unchanged(project.root)
    sessions, labels = (project.shards(kind, arm, rounds) for kind in ("sessions", "labels"))
    folder, total = out or project.model(arm, rounds), settings.train.updates
    with folder_lock(project.root, folder), progress_bar("train") as progress:

        def told(done: int, metrics: Mapping[str, float]) -> None:
            progress(done, total, " ".join(f"{key} {metrics[key]:.3g}" for key in metrics))

        result = run(
            settings, sessions, labels, folder, arm=arm, on_metrics=told, features=project.features
        )
    last = result.losses[-1] if result.losses else None
    row = {"arm": arm, "updates": result.updates, "last_loss": last, "model": str(result.path)}
    present([row], f"Trained on {result.samples} sessions in {result.seconds:.0f} s", json)


def calibrate(
    config: ConfigOption = DEFAULT_PROFILE,
    arm: ArmOption = "jamel",
    model: Annotated[Path | None, typer.Option(help="The arm's model, else the last one.")] = None,
    apps: Annotated[int | None, typer.Option(help="Overrides calibrate.apps.")] = None,
    json: JsonOption = None,
) -> None:
    """Let a model explore `valid` and write what its figures stand for into its folder."""
    from jamel.calibrate import calibrate as run
    from jamel.cli.model_folders import agent_models, checked_model
    from jamel.tables import reliability_table

    settings = profile(config, calibrate={"apps": apps})
    project = here(settings)
    named = settings.gate.model
    found = model or agent_models([checked_arm(arm)], project, None, [named])[arm]
    folder = checked_model(found or Path())
    with folder_lock(project.root, folder), progress_bar("calibrate") as progress:
        result = run(settings, folder, arm, progress)
    title = f"{result['suite']}, {result['apps']} apps, on apps that a fit did not see"
    present(reliability_table({arm: result["reliability"]}), title, json, result)
    typer.echo(f"calibration: {result['path']}")


def _labelled_rounds(project: Layout, arm: str, wanted: int | None) -> int:
    """The last round to train on, all there are unless fewer are wanted; raises DatasetError."""
    last = project.last_round(arm)
    if wanted is not None and wanted > last:
        raise DatasetError(
            f"expected labels of rounds 0 to {wanted} for '{arm}', found them up to round {last}. "
            f"Run jamel collect and jamel label with --round {last + 1} first."
        )
    return last if wanted is None else wanted


def promote(
    config: ConfigOption = DEFAULT_PROFILE,
    version: Annotated[str | None, typer.Option(help="Which version, else the last.")] = None,
    json: JsonOption = None,
) -> None:
    """Make a registered version champion, if the gate lets it."""
    from jamel import registry

    outcome = registry.promote(here().root, version, profile(config).gate)
    present([outcome], "Promotion", json)


def rollback(config: ConfigOption = DEFAULT_PROFILE, json: JsonOption = None) -> None:
    """Give the champion's alias back to the version of the profile's model that held it before."""
    from jamel import registry

    root, model = here().root, profile(config).gate.model
    present([registry.rollback(root, model=model)], "Rollback", json)


def compare(
    first: Annotated[str | None, typer.Argument(help="A version, an alias or a run id.")] = None,
    second: Annotated[str | None, typer.Argument(help="What it is compared with.")] = None,
    config: ConfigOption = DEFAULT_PROFILE,
    html: Annotated[Path | None, typer.Option(help="Also write one page with curves.")] = None,
    track: Annotated[
        bool, typer.Option("--track", help="Also log page and JSON to the first one's MLflow run.")
    ] = False,
    json: JsonOption = None,
) -> None:
    """Compare two models and what they are made of, or list the versions of the profile's model."""
    from jamel import registry

    root, model = here().root, profile(config).gate.model
    if first is None:
        rows = registry.compare(root, model=model)
        present([_short(row) for row in rows], f"Registered versions of {model}", json, rows)
        return
    if second is None:
        raise ConfigError(
            f"expected two models to compare, found only '{first}'. Name another version, an alias "
            f"or a run id: jamel compare {first} champion."
        )
    verb = registry.compare_tracked if track else registry.compare_two
    _present_comparison(verb(root, first, second, model=model), html, json)


def _present_comparison(found: Mapping[str, Any], html: Path | None, json: Path | None) -> None:
    from jamel import comparison

    for title, rows, otherwise in comparison.sections(found, comparison.SHORT):
        if rows:
            present(rows, title, None)
        else:
            typer.echo(f"{title}: {otherwise}")
    for line in (*found["notes"], comparison.verdict(found)):
        typer.echo(line)
    if json is not None:
        write_json(json, found)
    if html is not None:
        typer.echo(f"page {comparison.write_page(found, html)}")
    if "page" in found:
        typer.echo(f"page {found['page']}")


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    """A registered version as a line that fits a terminal; the JSON has it whole."""
    kept = ("version", "champion", "gate", "created", "coverage", "reward", "auc")
    renamed = {"tokens": "tokens_per_decision", "ms": "ms_per_decision"}
    short = {"dataset": "dataset_md5", "commit": "git_commit"}
    return (
        {name: row[name] for name in kept}
        | {name: row[key] for name, key in renamed.items()}
        | {name: row[key][:8] for name, key in short.items()}
    )
