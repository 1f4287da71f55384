"""Two models beside each other: versions or aliases of one registered model, or runs of any.

Knows where MLflow keeps what was logged with a model; the statistics are those of
`jamel.statistics`. Coverage is a share of what can be reached on an app: apps for which the two
evaluations disagree on that are named, and left out of the paired differences.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jamel.config import MODEL_NAME
from jamel.errors import StoreError
from jamel.gate import CANDIDATE
from jamel.registry.connection import connect, missing
from jamel.registry.versions import CHAMPION, EVALUATION_FILE, FIGURES, list_versions
from jamel.statistics import paired_runs

ORIGIN = ("arm", "profile", "dataset_md5", "git_commit", "config_digest", "environment_digest")
_RUN = re.compile(r"[0-9a-f]{32}")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """One side of a comparison: how it was named, its run, and what was logged with it.

    `results` is empty for a run without an evaluation.
    """

    name: str
    version: str
    run_id: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    figures: Mapping[str, float]
    results: Mapping[str, Any]

    def rows(self) -> list[Row]:
        """The candidate's own sessions, without the agents it was measured beside."""
        return [row for row in self.results.get("rows", ()) if row["agent"] == CANDIDATE]

    def reachable(self) -> Mapping[str, int]:
        """App -> reachable probes, as its evaluation took them."""
        return self.results.get("meta", {}).get("reachable", {})


def compare_two(
    root: Path | str, first: str, second: str, resamples: int = 2000, *, model: str = MODEL_NAME
) -> dict[str, Any]:
    """Put two models side by side; differences are the first minus the second.

    Args:
        root: the project.
        first: a version's number, an alias such as `champion`, or a run id.
        second: likewise.
        resamples: of the bootstrap.
        model: the registered model that versions and aliases are of.

    Returns:
        `{"origin", "config", "figures", "paired", "apps_left_out"}`; the first three are rows of
        `{name, first, second}`: all of the origin, only the differences of the configuration.
        `paired` is empty when one of them was not evaluated, or on no app in common.

    Raises:
        StoreError: there is no such version, alias or run.
    """
    mine, theirs = find(root, first, model), find(root, second, model)
    odd = _other_apps(mine, theirs)
    rows = [[row for row in side.rows() if row["app"] not in odd] for side in (mine, theirs)]
    names = ("name", "version", "run_id")
    identity = [_row(name, getattr(mine, name), getattr(theirs, name)) for name in names]
    return {
        "origin": identity + _beside(mine.tags, theirs.tags, ORIGIN),
        "config": [row for row in _params(mine, theirs) if row["first"] != row["second"]],
        "figures": _beside(mine.figures, theirs.figures, FIGURES),
        "paired": paired_runs(rows[0], rows[1], resamples),
        "apps_left_out": sorted(odd),
    }


def find(root: Path | str, name: str, model: str = MODEL_NAME) -> Subject:
    """A model by its version, alias or run id; raises StoreError that lists what there is."""
    client = connect(root)
    name = name.strip()
    if _RUN.fullmatch(name):
        with missing():
            return _subject(client, name, "", client.get_run(name), {})
    with missing():
        found = _registered(client, model, name)
        return _subject(client, name, str(found.version), client.get_run(found.run_id), found.tags)
    known = ", ".join(item.version for item in list_versions(root, model=model)) or "none"
    raise StoreError(
        f"expected a version of the model '{model}', an alias such as {CHAMPION} or a run id, "
        f"found '{name}'; the versions are: {known}. Name one of those; jamel compare alone lists "
        "them."
    )


def _registered(client: Any, model: str, name: str) -> Any:
    if name.isdecimal():
        return client.get_model_version(model, name)
    found = client.get_model_version_by_alias(model, name)
    return client.get_model_version(model, found.version)


def _subject(client: Any, name: str, version: str, run: Any, tags: Mapping[str, str]) -> Subject:
    return Subject(
        name=name,
        version=version,
        run_id=str(run.info.run_id),
        tags={**run.data.tags, **tags},
        params=dict(run.data.params),
        figures=dict(run.data.metrics),
        results=_results(str(run.info.run_id)),
    )


def _results(run_id: str) -> dict[str, Any]:
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        return dict(mlflow.artifacts.load_dict(f"runs:/{run_id}/{EVALUATION_FILE}"))
    except (MlflowException, OSError):
        return {}


def _other_apps(mine: Subject, theirs: Subject) -> set[str]:
    """Apps that another number of probes can be reached on: another build, or a better search."""
    first, second = mine.reachable(), theirs.reachable()
    return {app for app in first.keys() & second.keys() if first[app] != second[app]}


def _params(mine: Subject, theirs: Subject) -> list[Row]:
    names = sorted(mine.params.keys() | theirs.params.keys())
    return _beside(mine.params, theirs.params, names)


def _beside(mine: Mapping[str, Any], theirs: Mapping[str, Any], names: Any) -> list[Row]:
    return [_row(name, mine.get(name), theirs.get(name)) for name in names]


def _row(name: str, first: Any, second: Any) -> Row:
    return {"name": name, "first": first, "second": second}
