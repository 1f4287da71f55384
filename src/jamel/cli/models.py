"""The commands about models: train, evaluate, promote, rollback, compare.

Each calls one library function; heavy imports wait until the command runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from jamel.cli.common import (
    DEFAULT_PROFILE,
    ArmOption,
    ConfigOption,
    JsonOption,
    checked_arm,
    comma_list,
    example,
    here,
    present,
    profile,
)
from jamel.cli.progress import progress_bar
from jamel.config import EvaluateConfig
from jamel.disk import write_json
from jamel.errors import ConfigError, DatasetError
from jamel.layout import SHARED_ARM, Layout
from jamel.stores import folder_lock, has_stores

MODEL_FILES = ("config.json", "model.safetensors")


def register(app: typer.Typer) -> None:
    """Add this file's commands to the application."""
    app.command(epilog=example("jamel train --arm no-memory --updates 200"))(train)
    app.command(
        epilog=example(
            "jamel evaluate --suite valid --agents planner,jamel --seeds 0,1 --json r.json"
        )
    )(evaluate)
    app.command(epilog=example("jamel promote", "jamel promote --version 3"))(promote)
    app.command(epilog=example("jamel rollback"))(rollback)
    app.command(epilog=example("jamel compare", "jamel compare 3 champion --json c.json"))(compare)


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

        result = run(settings, sessions, labels, folder, arm=arm, on_metrics=told)
    last = result.losses[-1] if result.losses else None
    row = {"arm": arm, "updates": result.updates, "last_loss": last, "model": str(result.path)}
    present([row], f"Trained on {result.samples} sessions in {result.seconds:.0f} s", json)


def _labelled_rounds(project: Layout, arm: str, wanted: int | None) -> int:
    """The last round to train on, all there are unless fewer are wanted; raises DatasetError."""
    last = project.last_round(arm)
    if wanted is not None and wanted > last:
        raise DatasetError(
            f"expected labels of rounds 0 to {wanted} for '{arm}', found them up to round {last}. "
            f"Run jamel collect and jamel label with --round {last + 1} first."
        )
    return last if wanted is None else wanted


def agent_models(
    names: Iterable[str], project: Layout, model: Path | None
) -> dict[str, Path | None]:
    """Every agent's model folder, None for agents without one; raises ConfigError if one lacks."""
    return {name: _agent_model(name, project, model) for name in names}


def _agent_model(name: str, project: Layout, model: Path | None) -> Path | None:
    from jamel.agents import MODEL_AGENTS, arm_of, known_agents
    from jamel.oracles import ORACLES

    if name not in known_agents() and name not in ORACLES:
        known = ", ".join([*known_agents(), *ORACLES])
        raise ConfigError(f"expected agents, each one of {known}; found '{name}'.")
    if name not in MODEL_AGENTS:
        return None
    if name == "champion":
        return _champion(project)
    arm = arm_of(name)
    if model is not None and arm == SHARED_ARM:
        return checked_model(model)
    found = project.last_model(arm)
    if found is None:
        raise ConfigError(
            f"expected a trained model of '{arm}' under {project.made / 'models' / arm}, found "
            f"none. Run jamel train --arm {arm}, or leave '{name}' out of --agents."
        )
    return found


def _champion(project: Layout) -> Path:
    from jamel import registry

    found = registry.champion_dir(project.root)
    if found is None:
        raise ConfigError(
            "expected a champion to evaluate, found none. Promote a version first, or leave "
            "'champion' out of --agents."
        )
    return found


def checked_model(folder: Path) -> Path:
    """The folder if it holds a trained model; raises ConfigError."""
    lacking = [name for name in MODEL_FILES if not (folder / name).is_file()]
    if lacking:
        raise ConfigError(
            f"expected a trained model in {folder}, found no {' and no '.join(lacking)} there. "
            "Name the folder that jamel train wrote, or leave --model out."
        )
    return folder


