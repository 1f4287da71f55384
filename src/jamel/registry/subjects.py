"""What a comparison is about: a version, an alias or a run, with all that was logged with it.

Knows where MLflow keeps things; nothing of how two of them compare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jamel import manifest
from jamel.config import MODEL_NAME
from jamel.errors import StoreError
from jamel.gate import CANDIDATE
from jamel.registry.connection import connect, missing
from jamel.registry.tracking import DATASET_FILE, PACKAGES_FILE, PARENT_TAG
from jamel.registry.versions import CHAMPION, EVALUATION_FILE, list_versions

_RUN = re.compile(r"[0-9a-f]{32}")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """One side of a comparison: how it was named, its run, and what was logged with it.

    `results` is empty for a run without an evaluation; `agent` is what it is called in them.
    """

    name: str
    version: str
    run_id: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    figures: Mapping[str, float]
    results: Mapping[str, Any]
    agent: str = CANDIDATE

    @property
    def meta(self) -> Mapping[str, Any]:
        """How it was measured, empty where it was not."""
        return self.results.get("meta", {})

    def rows(self) -> list[Row]:
        """Its own sessions, without the agents it was measured beside."""
        return [row for row in self.results.get("rows", ()) if row["agent"] == self.agent]

    def reachable(self) -> Mapping[str, int]:
        """App -> reachable probes, as its evaluation took them."""
        return self.meta.get("reachable", {})


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
        results=logged(str(run.info.run_id), EVALUATION_FILE),
    )


def logged(run_id: str, name: str) -> dict[str, Any]:
    """A JSON file of a run, empty where it has none such."""
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        return dict(mlflow.artifacts.load_dict(f"runs:/{run_id}/{name}"))
    except (MlflowException, OSError):
        return {}


def sessions_of(root: Path, side: Subject) -> dict[str, dict[str, str]]:
    """The sessions of its dataset, as `manifest.sessions_of` lists them; raises DatasetError."""
    md5 = side.tags.get("dataset_md5", "")
    listed = logged(side.run_id, DATASET_FILE)
    if listed.get("md5") == md5:
        return dict(listed["sessions"])
    return manifest.sessions_of(root, md5)


def packages_of(side: Subject) -> Sequence[str]:
    """What was installed, from the run or the one that it is a part of; empty where unknown."""
    import mlflow
    from mlflow.exceptions import MlflowException

    run_id, tags = side.run_id, dict(side.tags)
    while parent := tags.get(PARENT_TAG):
        run_id, tags = parent, dict(mlflow.MlflowClient().get_run(parent).data.tags)
    try:
        return mlflow.artifacts.load_text(f"runs:/{run_id}/{PACKAGES_FILE}").split()
    except (MlflowException, OSError):
        return ()
