"""The commands about models: train, evaluate, promote, rollback, compare.

Each calls one library function; heavy imports wait until the command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jamel.cli.common import (
    DEFAULT_PROFILE,
    ArmOption,
    ConfigOption,
    JsonOption,
    comma_list,
    example,
    here,
    present,
    profile,
)
from jamel.errors import ConfigError
from jamel.layout import Layout

SIMPLE_AGENTS = frozenset({"random", "least-tried", "frontier", "planner", "oracle-1", "oracle-2"})
MEMORY_ABLATIONS = frozenset({"zeroed-memory", "shuffled-memory"})
"""Agents that run the jamel model with its memory tampered with."""


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
    app.command(epilog=example("jamel compare", "jamel compare --json build/compare.json"))(compare)


def train(
    config: ConfigOption = DEFAULT_PROFILE,
    arm: ArmOption = "jamel",
    rounds: Annotated[int | None, typer.Option(help="Train on rounds 0 to this, else all.")] = None,
    updates: Annotated[int | None, typer.Option(help="Overrides train.updates.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the model goes.")] = None,
    json: JsonOption = None,
) -> None:
    """Train memory and policy together on labelled sessions; a killed training resumes."""
    from jamel.train import train as run

    project = here()
    rounds = project.last_round(arm) if rounds is None else rounds
    sessions, labels = (project.shards(kind, arm, rounds) for kind in ("sessions", "labels"))
    settings = profile(config, train={"updates": updates})
    result = run(settings, sessions, labels, out or project.model(arm, rounds), arm=arm)
    last = result.losses[-1] if result.losses else None
    row = {"arm": arm, "updates": result.updates, "last_loss": last, "model": str(result.path)}
    present([row], f"Trained on {result.samples} sessions in {result.seconds:.0f} s", json)


def agent_models(names: tuple[str, ...], project: Layout, model: Path | None) -> dict[str, Any]:
    """Every agent's model folder, None for agents without one; raises ConfigError if one lacks."""
    return {name: _agent_model(name, project, model) for name in names}


def _agent_model(name: str, project: Layout, model: Path | None) -> Path | None:
    if name in SIMPLE_AGENTS:
        return None
    arm = "jamel" if name in MEMORY_ABLATIONS else name
    found = model if model is not None and arm == "jamel" else project.last_model(arm)
    if found is None:
        raise ConfigError(
            f"expected a trained model of '{arm}' under {project.build / 'models' / arm}, found "
            f"none. Run jamel train --arm {arm}, or leave '{name}' out of --agents."
        )
    return found


def evaluate(
    config: ConfigOption = DEFAULT_PROFILE,
    suite: Annotated[str | None, typer.Option(help="Overrides evaluate.suite.")] = None,
    agents: Annotated[str | None, typer.Option(help="Overrides evaluate.agents.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Overrides evaluate.seeds.")] = None,
    budget: Annotated[int | None, typer.Option(help="Overrides evaluate.budget.")] = None,
    apps: Annotated[int | None, typer.Option(help="Only the suite's first apps.")] = None,
    model: Annotated[Path | None, typer.Option(help="The jamel model, else the last one.")] = None,
    report: Annotated[Path | None, typer.Option(help="Where the HTML report goes.")] = None,
    metrics: Annotated[Path | None, typer.Option(help="Also write the means as JSON.")] = None,
    json: JsonOption = None,
) -> None:
    """Measure agents on apps no model has seen, with intervals over apps and paired differences."""
    from jamel.evaluate import evaluate as run
    from jamel.evaluate import write_json
    from jamel.report import write_report
    from jamel.tables import final_budget, summarise
    from jamel.tables import write_json as save

    numbers = comma_list(seeds)
    overrides = {
        "suite": suite,
        "agents": comma_list(agents),
        "seeds": None if numbers is None else tuple(_integer(part) for part in numbers),
        "budget": budget,
        "apps": apps,
    }
    settings = profile(config, evaluate=overrides)
    project, chosen = here(), settings.evaluate
    models = agent_models(chosen.agents, project, model)
    results = run(settings, models, apps=chosen.apps)
    write_json(results, json or project.results)
    final = final_budget(results)
    means = summarise(final["rows"])
    if metrics is not None:
        save(metrics, {row["agent"]: row for row in means})
    present(means, f"{chosen.suite}, {chosen.budget} steps", None)
    present(final["paired"], "Paired differences over apps, 95 % intervals", None)
    typer.echo(f"report: {write_report(results, report or project.report)}")


def _integer(text: str) -> int:
    if not text.lstrip("-").isdigit():
        raise ConfigError(f"expected whole numbers in --seeds, such as 0,1,2; found '{text}'.")
    return int(text)


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


def compare(json: JsonOption = None) -> None:
    """Show the registered versions side by side: figures, dataset, commit, champion or not."""
    from jamel import registry

    present(registry.compare(here().root), "Registered models", json)