def evaluate(
    config: ConfigOption = DEFAULT_PROFILE,
    suite: Annotated[str | None, typer.Option(help="Overrides evaluate.suite.")] = None,
    agents: Annotated[str | None, typer.Option(help="Overrides evaluate.agents.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Overrides evaluate.seeds.")] = None,
    budget: Annotated[int | None, typer.Option(help="Overrides evaluate.budget.")] = None,
    apps: Annotated[int | None, typer.Option(help="Only the suite's first apps.")] = None,
    model: Annotated[Path | None, typer.Option(help="The jamel model, else the last one.")] = None,
    report: Annotated[Path | None, typer.Option(help="Where the HTML report goes.")] = None,
    latency: Annotated[
        bool | None, typer.Option("--latency", help="Also time decisions up to step 1,000.")
    ] = None,
    track: Annotated[
        bool, typer.Option(help="Log tables, plots and page to MLflow, where there are stores.")
    ] = True,
    metrics: Annotated[Path | None, typer.Option(help="Also write the means as JSON.")] = None,
    json: JsonOption = None,
) -> None:
    """Measure agents on apps no model has seen, with intervals over apps and paired differences."""
    from jamel.evaluate import evaluate as run
    from jamel.report import write_report

    numbers = comma_list(seeds)
    overrides = {
        "suite": suite,
        "agents": comma_list(agents),
        "seeds": None if numbers is None else tuple(_integer(part) for part in numbers),
        "budget": budget,
        "apps": apps,
        "latency": latency,
    }
    settings = profile(config, evaluate=overrides)
    project = here(settings)
    models = agent_models(settings.evaluate.agents, project, model)
    with progress_bar("evaluate") as progress:
        results = run(settings, models, progress)
    write_json(json or project.results, results)
    if metrics is not None:
        write_json(metrics, _repeatable_means(results))
    _present_results(results, settings.evaluate)
    page = write_report(results, report or project.report)
    typer.echo(f"report: {page}")
    if track and has_stores(project.root):
        from jamel.registry import track_evaluation

        typer.echo(f"MLflow run: {track_evaluation(project.root, settings, results, page)}")


def _repeatable_means(results: Mapping[str, Any]) -> dict[str, Any]:
    """Agent -> what the same data gives again: all but the time of a decision."""
    from jamel.statistics import final_budget
    from jamel.tables import mean_rows

    means = mean_rows(final_budget(results)["rows"], measured=False)
    return {row.pop("agent"): row for row in means}


def _present_results(results: Mapping[str, Any], measured: EvaluateConfig) -> None:
    from jamel.tables import agents_table, pairs_table

    title = f"{measured.suite}, {results['meta']['apps']} apps, means [95 % intervals over apps]"
    present(agents_table(results), title, None)
    subject = "jamel" if "jamel" in measured.agents else measured.agents[-1]
    pairs = pairs_table(results, subject, "coverage")
    present(pairs, f"{subject} against each, {measured.budget} steps", None)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(
            f"expected whole numbers in --seeds, such as 0,1,2; found '{text}'."
        ) from None


def promote(
    config: ConfigOption = DEFAULT_PROFILE,
    version: Annotated[str | None, typer.Option(help="Which version, else the last.")] = None,
    json: JsonOption = None,
) -> None:
    """Make a registered version champion, if the gate lets it."""
    from jamel import registry

    outcome = registry.promote(here().root, version, profile(config).gate)
    present([outcome], "Promotion", json)


def rollback(json: JsonOption = None) -> None:
    """Give the champion's alias back to the version that held it before."""
    from jamel import registry

    present([registry.rollback(here().root)], "Rollback", json)


def compare(
    first: Annotated[str | None, typer.Argument(help="A version, an alias or a run id.")] = None,
    second: Annotated[str | None, typer.Argument(help="What it is compared with.")] = None,
    json: JsonOption = None,
) -> None:
    """Compare two models app by app, or list the registered versions when none are named."""
    from jamel import registry

    root = here().root
    if first is None:
        rows = registry.compare(root)
        present([_short(row) for row in rows], "Registered models", json, rows)
        return
    if second is None:
        raise ConfigError(
            f"expected two models to compare, found only '{first}'. Name another version, an alias "
            f"or a run id: jamel compare {first} champion."
        )
    _present_comparison(registry.compare_two(root, first, second), first, second, json)


def _present_comparison(found: dict[str, Any], first: str, second: str, json: Path | None) -> None:
    sides = {"first": first, "second": second}
    present(_renamed(found["origin"], sides), f"{first} and {second}", None)
    present(_renamed(found["config"], sides), "Configuration, where it differs", None)
    present(_renamed(found["figures"], sides), "Figures of each one's own evaluation", None)
    title = f"{first} - {second}: paired differences over apps, 95 % intervals"
    present(_renamed(found["paired"], {"mine": first, "theirs": second}), title, json, found)
    if found["apps_left_out"]:
        typer.echo(f"left out, measured on another build: {', '.join(found['apps_left_out'])}")


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


def _renamed(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Columns under the names that were given; two of one name get a number."""
    shown = {key: f"{name} ({key})" for key, name in names.items()}
    if len(set(names.values())) == len(names):
        shown = dict(names)
    return [{shown.get(key, key): value for key, value in row.items()} for row in rows]
