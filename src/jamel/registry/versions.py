"""Registered versions of the policy: which there are, which is champion, where their files lie.

Every registered model has versions, a champion and a history of its own; which one is meant is
`gate.model` of a profile. Knows the MLflow registry; not the gate, nor how a model is trained,
measured or logged.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jamel.config import MODEL_NAME
from jamel.errors import ConfigError, StoreError
from jamel.registry.aliases import CHAMPION, GATE_TAG, alias_of, settle
from jamel.registry.connection import connect
from jamel.stores import stores_at

AGAINST_TAG = "measured_against"
"""The champion that a version was measured beside, empty where there was none."""
EVALUATION_FILE = "results.json"
VALIDATION_FILE = "validation.json"
FIGURES = ("coverage", "reward", "auc", "tokens_per_decision", "ms_per_decision")


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model: its number, its run, its origin and what was measured."""

    model: str
    version: str
    run_id: str
    created: str
    tags: Mapping[str, str]
    figures: Mapping[str, float]

    @property
    def is_new(self) -> bool:
        """Whether the gate has not weighed it yet."""
        return GATE_TAG not in self.tags

    def as_row(self) -> dict[str, Any]:
        """A line of the comparison table."""
        kept = ("arm", "dataset_md5", "git_commit", "config_digest", "environment_digest", GATE_TAG)
        figures = {name: self.figures.get(name) for name in FIGURES}
        return {
            "model": self.model,
            "version": self.version,
            "created": self.created,
            **figures,
            **{name: self.tags.get(name, "") for name in kept},
        }


def champion(root: Path | str, *, model: str = MODEL_NAME) -> ModelVersion | None:
    """The version that collects and that a candidate has to beat, None before any promotion.

    Raises:
        Busy: another process is moving the alias and does not come to an end.
    """
    settle(root, model)
    return standing_champion(root, model)


def standing_champion(root: Path | str, model: str) -> ModelVersion | None:
    """As `champion`, for those who hold the registry's lock and have settled it."""
    client, version = connect(root), alias_of(root, model, CHAMPION)
    return _version(client, client.get_model_version(model, version)) if version else None


def get_version(
    root: Path | str, version: str | None = None, *, model: str = MODEL_NAME
) -> ModelVersion:
    """One version, by default the newest; raises StoreError when there is none such."""
    client = connect(root)
    found = client.search_model_versions(f"name='{model}'", max_results=1000)
    known = sorted(found, key=lambda item: int(item.version), reverse=True)
    wanted = [item for item in known if version is None or str(item.version) == str(version)]
    if not wanted:
        numbers = ", ".join(str(item.version) for item in known) or "none"
        raise StoreError(
            f"expected a registered version {version or ''}, found {numbers} of the model "
            f"'{model}'. Train and register a model first, or name one of those."
        )
    return _version(client, wanted[0])


def list_versions(root: Path | str, *, model: str = MODEL_NAME) -> list[ModelVersion]:
    """Every version of a registered model, newest first."""
    client = connect(root)
    found = client.search_model_versions(f"name='{model}'", max_results=1000)
    ordered = sorted(found, key=lambda item: int(item.version), reverse=True)
    return [_version(client, item) for item in ordered]


def champion_dir(root: Path | str, *, model: str = MODEL_NAME) -> Path | None:
    """The champion's `save_pretrained` folder, for collection and evaluation."""
    found = champion(root, model=model)
    return None if found is None else model_dir(root, found.version, model=model)


def start_dir(root: Path | str, start: str) -> Path | None:
    """The folder of the model that `rounds.start` names, None where rounds begin anew.

    Raises:
        ConfigError: there is no model in the folder that it names.
    """
    if start == CHAMPION:
        return champion_dir(root)
    if start and not Path(start, "model.safetensors").is_file():
        raise ConfigError(
            f"expected a model to start from in {start}, found none there. Name a folder that "
            f"jamel train wrote, or '{CHAMPION}', in rounds.start."
        )
    return Path(start) if start else None


def model_dir(root: Path | str, version: str, *, model: str = MODEL_NAME) -> Path:
    """The `save_pretrained` folder of a version; raises StoreError when its files are gone."""
    import mlflow
    from mlflow.exceptions import MlflowException

    connect(root)
    try:
        folder = mlflow.artifacts.download_artifacts(f"models:/{model}/{version}")
    except (MlflowException, OSError):
        folder = ""
    found = Path(folder, "artifacts", "hf")
    if not folder or not found.is_dir():
        raise StoreError(
            f"expected the files of version {version} of the model '{model}' in "
            f"{stores_at(root).artifacts_uri}, found none. Restore that folder from a backup, "
            "or train and register the model again."
        )
    return found


def report_file(root: Path | str, version: str, *, model: str = MODEL_NAME) -> Path | None:
    """The page of the evaluation that a version was registered with, None where there is none."""
    import mlflow
    from mlflow.exceptions import MlflowException

    run_id = get_version(root, version, model=model).run_id
    try:
        return Path(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/files/report.html"))
    except (MlflowException, OSError):
        return None


def compare(
    root: Path | str, versions: Sequence[str] | None = None, *, model: str = MODEL_NAME
) -> list[dict[str, Any]]:
    """Versions of a registered model side by side, newest first; all of them unless some are named.

    Raises:
        StoreError: a named version is not registered.
    """
    now = champion(root, model=model)
    current = None if now is None else now.version
    rows = list_versions(root, model=model)
    if versions is not None:
        rows = [get_version(root, name, model=model) for name in versions]
    return [{"champion": item.version == current} | item.as_row() for item in rows]


def _version(client: Any, found: Any) -> ModelVersion:
    metrics = client.get_run(found.run_id).data.metrics
    created = time.strftime("%Y-%m-%d %H:%M", time.gmtime(found.creation_timestamp / 1000))
    tags = client.get_model_version(found.name, found.version).tags
    figures = {name: metrics[name] for name in FIGURES if name in metrics}
    return ModelVersion(found.name, str(found.version), found.run_id, created, dict(tags), figures)
