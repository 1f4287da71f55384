"""Every agent's settings tried on the validation suite; the best are kept where profiles read them.

Knows settings as plain data: what a setting does is the agent's business. Nothing here may see a
suite of tests.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from jamel import provenance
from jamel.agents import MODEL_AGENTS, policy_of
from jamel.config import AgentsConfig, Config, Section, read_yaml
from jamel.devices import tunable
from jamel.disk import write_text
from jamel.errors import ConfigError
from jamel.evaluate import plan, run_plan
from jamel.parallel import Progress
from jamel.scores import Run, reachable_by_app, to_row
from jamel.statistics import bootstrap_mean, paired_difference, per_app
from jamel.suites import require_tunable
from jamel.trials import Job

Settings = dict[str, Any]
POLICY = "policy"
"""The grid of every agent with a trained model."""


class Grid(Section):
    """What is tried: for each agent the values of each setting, all of their combinations.

    Agents are named as in a profile's section `agents`; `policy` is the grid of all trained ones.
    """

    suite: str = "valid"
    apps: int | None = Field(None, gt=0)
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    budget: int = Field(120, gt=0)
    agents: dict[str, dict[str, tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting of an agent, its coverage with the interval over apps, and how far it is behind.

    `behind` is (mean, low, high) of the paired difference to the agent's best setting.
    """

    agent: str
    settings: Settings
    coverage: tuple[float, float, float]
    behind: tuple[float, float, float]
    best: bool


def read_grid(path: Path) -> Grid:
    """Read a grid; raises ConfigError that says what is wrong with it."""
    raw = read_yaml(path)
    try:
        grid = Grid.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"expected a grid in {path}, found: {place}: {first['msg']}.") from None
    require_tunable(grid.suite)
    for agent in grid.agents:
        for chosen in combinations(grid.agents[agent]):
            laid_over(AgentsConfig(), agent, chosen, str(path))
    return grid


def combinations(values: Mapping[str, Sequence[Any]]) -> list[Settings]:
    """Every combination of the settings' values, the first setting slowest."""
    return [
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    ]


def grid_of(grid: Grid, agent: str) -> list[Settings]:
    """The settings to try of an agent, none where the grid names none."""
    name = POLICY if agent in MODEL_AGENTS else agent.replace("-", "_")
    values = grid.agents.get(name, {})
    return combinations(values) if values else []


def laid_over(
    settings: AgentsConfig, agent: str, chosen: Settings, source: str = "tune"
) -> AgentsConfig:
    """The agents' settings with some of one agent replaced; raises ConfigError."""
    trained, name = agent in MODEL_AGENTS, agent.replace("-", "_")
    section = policy_of(agent, settings) if trained else settings.of(agent)
    known = type(section).model_fields if section else {}
    if section is None or (unknown := [key for key in chosen if key not in known]):
        key = next(iter(chosen if section is None else unknown), "")
        raise ConfigError(f"{source}: the agent '{agent}' has no setting '{key}'.")
    try:
        changed = type(section)(**(dict(section) | chosen))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{source}: {agent}: {chosen}: {first['msg']}.") from None
    policies = {"policies": {**settings.policies, agent: changed}}
    return settings.model_copy(update=policies if trained else {name: changed})


def tune(
    config: Config,
    grid: Grid,
    agents: Mapping[str, Path | None],
    progress: Progress | None = None,
) -> list[Tried]:
    """Try every agent's settings on the same apps and seeds.

    Args:
        config: the profile; `evaluate.workers`, `evaluate.bootstrap` and `device` are read.
        grid: what is tried, and on what.
        agents: the agents to tune with the folders of their models, None for one without.
        progress: is told of every finished session.

    Returns:
        One entry a setting, agent by agent, the best setting first.

    Raises:
        ConfigError: the suite is kept for testing, or no agent has anything to tune.
    """
    config = tunable(config, grid.suite, apps=grid.apps, seeds=grid.seeds, budget=grid.budget)
    jobs = {
        (agent, number): _jobs(config, agent, folder, chosen)
        for agent, folder in agents.items()
        for number, chosen in enumerate(grid_of(grid, agent))
    }
    if not jobs:
        raise ConfigError(
            f"expected agents with a grid, found none of it among {', '.join(agents)}. Name some "
            "of the grid's agents, or add them to it."
        )
    flat = [job for some in jobs.values() for job in some]
    runs = iter(run_plan(flat, progress))
    found = {key: list(itertools.islice(runs, len(some))) for key, some in jobs.items()}
    return [
        item
        for agent in agents
        if grid_of(grid, agent)
        for item in _ranked(config, agent, grid_of(grid, agent), found)
    ]


def _jobs(config: Config, agent: str, folder: Path | None, chosen: Settings) -> list[Job]:
    tuned = laid_over(config.agents, agent, chosen)
    return plan(config.model_copy(update={"agents": tuned}), {agent: folder})


def _ranked(
    config: Config,
    agent: str,
    settings: Sequence[Settings],
    found: Mapping[tuple[str, int], list[Run]],
) -> list[Tried]:
    """The settings of an agent, the best first; of equals the one that the grid names first."""
    everything = [run for runs in found.values() for run in runs]
    reachable, budget = reachable_by_app(everything), config.evaluate.budget
    tables = []
    for number in range(len(settings)):
        rows = [to_row(run, budget, reachable[run.app]) for run in found[agent, number]]
        tables.append(per_app(rows, "coverage", agent, budget))
    means = [bootstrap_mean(list(table.values()), config.evaluate.bootstrap) for table in tables]
    order = sorted(range(len(settings)), key=lambda number: -means[number].mean)
    best = tables[order[0]]
    return [
        Tried(
            agent=agent,
            settings=settings[number],
            coverage=means[number][:3],
            behind=paired_difference(tables[number], best, config.evaluate.bootstrap)[:3],
            best=number == order[0],
        )
        for number in order
    ]


def keep_best(tried: Sequence[Tried], grid: Grid, path: Path) -> Path:
    """Write the best settings to the file that profiles name as `tuned`; others in it stay.

    Raises:
        ConfigError: the file holds something else.
        StoreError: it cannot be written.
    """
    kept: dict[str, Any] = (read_yaml(path) or {}) if path.is_file() else {}
    for item in tried:
        if item.best and item.agent in MODEL_AGENTS:
            kept.setdefault("policies", {})[item.agent] = item.settings
        elif item.best:
            kept[item.agent.replace("-", "_")] = item.settings
    apps = "all apps" if grid.apps is None else f"{grid.apps} apps"
    head = (
        "# Written by `jamel tune`: the best settings of each agent on a suite that is not for\n"
        f"# testing. Last: {grid.suite}, {apps}, seeds {list(grid.seeds)}, {grid.budget} steps,\n"
        f"# commit {provenance.commit()}, dataset {provenance.dataset_md5()}.\n"
    )
    return write_text(path, head + yaml.safe_dump(kept, sort_keys=True))
