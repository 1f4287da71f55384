"""The commands for a person with one app: explore it, and replay what was found.

Each calls one library function; heavy imports wait until the command runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jamel.cli.common import (
    DEFAULT_PROFILE,
    ConfigOption,
    JsonOption,
    example,
    here,
    present,
    profile,
)
from jamel.cli.progress import progress_bar
from jamel.disk import write_json
from jamel.errors import ConfigError, DeviceError
from jamel.layout import Layout

if TYPE_CHECKING:
    from jamel.agents import Agent
    from jamel.calibration import Calibration
    from jamel.config import Config
    from jamel.envs.linked import LinkedEnv
    from jamel.explore import Exploration, Shortened

SIMPLE = "planner"
APPS = (
    "An embedded app (test/0), the profile's package, or a web app: its address, or the folder "
    "that holds its index.html."
)
MOST_ROWS = 20
Short = list[tuple["Shortened", str]]


def register(app: typer.Typer) -> None:
    """Add this file's commands to the application."""
    app.command(
        epilog=example(
            "jamel explore test/0",
            "jamel explore com.example.app --config configs/android.yaml",
            "jamel explore http://127.0.0.1:8000/",
            "jamel explore test/0 --steps 500 --until-exhausted --certainty 0.9",
        )
    )(explore)
    app.command(epilog=example("jamel replay build/laptop/explore/test-0/session.jsonl"))(replay)


def explore(
    app: Annotated[str, typer.Argument(help=APPS)],
    config: ConfigOption = DEFAULT_PROFILE,
    agent: Annotated[
        str | None, typer.Option(help="By default the champion, planner while there is none.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="The folder of the agent's model.")] = None,
    steps: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many actions.")] = 120,
    seed: Annotated[int, typer.Option(help="Another seed makes other choices.")] = 0,
    until_exhausted: Annotated[
        bool, typer.Option("--until-exhausted", help="Stop when nothing is worth a step any more.")
    ] = False,
    certainty: Annotated[
        float, typer.Option(min=0, max=1, help="How sure a calibrated model has to be of that.")
    ] = 0.8,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="For others: novelty that is worth a step.")
    ] = 0.25,
    patience: Annotated[
        int, typer.Option(min=1, help="Stop after so many steps in a row of either.")
    ] = 10,
    out: Annotated[Path | None, typer.Option(help="Folder for the page and the scripts.")] = None,
    json: JsonOption = None,
) -> None:
    """Explore one app: a page of its screens and crashes, and scripts that do it again."""
    from jamel.explore import explore as run
    from jamel.explore import write_page, write_script

    settings = profile(config)
    project = here(settings)
    chosen, calibration = _agent(settings, project, agent, model)
    folder = out or project.made / "explore" / re.sub(r"[^\w.-]+", "-", app).strip(".-")
    with _opened(settings, app) as env, progress_bar("explore") as advance:
        found = run(
            chosen, env, seed=seed, steps=steps, reachable=_reachable(settings, app, env),
            until_exhausted=until_exhausted, calibration=calibration, certainty=certainty,
            threshold=threshold, patience=patience,
            picture=env.link.screenshot, trace=env.crash_trace, progress=_teller(advance, steps),
        )  # fmt: skip
        script = write_script(found.header, found.steps, folder / "session.jsonl")
        short = _shortest(found, env, folder)
    page = write_page(found, short, str(script), folder / "page.html")
    result = _result(found, short, script, page)
    _present(found, short, result, json)
    if found.stopped == "interrupted":
        raise typer.Exit(130)
    if found.stopped not in ("budget", "exhausted"):
        raise DeviceError(f"the exploration ended early: {found.stopped}. What was found is kept.")


def _agent(
    settings: Config, project: Layout, name: str | None, model: Path | None
) -> tuple[Agent, Calibration | None]:
    """The agent that was asked for, else the champion, else the best one without a model.

    With it comes the calibration of its model, where that has one.
    """
    from jamel.agents import known_agents, make_agent
    from jamel.calibration import read_calibration
    from jamel.cli.model_folders import agent_models

    if name is None:
        name = "jamel" if model is not None else _default_agent(settings, project)
    if name not in known_agents():
        known = ", ".join(known_agents())
        raise ConfigError(f"expected an agent, one of {known}; found '{name}'.")
    folder = model or agent_models([name], project, None, _champions(settings))[name]
    if folder is not None:
        from jamel.cli.model_folders import checked_model
        from jamel.parallel import one_torch_thread

        checked_model(folder)
        one_torch_thread()
    calibration = None if folder is None else read_calibration(folder)
    return make_agent(name, folder, settings=settings.agents), calibration


def _champions(settings: Config) -> list[str]:
    """Whose champion explores: the profile's own, else that of embedded apps."""
    from jamel.config import MODEL_NAME

    return list(dict.fromkeys([settings.gate.model, MODEL_NAME]))


def _default_agent(settings: Config, project: Layout) -> str:
    """`champion` where one was promoted. MLflow takes seconds to ask, a look at its file none."""
    from jamel.stores import has_stores

    if not has_stores(project.root):
        return SIMPLE
    from jamel import registry

    found = (registry.champion(project.root, model=name) for name in _champions(settings))
    return "champion" if any(found) else SIMPLE


@contextmanager
def _opened(settings: Config, app: str) -> Iterator[LinkedEnv]:
    """The app's environment."""
    from jamel.devices import open_env, world_of

    world = world_of(settings.device, app)
    name = world.named(app)
    with world.running(1) as running, closing(open_env(running, name)) as env:
        yield env


