"""Two models beside each other: versions or aliases of one registered model, or runs of any.

The statistics are those of `jamel.statistics`, what differs is told by `jamel.differences`, what
was logged is found by `subjects`. Coverage is a share of what can be
reached on an app: apps for which the two evaluations disagree on that are named, and left out of
the paired differences.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jamel import comparison, differences
from jamel.config import MODEL_NAME
from jamel.disk import full_disk_is_a_store_error
from jamel.errors import DatasetError
from jamel.gate import CHAMPION
from jamel.registry.subjects import Subject, find, packages_of, sessions_of
from jamel.registry.tracking import Tracker
from jamel.registry.versions import AGAINST_TAG, FIGURES
from jamel.statistics import app_by_app, final_budget, paired_runs
from jamel.tables import mean_rows, shown

ORIGIN = ("arm", "profile", "dataset_md5", "git_commit", "config_digest", "environment_digest")
COSTS = ("tokens_memory", "tokens_screen", "ms_per_decision")

Row = dict[str, Any]


def compare_two(
    root: Path | str, first: str, second: str, resamples: int = 2000, *, model: str = MODEL_NAME
) -> dict[str, Any]:
    """Put two models side by side; differences are the first minus the second.

    A candidate and the champion that it was measured beside are compared in that one evaluation;
    others in each one's own.

    Args:
        root: the project.
        first: a version's number, an alias such as `champion`, or a run id.
        second: likewise.
        resamples: of the bootstrap.
        model: the registered model that versions and aliases are of.

    Returns:
        Plain data for JSON. "first" and "second" are the names as given; "origin", "config",
        "figures", "costs" and "packages" are rows of `{name, first, second}`, "config" and
        "packages" only where they differ. "paired" is empty when one of them was not evaluated, or
        on no app in common; "apps" are its apps, one by one. "curves" has the coverage after each
        step of "first" and "second". "code" is what `differences.code` returns, "dataset" what
        `differences.sessions` returns, empty where a version cannot be listed. "apps_left_out" are
        those with another number of reachable probes, and "notes" sentences about everything that
        is not compared.

    Raises:
        StoreError: there is no such version, alias or run.
    """
    root = Path(root)
    mine, theirs = find(root, first, model), find(root, second, model)
    data, told = _sessions(root, mine, theirs)
    installed, untold = _packages(mine, theirs)
    source = differences.code(root, *(side.tags.get("git_commit", "") for side in (mine, theirs)))
    measured = _measured(mine, theirs, resamples)
    names = ("name", "version", "run_id")
    identity = [_row(name, getattr(mine, name), getattr(theirs, name)) for name in names]
    same = ["both names are of one run"] if mine.run_id == theirs.run_id else []
    return {
        "first": mine.name,
        "second": theirs.name,
        "origin": identity + _beside(mine.tags, theirs.tags, ORIGIN),
        "config": [row for row in _params(mine, theirs) if row["first"] != row["second"]],
        "figures": _beside(mine.figures, theirs.figures, FIGURES),
        "code": {name: source[name] for name in ("commits", "files")},
        "packages": installed,
        "dataset": data,
        **measured,
        "notes": [*same, *measured["notes"], *source["notes"], *untold, *told],
    }


def compare_tracked(
    root: Path | str, first: str, second: str, resamples: int = 2000, *, model: str = MODEL_NAME
) -> dict[str, Any]:
    """Compare as `compare_two` does, and log the page and the data to the first one's run.

    Returns:
        What `compare_two` returns, with "page": the page's address for MLflow, `runs:/RUN/PATH`.

    Raises:
        StoreError: there is no such version, alias or run, or the disk is full.
    """
    found = compare_two(root, first, second, resamples, model=model)
    tracker, run_id = Tracker(root), _run_of(found)
    name = f"comparisons/with-{re.sub(r'[^A-Za-z0-9_-]', '-', found['second'])}"
    with full_disk_is_a_store_error(root):
        tracker.log_json(run_id, found, f"{name}.json")
        tracker.client.log_text(run_id, comparison.render(found), f"{name}.html")
    return found | {"page": f"runs:/{run_id}/{name}.html"}


def _run_of(found: Mapping[str, Any]) -> str:
    return next(str(row["first"]) for row in found["origin"] if row["name"] == "run_id")


def _measured(mine: Subject, theirs: Subject, resamples: int) -> dict[str, Any]:
    """Everything about how well each explores, and what of it is not compared."""
    notes = _not_evaluated(mine, theirs)
    beside = _beside_candidate(mine, theirs)
    if beside is not None:
        theirs = beside
        notes.append(f"{theirs.name} was measured beside {mine.name}, in its evaluation")
    odd = _other_apps(mine, theirs)
    rows = [[row for row in side.rows() if row["app"] not in odd] for side in (mine, theirs)]
    paired = paired_runs(rows[0], rows[1], resamples)
    if not notes or beside is not None:
        notes += _measured_otherwise(mine, theirs, odd, bool(paired))
    metric = shown(mine.results)[0] if mine.results else shown({"meta": {}})[0]
    return {
        "metric": metric,
        "paired": paired,
        "apps": app_by_app(rows[0], rows[1], metric),
        "costs": _costs(mine, theirs),
        "curves": _curves(mine, theirs),
        "apps_left_out": sorted(odd),
        "notes": notes,
    }


def _not_evaluated(mine: Subject, theirs: Subject) -> list[str]:
    return [
        f"no evaluation was logged with {side.name}: nothing is paired"
        for side in (mine, theirs)
        if not side.rows()
    ]


def _beside_candidate(mine: Subject, theirs: Subject) -> Subject | None:
    """The second as the first one's evaluation measured it, where it was the champion then."""
    if not theirs.version or mine.tags.get(AGAINST_TAG) != theirs.version:
        return None
    found = replace(theirs, results=mine.results, agent=CHAMPION)
    return found if found.rows() else None


