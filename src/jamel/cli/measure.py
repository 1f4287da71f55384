"""The commands that measure: evaluate, tune, study, results.

Each calls one library function; heavy imports wait until the command runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jamel.cli.common import (
    DEFAULT_PROFILE,
    ConfigOption,
    JsonOption,
    comma_list,
    example,
    here,
    present,
    profile,
)
from jamel.cli.model_folders import agent_models
from jamel.cli.progress import progress_bar
from jamel.disk import write_json
from jamel.errors import ConfigError

if TYPE_CHECKING:
    from jamel.config import Config, EvaluateConfig
    from jamel.layout import Layout

DEFAULT_GRID = Path("configs/tune.yaml")


def register(app: typer.Typer) -> None:
    """Add this file's commands to the application."""
    app.command(
        epilog=example(
            "jamel evaluate --suite valid --agents planner,jamel --seeds 0,1 --json r.json"
        )
    )(evaluate)
    app.command(epilog=example("jamel tune", "jamel tune --agents planner,jamel --json t.json"))(
        tune
    )
    app.command(epilog=example("jamel study --config configs/study.yaml --out docs/results.md"))(
        study
    )
    app.command(epilog=example("jamel results build/*/evaluation/*.json --out docs/results.md"))(
        results
    )


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
    from jamel.devices import world_of
    from jamel.evaluate import evaluate as run
    from jamel.reach import search_unknown
    from jamel.report import write_report
    from jamel.stores import has_stores

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
    known, start = [settings.gate.model], settings.rounds.start
    models = agent_models(settings.evaluate.agents, project, model, known, start)
    world = world_of(settings.device)
    measured = world.to_search(world.app_names(settings.evaluate.suite, settings.evaluate.apps))
    with progress_bar("searching what can be reached") as progress:
        search_unknown(measured, settings.evaluate.workers, progress)
    with _tracked(settings, project, track and has_stores(project.root)) as log:
        with progress_bar("evaluate") as progress:
            results = run(settings, models, progress)
        write_json(json or project.results, results)
        if metrics is not None:
            write_json(metrics, _repeatable_means(results))
        _present_results(results, settings.evaluate)
        page = write_report(results, report or project.report)
        typer.echo(f"report: {page}")
        log(results, page)


@contextmanager
def _tracked(
    config: Config, project: Layout, wanted: bool
) -> Iterator[Callable[[dict[str, Any], Path], None]]:
    """What logs an evaluation to an MLflow run that is open meanwhile; nothing where not wanted."""
    if not wanted:
        yield lambda results, page: None
        return
    from jamel.registry import evaluation_run, log_evaluation

    with evaluation_run(project.root, config) as run_id:

        def log(results: dict[str, Any], page: Path) -> None:
            log_evaluation(project.root, run_id, results, page)
            typer.echo(f"MLflow run: {run_id}")

        yield log


def tune(
    config: ConfigOption = DEFAULT_PROFILE,
    grid: Annotated[Path, typer.Option(help="What is tried, and on which suite.")] = DEFAULT_GRID,
    agents: Annotated[str | None, typer.Option(help="Overrides evaluate.agents.")] = None,
    model: Annotated[Path | None, typer.Option(help="The jamel model, else the last one.")] = None,
    keep: Annotated[
        bool, typer.Option(help="Write the best to the profile's `tuned` file.")
    ] = True,
    json: JsonOption = None,
) -> None:
    """Try every agent's settings on `valid` and keep the best where evaluations read them."""
    from jamel.stores import has_stores
    from jamel.tune import grid_of, keep_best, read_grid
    from jamel.tune import tune as run

    settings, tried = profile(config, evaluate={"agents": comma_list(agents)}), read_grid(grid)
    project, target = here(settings), _tuned_file(config, settings, keep)
    names = [name for name in settings.evaluate.agents if grid_of(tried, name)]
    folders = agent_models(names, project, model, [settings.gate.model])
    with progress_bar("tune") as progress:
        found = run(settings, tried, folders, progress)
    rows = [asdict(item) for item in found]
    present([_tried_row(row) for row in rows], f"{tried.suite}, {tried.budget} steps", json, rows)
    if target is not None:
        typer.echo(f"best settings: {keep_best(found, tried, target)}")
    if has_stores(project.root):
        from jamel.registry import track_table

        run_id = track_table(project.root, settings, [_tried_row(row) for row in rows], "tune")
        typer.echo(f"MLflow run: {run_id}")


