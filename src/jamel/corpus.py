"""What the screens of a suite's apps are like, beside counts over dumps of real apps.

Every app is walked at random for a while; each screen counts once, as a dump in a collection of
dumps does. Knows apps and their screens; nothing of agents and learning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

from jamel.envs.base import candidates
from jamel.parallel import run_parallel
from jamel.statistics import bootstrap_mean
from jamel.suites import app_spec, suite_apps, with_noise
from jamel.types import Element
from jamel.virtual_device.apps import App
from jamel.virtual_device.apps.noise import NOISES

STEPS = 200
RESAMPLES = 200
PUBLISHED: dict[str, dict[str, float]] = {
    "all": {"elements p50": 52, "elements p90": 143, "depth p50": 13, "clickable p50": 9,
            "clickable p90": 27, "with id": 0.40, "ambiguous": 0.19, "few clickables": 0.12},
    "native": {"elements p50": 70, "own text": 0.21, "description": 0.38, "label below": 0.31,
               "no label": 0.17, "with id": 0.65, "ambiguous": 0.21},
    "compose": {"elements p50": 54, "own text": 0.04, "description": 0.04, "label below": 0.83,
                "no label": 0.10, "with id": 0.04, "ambiguous": 0.16},
    "flutter": {"elements p50": 24, "own text": 0.06, "description": 0.85, "label below": 0.01,
                "no label": 0.08, "with id": 0.0, "ambiguous": 0.03},
    "react": {"elements p50": 76, "own text": 0.10, "description": 0.89, "label below": 0.0,
              "no label": 0.03, "with id": 0.01, "ambiguous": 0.12},
    "web": {"elements p50": 40, "own text": 0.06, "description": 0.91, "label below": 0.01,
            "no label": 0.02, "with id": 0.17, "ambiguous": 0.42},
}  # fmt: skip
"""Counted over 387 uiautomator dumps of 116 real apps; shares are of clickable elements."""

SHARES = ("own text", "description", "label below", "no label", "with id", "ambiguous")


def corpus(
    suite: str, steps: int = STEPS, workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row a look and measure: found here, its 95 % interval over apps, and published.

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
    for look, published in PUBLISHED.items():
        chosen = [app for app in apps if look in ("all", app["look"])]
        rows += [_row(look, measure, chosen, published) for measure in _measures() if chosen]
    return rows + [_revisits(noise, apps) for noise in NOISES]


def describe(name: str, steps: int = STEPS) -> dict[str, Any]:
    """One app's screens, a dict of counts each, and how often a screen seen before has changed."""
    spec = app_spec(name)
    suite, _, number = name.rpartition("/")
    seen = {}
    for noise in NOISES:
        screens, revisits = _walk(app_spec(f"{with_noise(suite, noise)}/{number}"), steps)
        seen[noise] = revisits
        if noise == spec.noise:
            found = screens
    return {"app": name, "look": spec.look, "screens": found, "revisits": seen}


def _walk(spec: Any, steps: int) -> tuple[list[dict[str, int]], tuple[int, int]]:
    """The different screens, and (revisits of a state, those whose identity had changed)."""
    app, rng = App(spec), Random(spec.seed)
    screens: dict[tuple, dict[str, int]] = {}
    last: dict[tuple, tuple] = {}
    visits = changed = 0
    for _ in range(steps):
        observation = app.observe()
        identity = tuple(e[:4] for e in observation.elements)
        shape = (
            observation.activity,
            *((e.cls, e.resource_id, e.parent) for e in observation.elements),
        )
        if shape not in screens:
            screens[shape] = count(observation.elements)
        key = app.state_key()
        if key in last:
            visits += 1
            changed += last[key] != identity
        last[key] = identity
        app.apply(rng.choice(candidates(observation)))
    return list(screens.values()), (visits, changed)