def _reachable(settings: Config, app: str, env: LinkedEnv) -> int:
    from jamel.devices import world_of

    world = world_of(settings.device, app)
    return world.known_probes(world.named(app), env)


def _teller(advance: Callable[..., None], steps: int) -> Callable[[Exploration], None]:
    """Tell the progress after each step: coverage, screens, crashes, what was done last."""
    told = 0

    def tell(found: Exploration) -> None:
        nonlocal told
        if len(found.crashes) > told:
            told = len(found.crashes)
            last = found.crashes[-1]
            typer.echo(f"step {last.step}: {last.words}: {last.crash.title}", err=True)
        known = found.coverage
        part = f"{found.covered[-1]} probes" if known is None else f"{min(known, 100):.0f} %"
        text = f"{part}, {len(found.screens)} screens, {len(found.crashes)} crashes"
        if found.exhausted is not None:
            text += f", exhausted: {_likely(found.exhausted)}"
        words = found.steps[-1].words.replace("[", r"\[").replace("\n", " ")
        advance(len(found.steps), steps, f"{text}: {words[:50]}")

    return tell


def _likely(chance: float) -> str:
    """A chance in words, for a person who glances at it."""
    words = ("hardly", "unlikely", "perhaps", "likely", "almost surely")
    return f"{words[min(int(5 * chance), 4)]} ({100 * chance:.0f} %)"


def _shortest(found: Exploration, env: LinkedEnv, folder: Path) -> Short:
    """The shortest replay of each crash and where its script is."""
    from jamel.envs.links import InProcessLink
    from jamel.explore import Shortened, shorten, write_script

    short = []
    for number, crash in enumerate(found.crashes, 1):
        steps = found.steps[: crash.step]
        if isinstance(env.link, InProcessLink):
            best = shorten(found.header, steps, env, trace=env.crash_trace)
        else:
            best = Shortened(found.header, tuple(steps), False, 0)
        path = write_script(best.header, best.steps, folder / f"crash-{number}.jsonl")
        short.append((best, str(path)))
    return short


def _result(found: Exploration, short: Short, script: Path, page: Path) -> dict[str, Any]:
    crashes = [
        {
            "title": crash.crash.title,
            "cause": crash.crash.signature,
            "step": crash.step,
            "action": crash.words,
            "shortest_replay": len(best.steps),
            "reproduced": best.reproduced,
            "script": path,
        }
        for crash, (best, path) in zip(found.crashes, short, strict=True)
    ]
    return {
        "app": found.app, "build": found.build, "agent": found.agent, "seed": found.seed,
        "steps": len(found.steps), "covered": found.covered[-1], "reachable": found.reachable,
        "coverage": found.coverage, "curve": found.covered, "screens": len(found.screens),
        "edges": len(found.edges), "crashes": crashes, "stopped": found.stopped,
        "exhausted": found.exhausted, "exhausted_means": found.exhausted_means,
        "script": str(script), "page": str(page),
    }  # fmt: skip


def _present(found: Exploration, short: Short, result: dict[str, Any], json: Path | None) -> None:
    shown = ("agent", "steps", "covered", "reachable", "coverage", "screens", "stopped")
    row = {name: result[name] for name in shown} | {"crashes": len(found.crashes)}
    present([row], f"{found.app} explored", None)
    if found.crashes:
        told = ("title", "cause", "step", "shortest_replay", "script")
        present([{key: item[key] for key in told} for item in result["crashes"]], "Crashes", None)
    if found.exhausted is not None:
        typer.echo(f"exhausted: {_likely(found.exhausted)} - {found.exhausted_means}")
    typer.echo(f"page: {result['page']}\nscript: {result['script']}")
    if json is not None:
        write_json(json, result)


def replay(
    script: Annotated[Path, typer.Argument(help="A .jsonl file that jamel explore wrote.")],
    config: ConfigOption = DEFAULT_PROFILE,
    ignore_coverage: Annotated[
        bool, typer.Option("--ignore-coverage", help="Compare screens and crashes alone.")
    ] = False,
    json: JsonOption = None,
) -> None:
    """Do a script again on a fresh app; exit status 1 and the first difference if it fails."""
    from jamel.explore import read_script
    from jamel.explore import replay as run

    recorded = read_script(script)
    settings = profile(config)
    with _opened(settings, recorded.header.app) as env, progress_bar("replay") as advance:
        done = run(
            recorded, env, compare_coverage=not ignore_coverage, trace=env.crash_trace,
            progress=lambda step, of, words: advance(step, of, words.replace("[", r"\[")[:60]),
        )  # fmt: skip
    rows = [
        {"step": held.step, "action": held.words, "holds": held.holds, "found": held.difference}
        for held in done.steps
    ]
    _present_replay(rows, f"{recorded.header.about} on {recorded.header.app}"[:200])
    if json is not None:
        write_json(json, done.as_dict())
    if done.build != done.recorded_build:
        typer.echo(f"build {done.build}, recorded on {done.recorded_build}: coverage not compared")
    first = done.first_difference
    if first is None:
        typer.echo(f"holds: all {len(recorded.steps)} steps did what they did")
        return
    typer.echo(f"does not hold: step {first.step}, {first.words}: {first.difference}")
    raise typer.Exit(1)


def _present_replay(rows: list[dict[str, Any]], title: str) -> None:
    """A short script whole; of a long one the steps that do not hold."""
    if len(rows) > MOST_ROWS:
        rows = [row for row in rows if not row["holds"]][:MOST_ROWS]
    if rows:
        present(rows, title, None)
