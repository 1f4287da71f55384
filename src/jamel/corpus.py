"""What the screens of a suite's apps are like, beside counts over dumps of real apps.

Every app is walked at random for a while; each screen counts once, as a dump in a collection of
dumps does. Knows apps and their screens; nothing of agents and learning.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from jamel.dumps import REAL, Counts, Measure, count, measures
from jamel.envs.base import candidates
from jamel.parallel import run_parallel
from jamel.statistics import bootstrap_mean
from jamel.suites import app_spec, suite_apps, with_noise
from jamel.types import Observation
from jamel.virtual_device.apps import App, AppSpec
from jamel.virtual_device.apps.noise import NOISES

STEPS = 200
RESAMPLES = 200
MATCHES = ("exactly", "by classes and ids")
"""The ways in which an agent may recognise a screen that it saw before."""


def corpus(
    suite: str, steps: int = STEPS, workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row a look and measure: found here, its 95 % interval over apps, in real dumps, ratio.

    Args:
        suite: a suite's name, such as "test" or "test@heavy", or a suite file.
        steps: actions of the random walk through each app.
        workers: processes.
        progress: is told of every finished app.

    Raises:
        ConfigError: no such suite.
    """
    names = [spec.name for spec in suite_apps(suite)]
    apps = []
    for app in run_parallel(partial(describe, steps=steps), names, workers):
        apps.append(app)
        if progress is not None:
            progress(len(apps), len(names))
    apps.sort(key=lambda app: names.index(app["app"]))
    rows = []
    for look, real in REAL.items():
        chosen = [app for app in apps if look in ("all", app["look"])]
        taken = {name: measure for name, measure in measures().items() if name in real}
        rows += [_row(look, *pair, chosen, real) for pair in taken.items() if chosen]
    return rows + [_revisits(noise, way, apps) for way in MATCHES for noise in NOISES]


def describe(name: str, steps: int = STEPS) -> dict[str, Any]:
    """One app's screens, the counts of each, and how often a known state is recognised."""
    spec = app_spec(name)
    suite, _, number = name.rpartition("/")
    seen = {}
    for noise in NOISES:
        screens, revisits = _walk(app_spec(f"{with_noise(suite, noise)}/{number}"), steps)
        seen[noise] = revisits
        if noise == spec.noise:
            found = screens
    return {"app": name, "look": spec.look, "screens": found, "revisits": seen}


def _walk(spec: AppSpec, steps: int) -> tuple[list[Counts], tuple[int, ...]]:
    """The different screens, and (revisits of a state, those matched in each of `MATCHES`)."""
    app, rng = App(spec), Random(spec.seed)
    screens: dict[tuple, Counts] = {}
    last: dict[tuple, Observation] = {}
    shapes: dict[tuple, tuple] = {}
    found, before = [0, 0, 0], None
    for _ in range(steps):
        observation = app.observe()
        shape = _shape(observation)
        if shape not in screens:
            screens[shape] = count(observation.elements, observation.size_px)
        key = app.state_key(), app.snapshot().nav["focus"]
        if key in last and key != before:
            matched = last[key] == observation, shapes[key] == shape
            found = [total + more for total, more in zip(found, (1, *matched), strict=True)]
        last[key], shapes[key], before = observation, shape, key
        app.apply(rng.choice(candidates(observation)))
    return list(screens.values()), tuple(found)


def _shape(observation: Observation) -> tuple:
    """A screen's classes and ids, and how they nest."""
    elements = observation.elements
    return observation.activity, *((e.cls, e.resource_id, e.parent) for e in elements)


def _row(
    look: str, name: str, value: Measure, apps: list[dict[str, Any]], real: dict[str, float]
) -> dict[str, Any]:
    screens = [screen for app in apps for screen in app["screens"]]
    low, high = _interval(value, apps)
    here = value(screens)
    return {
        "look": look, "measure": name, "here": round(here, 3), "low": round(low, 3),
        "high": round(high, 3), "real": real[name],
        "ratio": round(here / real[name], 2) if real[name] else None,
        "apps": len(apps), "screens": len(screens),
    }  # fmt: skip


def _interval(value: Measure, apps: list[dict[str, Any]]) -> tuple[float, float]:
    """The middle 95 % of the measure over resamples of the apps."""
    rng, found = Random(0), []
    for _ in range(RESAMPLES):
        drawn = rng.choices(apps, k=len(apps))
        found.append(value([screen for app in drawn for screen in app["screens"]]))
    found.sort()
    return found[RESAMPLES // 40], found[-1 - RESAMPLES // 40]


def _revisits(noise: str, way: str, apps: list[dict[str, Any]]) -> dict[str, Any]:
    """How often a state that was seen before is recognised in one way, at one noise level."""
    place = 1 + MATCHES.index(way)
    counts = [app["revisits"][noise] for app in apps]
    visits = sum(count[0] for count in counts)
    spread = bootstrap_mean([count[place] / max(1, count[0]) for count in counts], 500)
    return {
        "look": "all", "measure": f"revisit matched {way}, noise {noise}",
        "here": round(sum(count[place] for count in counts) / max(1, visits), 3),
        "low": round(spread.low, 3), "high": round(spread.high, 3), "real": None, "ratio": None,
        "apps": len(apps), "screens": visits,
    }  # fmt: skip
