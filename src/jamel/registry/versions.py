"""Registered versions of the policy: listing, the champion's alias, promotion and rollback.

Every registered model has versions, a champion and a history of its own; which one is meant is
`gate.model` of a profile. Knows the MLflow registry and the gate; not how a model is trained,
measured or logged.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jamel.config import MODEL_NAME, GateConfig
from jamel.disk import append_line, full_disk_is_a_store_error
from jamel.errors import ConfigError, GateError, StoreError
from jamel.gate import Condition, Decision, decide, require
from jamel.registry.connection import connect, missing
from jamel.registry.notes import of_decision
from jamel.registry.tracking import Tracker
from jamel.stores import lock, stores_at

CHAMPION = "champion"
EVALUATION_FILE = "results.json"
VALIDATION_FILE = "validation.json"
FIGURES = ("coverage", "reward", "auc", "tokens_per_decision", "ms_per_decision")
_HISTORY = "champion_history"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model: its number, its run, its origin and what was measured."""

    model: str
    version: str
    run_id: str
    created: str
    tags: Mapping[str, str]
    figures: Mapping[str, float]

    def as_row(self) -> dict[str, Any]:
        """A line of the comparison table."""
        kept = ("arm", "dataset_md5", "git_commit", "config_digest", "environment_digest", "gate")
        figures = {name: self.figures.get(name) for name in FIGURES}
        return {
            "model": self.model,
            "version": self.version,
            "created": self.created,
            **figures,
            **{name: self.tags.get(name, "") for name in kept},
        }


def champion(root: Path | str, *, model: str = MODEL_NAME) -> ModelVersion | None:
    """The version that collects and that a candidate has to beat, None before any promotion."""
    client = connect(root)
    with missing() as absent:
        found = client.get_model_version_by_alias(model, CHAMPION)
        return _version(client, found)
    assert absent
    return None


def get_version(
    root: Path | str, version: str | None = None, *, model: str = MODEL_NAME
) -> ModelVersion:
    """One version, by default the newest; raises StoreError when there is none such."""
    known = list_versions(root, model=model)
    wanted = [item for item in known if version is None or item.version == str(version)]
    if not wanted:
        numbers = ", ".join(item.version for item in known) or "none"
        raise StoreError(
            f"expected a registered version {version or ''}, found {numbers} of the model "
            f"'{model}'. Train and register a model first, or name one of those."
        )
    return wanted[0]


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
            f"{stores_at(root).mlflow_artifacts}, found none. Restore that folder from a backup, "
            "or train and register the model again."
        )
    return found


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


def promote(
    root: Path | str, version: str | None = None, gate: GateConfig | None = None
) -> dict[str, Any]:
    """Move the champion's alias to a version, by default the newest, if the gate lets it.

    The version is one of the registered model `gate.model`.

    Returns:
        `{"model", "version", "previous", "promoted"}`, as `weigh` does.

    Raises:
        ConfigError: the gate names an agent that no candidate can be measured beside.
        GateError: at least one condition failed; the champion is unchanged.
        StoreError: there is no such version, or it was registered without an evaluation.
    """
    outcome, decision = _weigh(root, version, gate)
    if not outcome["promoted"]:
        require(decision)
    return outcome


def weigh(
    root: Path | str, version: str | None = None, gate: GateConfig | None = None
) -> dict[str, Any]:
    """Promote a version, by default the newest, if the gate lets it, and tell the verdict.

    The evaluation and the validation that were logged with the version are what the gate reads.
    The verdict is written to the version's tags and to the audit log, also when it is a refusal.
    The champion itself is weighed without a rival and stays champion. Other registered models than
    `gate.model` are not touched.

    Returns:
        `{"model", "version", "previous", "promoted", "conditions"}`; the conditions are those of
        `gate.Decision.as_dict()`.

    Raises:
        ConfigError: the gate names an agent that no candidate can be measured beside.
        StoreError: there is no such version, or it was registered without an evaluation.
    """
    outcome, decision = _weigh(root, version, gate)
    return decision.as_dict() | outcome


def _weigh(
    root: Path | str, version: str | None, gate: GateConfig | None
) -> tuple[dict[str, Any], Decision]:
    gate = gate or GateConfig()
    with lock(Path(root), "registry", wait_s=60), full_disk_is_a_store_error(root):
        candidate = get_version(root, version, model=gate.model)
        now = champion(root, model=gate.model)
        previous = "" if now is None else now.version
        if previous == candidate.version:
            decision = judge(root, candidate, None, gate)
        else:
            decision = judge(root, candidate, now, gate)
            _note(root, candidate, decision)
            if decision.promoted:
                _crown(root, candidate, previous)
        promoted = decision.promoted or previous == candidate.version
    named = {"model": candidate.model, "version": candidate.version}
    return named | {"previous": previous, "promoted": promoted}, decision


