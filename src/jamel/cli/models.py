"""The commands about models: from train and calibrate to promote, rollback, monitor and compare.

Each calls one library function; heavy imports wait until the command runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
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
    folder_lock,
    here,
    present,
    profile,
)
from jamel.cli.progress import progress_bar
from jamel.disk import write_json
from jamel.errors import ConfigError, DatasetError
from jamel.layout import SHARED_ARM, Layout

VersionArgument = Annotated[str, typer.Argument(help="The version's number.")]
ByOption = Annotated[str, typer.Option("--by", help="Who decides, for the audit.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the audit.")]


def register(app: typer.Typer) -> None:
    """Add this file's commands to the application."""
    app.command(epilog=example("jamel train --arm no-memory --updates 200"))(train)
    app.command(
        epilog=example("jamel calibrate", "jamel calibrate --model build/laptop/models/mine")
    )(calibrate)
    app.command(epilog=example("jamel monitor", "jamel monitor --last 1 --json m.json"))(monitor)
    app.command(epilog=example("jamel promote", "jamel promote --version 3"))(promote)
    app.command(
        epilog=example('jamel approve 4 --by "Ada Byron" --reason "better on every family"')
    )(approve)
    app.command(
        epilog=example('jamel refuse 4 --by "Ada Byron" --reason "the release is tomorrow"')
    )(refuse)
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
    """Train memory and policy together on labelled sessions; a killed training resumes.

    Under torchrun (python -m torch.distributed.run) several processes share the work.
    """
    from jamel.dataset import require_unchanged
    from jamel.train import is_first_process
    from jamel.train import train as run

    settings = profile(config, train={"updates": updates})
    project = here(settings)
    rounds = _labelled_rounds(project, checked_arm(arm), rounds)
    require_unchanged(project.root)
    sessions, labels = (project.shards(kind, arm, rounds) for kind in ("sessions", "labels"))
    folder, total = out or project.model(arm, rounds), settings.train.updates
    work = partial(run, settings, sessions, labels, folder, arm=arm, features=project.features)
    if not is_first_process():
        # The first holds the folder, writes and reports.
        work()
        return
    with folder_lock(project.root, folder), progress_bar("train") as progress:

        def told(done: int, metrics: Mapping[str, float]) -> None:
            progress(done, total, " ".join(f"{key} {metrics[key]:.3g}" for key in metrics))

        result = work(on_metrics=told)
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


def monitor(
    config: ConfigOption = DEFAULT_PROFILE,
    last: Annotated[int, typer.Option(min=1, help="How many of its later rounds.")] = 4,
    sessions: Annotated[int, typer.Option(min=2, help="At most so many on each side.")] = 48,
    json: JsonOption = None,
) -> None:
    """Compare the champion's later sessions with its first round after promotion.

    Exit status 1 when it reaches new code less often, or its figures come true less, than then.
    """
    from jamel import registry
    from jamel.monitor import monitor as run
    from jamel.monitor import own_rounds

    settings = profile(config)
    project = here(settings)
    model = registry.champion_dir(project.root, model=settings.gate.model)
    if model is None:
        raise DatasetError("expected a champion to watch, found none. Promote a version first.")
    rounds = own_rounds(project.session_rounds(SHARED_ARM), model)
    workers = settings.evaluate.workers
    with progress_bar("monitor") as progress:
        found = run(model, rounds, last=last, sessions=sessions, workers=workers, progress=progress)
    title = f"{found['first']} and {', '.join(found['last'])}, 95 % intervals over {found['unit']}s"
    present(found["measures"], title, json, found)
    if found["fell"]:
        raise typer.Exit(1)


def promote(
    config: ConfigOption = DEFAULT_PROFILE,
    version: Annotated[str | None, typer.Option(help="Which version, else the last.")] = None,
    by: ByOption = "",
    reason: ReasonOption = "",
    json: JsonOption = None,
) -> None:
    """Make a registered version champion, if the gate lets it; or have it wait for approval."""
    from jamel import registry

    settings = profile(config)
    root = here(settings).root
    outcome = registry.promote(root, version, settings.gate, by=by, reason=reason)
    present([outcome], "Promotion", json)


def approve(
    version: VersionArgument,
    by: ByOption,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT_PROFILE,
    json: JsonOption = None,
) -> None:
    """Make a version champion that waits for a person to say so."""
    from jamel import registry

    settings = profile(config)
    outcome = registry.approve(here(settings).root, version, by, reason, settings.gate)
    present([_without_conditions(outcome)], "Approval", json, outcome)


def refuse(
    version: VersionArgument,
    by: ByOption,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT_PROFILE,
    json: JsonOption = None,
) -> None:
    """Refuse a version that waits for approval; the champion stays."""
    from jamel import registry

    settings = profile(config)
    outcome = registry.refuse(here(settings).root, version, by, reason, settings.gate)
    present([_without_conditions(outcome)], "Refusal", json, outcome)


def _without_conditions(outcome: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in outcome.items() if key not in ("conditions", "answered")}


def rollback(
    config: ConfigOption = DEFAULT_PROFILE,
    by: ByOption = "",
    reason: ReasonOption = "",
    json: JsonOption = None,
) -> None:
    """Give the champion's alias back to the version of the profile's model that held it before."""
    from jamel import registry

    settings = profile(config)
    root, model = here(settings).root, settings.gate.model
    done = registry.rollback(root, model=model, by=by, reason=reason)
    present([done], "Rollback", json)


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

    settings = profile(config)
    root, model = here(settings).root, settings.gate.model
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