def _tuned_file(path: Path, settings: Config, keep: bool) -> Path | None:
    if not keep:
        return None
    if not settings.tuned:
        raise ConfigError(
            f"expected {path} to name a file for the best settings, found none. Add the line "
            "'tuned: tuned.yaml' to it, or try without keeping: jamel tune --no-keep."
        )
    return path.parent / settings.tuned


def _tried_row(row: Mapping[str, Any]) -> dict[str, Any]:
    mean, low, high = row["coverage"]
    behind = "" if row["best"] else "{:+.1f} [{:+.1f}, {:+.1f}]".format(*row["behind"])
    return {
        "agent": row["agent"],
        "settings": ", ".join(f"{key} {value}" for key, value in row["settings"].items()),
        "coverage": f"{mean:.1f} [{low:.1f}, {high:.1f}]",
        "against the best": behind,
    }


def results(
    files: Annotated[list[Path], typer.Argument(help="What jamel evaluate --json wrote.")],
    out: Annotated[Path | None, typer.Option(help="Also write the page, as Markdown.")] = None,
    json: JsonOption = None,
) -> None:
    """Judge the goals by evaluations of several suites, noise levels and training seeds."""
    _judge(files, out, json)


def study(
    config: ConfigOption = Path("configs/study.yaml"),
    folder: Annotated[
        Path | None, typer.Option(help="Holds all that is made, else build/<profile>/study.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the page, as Markdown.")] = None,
    json: JsonOption = None,
) -> None:
    """Train the arms of `study` from their seeds and measure them: the evidence, in hours.

    A study that was stopped goes on where it was when it is started again.
    """
    from jamel.study import study as run

    settings = profile(config)
    with progress_bar("study") as progress:
        files = run(settings, folder or here(settings).made / "study", progress)
    _judge(files, out, json)


def _judge(files: list[Path], out: Path | None, json: Path | None) -> None:
    from jamel.disk import write_text
    from jamel.evaluate import read_json
    from jamel.results import Measured, results_page, verdicts

    measured = Measured([read_json(path) for path in files])
    present([verdict._asdict() for verdict in verdicts(measured)], "Goals", json)
    if out is not None:
        typer.echo(f"page: {write_text(out, results_page(measured))}")


def _repeatable_means(results: Mapping[str, Any]) -> dict[str, Any]:
    """Agent -> what the same data gives again: all but the time of a decision."""
    from jamel.statistics import final_budget
    from jamel.tables import mean_rows

    means = mean_rows(final_budget(results)["rows"], measured=False)
    return {row.pop("agent"): row for row in means}


def _present_results(results: Mapping[str, Any], measured: EvaluateConfig) -> None:
    from jamel.tables import agents_table, pairs_table, reliability_table

    title = f"{measured.suite}, {results['meta']['apps']} apps, means [95 % intervals over apps]"
    present(agents_table(results), title, None)
    if "reliability" in results:
        believed = reliability_table(results["reliability"])
        present(believed, "How far the models' figures can be believed", None)
    subject = "jamel" if "jamel" in measured.agents else measured.agents[-1]
    pairs = pairs_table(results, subject)
    present(pairs, f"{subject} against each, {measured.budget} steps", None)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(
            f"expected whole numbers in --seeds, such as 0,1,2; found '{text}'."
        ) from None
