"""Registered versions of the policy: listing, the champion's alias, promotion and rollback.

Knows the MLflow registry and the gate; not how a model is trained, measured or logged.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jamel.config import GateConfig
from jamel.disk import append_line, full_disk_is_a_store_error
from jamel.errors import GateError, StoreError
from jamel.gate import Condition, Decision, decide, require
from jamel.registry.connection import MODEL_NAME, connect, missing
from jamel.stores import lock, stores_at

CHAMPION = "champion"
EVALUATION_FILE = "results.json"
VALIDATION_FILE = "validation.json"
FIGURES = ("coverage", "reward", "auc", "tokens_per_decision", "ms_per_decision")
_HISTORY = "champion_history"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered model: its number, its run, what it came from and what was measured."""

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
            "version": self.version,
            "created": self.created,
            **figures,
            **{name: self.tags.get(name, "") for name in kept},
        }


def champion(root: Path | str) -> ModelVersion | None:
    """The version that collects and that a candidate has to beat, None before any promotion."""
    client = connect(root)
    with missing() as absent:
        found = client.get_model_version_by_alias(MODEL_NAME, CHAMPION)
        return _version(client, found)
    assert absent
    return None


def get_version(root: Path | str, version: str | None = None) -> ModelVersion:
    """One version, by default the newest; raises StoreError when there is none such."""
    known = list_versions(root)
    wanted = [item for item in known if version is None or item.version == str(version)]
    if not wanted:
        numbers = ", ".join(item.version for item in known) or "none"
        raise StoreError(
            f"expected a registered version {version or ''}, found {numbers}. "
            "Train and register a model first, or name one of those."
        )
    return wanted[0]


def list_versions(root: Path | str) -> list[ModelVersion]:
    """Every registered version, newest first."""
    client = connect(root)
    found = client.search_model_versions(f"name='{MODEL_NAME}'", max_results=1000)
    ordered = sorted(found, key=lambda item: int(item.version), reverse=True)
    return [_version(client, item) for item in ordered]


def champion_dir(root: Path | str) -> Path | None:
    """The champion's `save_pretrained` folder, for collection and evaluation."""
    found = champion(root)
    return None if found is None else model_dir(root, found.version)


def model_dir(root: Path | str, version: str) -> Path:
    """The `save_pretrained` folder of a version; raises StoreError when its files are gone."""
    import mlflow
    from mlflow.exceptions import MlflowException

    connect(root)
    try:
        folder = mlflow.artifacts.download_artifacts(f"models:/{MODEL_NAME}/{version}")
    except (MlflowException, OSError):
        folder = ""
    found = Path(folder, "artifacts", "hf")
    if not folder or not found.is_dir():
        raise StoreError(
            f"expected the files of model version {version} in "
            f"{stores_at(root).mlflow_artifacts}, found none. Restore that folder from a backup, "
            "or train and register the model again."
        )
    return found