def _measured_otherwise(mine: Subject, theirs: Subject, odd: set[str], paired: bool) -> list[str]:
    """What two evaluations do not share, as sentences."""
    notes = []
    for name in ("suite", "budget", "seeds"):
        values = [side.meta.get(name) for side in (mine, theirs)]
        if values[0] != values[1]:
            shared = "what they share is compared" if paired else "nothing is paired"
            notes.append(f"measured with {name} {values[0]} and {values[1]}: {shared}")
    if odd:
        notes.append(
            "left out, as another number of probes was reachable there (another build or a better "
            f"search): {_few(sorted(odd))}"
        )
    apps = [{row["app"] for row in side.rows()} for side in (mine, theirs)]
    for side, only in ((mine, apps[0] - apps[1]), (theirs, apps[1] - apps[0])):
        if only:
            notes.append(f"left out, measured only for {side.name}: {_few(sorted(only))}")
    if mine.rows() and theirs.rows() and (odd or apps[0] != apps[1]):
        notes.append("curves, costs and figures are over each one's own apps")
    return notes


def _other_apps(mine: Subject, theirs: Subject) -> set[str]:
    """Apps that another number of probes can be reached on: another build, or a better search."""
    first, second = mine.reachable(), theirs.reachable()
    return {app for app in first.keys() & second.keys() if first[app] != second[app]}


def _costs(mine: Subject, theirs: Subject) -> list[Row]:
    """What a decision costs, in tokens and in ms, and in ms late in a long session where known."""
    first, second = _cost(mine), _cost(theirs)
    rows = _beside(first, second, first | second)
    return [row for row in rows if row["first"] or row["second"]]


def _cost(side: Subject) -> dict[str, float]:
    rows = final_budget({**side.results, "rows": side.rows()})["rows"] if side.results else []
    found = {name: float(mean[name]) for mean in mean_rows(rows) for name in COSTS}
    if found:
        found = {"tokens": found["tokens_memory"] + found["tokens_screen"]} | found
    late: dict[str, list[float]] = {}
    for row in side.results.get("latency", ()):
        if row["agent"] == side.agent:
            late.setdefault(f"ms_at_step_{row['step']}", []).append(row["ms"])
    return found | {name: sum(values) / len(values) for name, values in late.items()}


def _curves(mine: Subject, theirs: Subject) -> dict[str, Any]:
    sides = {"first": mine, "second": theirs}
    found = {key: side.results.get("curves", {}).get(side.agent) for key, side in sides.items()}
    return {key: curve for key, curve in found.items() if curve}


def _sessions(root: Path, mine: Subject, theirs: Subject) -> tuple[dict[str, Any], list[str]]:
    """How the sessions of the two datasets differ, and why that is not known where it is not."""
    if mine.tags.get("dataset_md5") == theirs.tags.get("dataset_md5"):
        return {}, []
    listed, notes = [], []
    for side in (mine, theirs):
        try:
            listed.append(sessions_of(root, side))
        except DatasetError as error:
            notes.append(f"the sessions of {side.name} are not known: {error}")
    return (differences.sessions(*listed), []) if not notes else ({}, notes)


def _packages(mine: Subject, theirs: Subject) -> tuple[list[Row], list[str]]:
    """Packages of other versions, and whose list is not known where one is not."""
    if mine.tags.get("environment_digest") == theirs.tags.get("environment_digest"):
        return [], []
    listed = [packages_of(side) for side in (mine, theirs)]
    notes = [
        f"the packages of {side.name} are not known: no list was logged with its run"
        for side, names in zip((mine, theirs), listed, strict=True)
        if not names
    ]
    return ([] if notes else differences.packages(*listed)), notes


def _params(mine: Subject, theirs: Subject) -> list[Row]:
    names = sorted(mine.params.keys() | theirs.params.keys())
    return _beside(mine.params, theirs.params, names)


def _beside(mine: Mapping[str, Any], theirs: Mapping[str, Any], names: Any) -> list[Row]:
    return [_row(name, mine.get(name), theirs.get(name)) for name in names]


def _row(name: str, first: Any, second: Any) -> Row:
    return {"name": name, "first": first, "second": second}


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more