def count(elements: Sequence[Element]) -> dict[str, int]:
    """Counts of one screen; all but the first three are of clickable elements."""
    below = _labels_below(elements)
    depths: list[int] = []
    for element in elements:
        depths.append(1 + (depths[element.parent] if element.parent >= 0 else 0))
    found = Counter({"elements": len(elements), "depth": max(depths, default=0), "clickable": 0})
    same = Counter(
        (e.cls, e.resource_id, e.text or e.content_desc or below[i])
        for i, e in enumerate(elements) if e.clickable
    )  # fmt: skip
    for index, element in enumerate(elements):
        if not element.clickable:
            continue
        label = element.text or element.content_desc or below[index]
        found["clickable"] += 1
        found[_where(element, below[index])] += 1
        found["with id"] += bool(element.resource_id)
        found["ambiguous"] += same[element.cls, element.resource_id, label] > 1
    return dict(found)


def _where(element: Element, below: str) -> str:
    if element.text:
        return "own text"
    if element.content_desc:
        return "description"
    return "label below" if below else "no label"


def _labels_below(elements: Sequence[Element]) -> list[str]:
    """For each element the first label of the elements within it."""
    below = [""] * len(elements)
    for index in range(len(elements) - 1, -1, -1):
        element = elements[index]
        if element.parent >= 0:
            own = element.text or element.content_desc or below[index]
            below[element.parent] = own or below[element.parent]
    return below


def _measures() -> dict[str, Callable[[list[dict[str, int]]], float]]:
    return {
        **{f"{what} p{rank}": partial(_quantile, what, rank)
           for what in ("elements", "depth", "clickable") for rank in (50, 90)},
        **{share: partial(_share, share) for share in SHARES},
        "few clickables": lambda screens: _mean([s["clickable"] < 3 for s in screens]),
    }  # fmt: skip


def _row(
    look: str, measure: str, apps: list[dict[str, Any]], published: dict[str, float]
) -> dict[str, Any]:
    value = _measures()[measure]
    screens = [screen for app in apps for screen in app["screens"]]
    low, high = _interval(value, apps)
    return {
        "look": look, "measure": measure, "here": round(value(screens), 3),
        "low": round(low, 3), "high": round(high, 3),
        "published": published.get(measure), "apps": len(apps), "screens": len(screens),
    }  # fmt: skip


def _interval(
    value: Callable[[list[dict[str, int]]], float], apps: list[dict[str, Any]]
) -> tuple[float, float]:
    """The middle 95 % of the measure over resamples of the apps."""
    rng, found = Random(0), []
    for _ in range(RESAMPLES):
        drawn = rng.choices(apps, k=len(apps))
        found.append(value([screen for app in drawn for screen in app["screens"]]))
    found.sort()
    return found[RESAMPLES // 40], found[-1 - RESAMPLES // 40]


def _revisits(noise: str, apps: list[dict[str, Any]]) -> dict[str, Any]:
    """How often an exact match of a state that was seen before fails, at one noise level."""
    visits = sum(app["revisits"][noise][0] for app in apps)
    changed = sum(app["revisits"][noise][1] for app in apps)
    shares = [app["revisits"][noise][1] / max(1, app["revisits"][noise][0]) for app in apps]
    spread = bootstrap_mean(shares, 500)
    return {
        "look": "all", "measure": f"changed on revisit, noise {noise}",
        "here": round(changed / max(1, visits), 3), "low": round(spread.low, 3),
        "high": round(spread.high, 3), "published": None, "apps": len(apps), "screens": visits,
    }  # fmt: skip


def _quantile(what: str, rank: int, screens: list[dict[str, int]]) -> float:
    values = sorted(screen[what] for screen in screens)
    return float(values[min(len(values) - 1, len(values) * rank // 100)])


def _share(what: str, screens: list[dict[str, int]]) -> float:
    return sum(s.get(what, 0) for s in screens) / max(1, sum(s["clickable"] for s in screens))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