def compare(root: Path | str, versions: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Versions side by side, newest first; all of them unless some are named.

    Raises:
        StoreError: a named version is not registered.
    """
    now = champion(root)
    current = None if now is None else now.version
    wanted = None if versions is None else [get_version(root, name) for name in versions]
    rows = list_versions(root) if wanted is None else wanted
    return [{"champion": item.version == current} | item.as_row() for item in rows]


def promote(
    root: Path | str, version: str | None = None, gate: GateConfig | None = None
) -> dict[str, Any]:
    """Move the champion's alias to a version, by default the newest, if the gate lets it.

    Returns:
        `{"version", "previous", "promoted"}`, as `weigh` does.

    Raises:
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
    The champion itself is weighed without a rival and stays champion.

    Returns:
        `{"version", "previous", "promoted", "conditions"}`; the conditions are those of
        `gate.Decision.as_dict()`.

    Raises:
        StoreError: there is no such version, or it was registered without an evaluation.
    """
    outcome, decision = _weigh(root, version, gate)
    return decision.as_dict() | outcome


def _weigh(
    root: Path | str, version: str | None, gate: GateConfig | None
) -> tuple[dict[str, Any], Decision]:
    gate = gate or GateConfig.model_validate({})
    with lock(Path(root), "registry", wait_s=60), full_disk_is_a_store_error(root):
        candidate, now = get_version(root, version), champion(root)
        previous = "" if now is None else now.version
        if previous == candidate.version:
            decision = judge(root, candidate, None, gate)
        else:
            decision = judge(root, candidate, now, gate)
            _note(root, candidate, decision)
            if decision.promoted:
                _crown(root, candidate.version, previous)
        promoted = decision.promoted or previous == candidate.version
    outcome = {"version": candidate.version, "previous": previous, "promoted": promoted}
    return outcome, decision


def judge(
    root: Path | str, candidate: ModelVersion, now: ModelVersion | None, gate: GateConfig
) -> Decision:
    """The gate's decision on a version, without acting on it.

    Args:
        root: the project.
        candidate: the version to weigh.
        now: the champion it has to beat, None for the first promotion.
        gate: the metric that counts and the ratios of cost that are tolerated.

    Raises:
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


def rollback(root: Path | str) -> dict[str, Any]:
    """Give the alias back to the version that held it before.

    Raises:
        GateError: there is no champion, or no earlier one.
    """
    with lock(Path(root), "registry", wait_s=60):
        now = champion(root)
        # A run killed between the two writes of a promotion leaves the champion on top.
        earlier = [item for item in _history(root) if item != now.version] if now else []
        if now is None or not earlier:
            raise GateError(
                "expected an earlier champion to go back to, found none. "
                "Promote another version instead."
            )
        client = connect(root)
        client.set_registered_model_alias(MODEL_NAME, CHAMPION, earlier[-1])
        _write_history(root, earlier[:-1])
        _audit(root, "rollback", earlier[-1], now.version)
        return {"version": earlier[-1], "previous": now.version, "rolled_back": True}


def read_audit(root: Path | str) -> list[dict[str, Any]]:
    """Every promotion, refusal and rollback, oldest first; what a crash cut short is left out."""
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


def _crown(root: Path | str, version: str, previous: str) -> None:
    """History first: if this dies in between, rollback still knows where to go."""
    if previous:
        _write_history(root, [*_history(root), previous])
    client = connect(root)
    client.set_registered_model_alias(MODEL_NAME, CHAMPION, version)
    client.set_model_version_tag(MODEL_NAME, version, "promoted_at", _now())
    _audit(root, "promote", version, previous)


def _note(root: Path | str, candidate: ModelVersion, decision: Decision) -> None:
    client = connect(root)
    verdict = "promoted" if decision.promoted else "refused"
    client.set_model_version_tag(MODEL_NAME, candidate.version, "gate", verdict)
    client.log_dict(candidate.run_id, decision.as_dict(), "gate.json")
    if not decision.promoted:
        failed = [asdict(item) for item in decision.failed()]
        _audit(root, "refuse", candidate.version, "", failed=failed)


def _logged(root: Path | str, candidate: ModelVersion, name: str) -> dict[str, Any]:
    import mlflow
    from mlflow.exceptions import MlflowException

    connect(root)
    try:
        return dict(mlflow.artifacts.load_dict(f"runs:/{candidate.run_id}/{name}"))
    except (MlflowException, OSError):
        raise StoreError(
            f"expected {name} among the files of version {candidate.version}, found none. "
            "Register the model with its evaluation and its validation."
        ) from None


def _version(client: Any, found: Any) -> ModelVersion:
    metrics = client.get_run(found.run_id).data.metrics
    created = time.strftime("%Y-%m-%d %H:%M", time.gmtime(found.creation_timestamp / 1000))
    tags = client.get_model_version(MODEL_NAME, found.version).tags
    figures = {name: metrics[name] for name in FIGURES if name in metrics}
    return ModelVersion(str(found.version), found.run_id, created, dict(tags), figures)


def _history(root: Path | str) -> list[str]:
    tags = connect(root).get_registered_model(MODEL_NAME).tags
    return [str(item) for item in json.loads(tags.get(_HISTORY, "[]"))]


def _write_history(root: Path | str, versions: Sequence[str]) -> None:
    # The last hundred: a tag's value is limited in length.
    text = json.dumps(list(versions)[-100:])
    connect(root).set_registered_model_tag(MODEL_NAME, _HISTORY, text)


def _audit(root: Path | str, event: str, version: str, previous: str, **more: Any) -> None:
    entry = {"time": _now(), "event": event, "version": version, "previous": previous, **more}
    append_line(stores_at(root).audit, json.dumps(entry))


def _audit_entry(line: str) -> dict[str, Any] | None:
    try:
        return dict(json.loads(line))
    except ValueError:
        return None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