def judge(
    root: Path | str, candidate: ModelVersion, now: ModelVersion | None, gate: GateConfig
) -> Decision:
    """The gate's decision on a version, without acting on it.

    Args:
        root: the project.
        candidate: the version to weigh.
        now: the champion it has to beat, None for the first promotion.
        gate: the metric that counts, the agents to beat and the ratios of cost that are tolerated.

    Raises:
        ConfigError: the gate names an agent that no candidate can be measured beside.
        StoreError: the candidate was registered without an evaluation or a validation.
    """
    results = _logged(root, candidate, EVALUATION_FILE)
    validation = _logged(root, candidate, VALIDATION_FILE)
    record = None if now is None else dict(now.figures)
    decision = decide(results, validation, record, gate)
    if now is None:
        return decision
    conditions = (*decision.conditions, _measured_against(candidate, now))
    return Decision(all(item.passed for item in conditions), conditions)


def rollback(root: Path | str, *, model: str = MODEL_NAME) -> dict[str, Any]:
    """Give a registered model's alias back to the version that held it before.

    Returns:
        `{"model", "version", "previous", "rolled_back"}`.

    Raises:
        GateError: there is no champion, or no earlier one.
    """
    with lock(Path(root), "registry", wait_s=60):
        now = champion(root, model=model)
        # A run killed between the two writes of a promotion leaves the champion on top.
        earlier = [item for item in _history(root, model) if item != now.version] if now else []
        if now is None or not earlier:
            raise GateError(
                f"expected an earlier champion of the model '{model}' to go back to, found none. "
                "Promote another version instead."
            )
        client = connect(root)
        client.set_registered_model_alias(model, CHAMPION, earlier[-1])
        _write_history(root, model, earlier[:-1])
        _audit(root, "rollback", model, earlier[-1], now.version)
    named = {"model": model, "version": earlier[-1]}
    return named | {"previous": now.version, "rolled_back": True}


def read_audit(root: Path | str) -> list[dict[str, Any]]:
    """Every promotion, refusal and rollback of every registered model, oldest first.

    What a crash cut short is left out; an entry of the time with one model is of that one.
    """
    path = stores_at(root).audit
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [entry for line in lines if (entry := _audit_entry(line)) is not None]


def _measured_against(candidate: ModelVersion, now: ModelVersion) -> Condition:
    against = candidate.tags.get("measured_against", "")
    return Condition(
        "measured against the current champion",
        against == now.version,
        f"measured against version {against}" if against else "measured against no champion",
        f"measured against version {now.version}",
    )


def _crown(root: Path | str, candidate: ModelVersion, previous: str) -> None:
    """History first: if this dies in between, rollback still knows where to go."""
    model, version = candidate.model, candidate.version
    if previous:
        _write_history(root, model, [*_history(root, model), previous])
    client = connect(root)
    client.set_registered_model_alias(model, CHAMPION, version)
    client.set_model_version_tag(model, version, "promoted_at", _now())
    _audit(root, "promote", model, version, previous)


def _note(root: Path | str, candidate: ModelVersion, decision: Decision) -> None:
    client = connect(root)
    verdict = "promoted" if decision.promoted else "refused"
    client.set_model_version_tag(candidate.model, candidate.version, "gate", verdict)
    client.log_dict(candidate.run_id, decision.as_dict(), "gate.json")
    Tracker(root).add_note(candidate.run_id, of_decision(decision))
    if not decision.promoted:
        failed = [asdict(item) for item in decision.failed()]
        _audit(root, "refuse", candidate.model, candidate.version, "", failed=failed)


def _logged(root: Path | str, candidate: ModelVersion, name: str) -> dict[str, Any]:
    import mlflow
    from mlflow.exceptions import MlflowException

    connect(root)
    try:
        return dict(mlflow.artifacts.load_dict(f"runs:/{candidate.run_id}/{name}"))
    except (MlflowException, OSError):
        raise StoreError(
            f"expected {name} among the files of version {candidate.version} of the model "
            f"'{candidate.model}', found none. Register the model with its evaluation and its "
            "validation."
        ) from None


def _version(client: Any, found: Any) -> ModelVersion:
    metrics = client.get_run(found.run_id).data.metrics
    created = time.strftime("%Y-%m-%d %H:%M", time.gmtime(found.creation_timestamp / 1000))
    tags = client.get_model_version(found.name, found.version).tags
    figures = {name: metrics[name] for name in FIGURES if name in metrics}
    return ModelVersion(found.name, str(found.version), found.run_id, created, dict(tags), figures)


def _history(root: Path | str, model: str) -> list[str]:
    tags = connect(root).get_registered_model(model).tags
    return [str(item) for item in json.loads(tags.get(_HISTORY, "[]"))]


def _write_history(root: Path | str, model: str, versions: Sequence[str]) -> None:
    # The last hundred: a tag's value is limited in length.
    text = json.dumps(list(versions)[-100:])
    connect(root).set_registered_model_tag(model, _HISTORY, text)


def _audit(
    root: Path | str, event: str, model: str, version: str, previous: str, **more: Any
) -> None:
    entry = {"time": _now(), "event": event, "model": model, "version": version}
    entry |= {"previous": previous, **more}
    append_line(stores_at(root).audit, json.dumps(entry))


def _audit_entry(line: str) -> dict[str, Any] | None:
    try:
        return {"model": MODEL_NAME, **json.loads(line)}
    except ValueError:
        return None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
