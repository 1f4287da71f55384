"""Weighing versions: the gate's verdict, written down and acted on, and the way back.

One process at a time: the registry's lock is held from the look at the champion to the last write.
Knows what was logged with a version and what `jamel.gate` makes of it; not how a model is trained,
measured or logged, nor what a person answers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jamel.config import MODEL_NAME, GateConfig
from jamel.disk import digest_of, full_disk_is_a_store_error
from jamel.errors import GateError, StoreError
from jamel.gate import Condition, Decision, decide, require
from jamel.registry.aliases import (
    CHAMPION,
    GATE_TAG,
    LOCK_WAIT_S,
    PREVIOUS,
    PROMOTED,
    UNTIL_TAG,
    WAITING,
    enact,
    former_champions,
    settle_locked,
)
from jamel.registry.audit import new_entry, now, said_by
from jamel.registry.connection import connect
from jamel.registry.notes import of_decision
from jamel.registry.smoke import smoke_test
from jamel.registry.tracking import Tracker
from jamel.registry.versions import (
    AGAINST_TAG,
    EVALUATION_FILE,
    VALIDATION_FILE,
    ModelVersion,
    get_version,
    model_dir,
    standing_champion,
)
from jamel.stores import lock

VERDICT_FILE = "gate.json"
BY_GATE = "the gate"
"""Who decided, where no person was asked."""
ORIGIN = ("dataset_md5", "git_commit", "config_digest", "environment_digest")


def promote(
    root: Path | str,
    version: str | None = None,
    gate: GateConfig | None = None,
    *,
    by: str = "",
    reason: str = "",
) -> dict[str, Any]:
    """Move the champion's alias to a version, by default the newest, if the gate lets it.

    The version is one of the registered model `gate.model`. Where a person has to approve, it
    waits for that.

    Returns:
        `{"model", "version", "previous", "promoted"}`, as `weigh` does.

    Raises:
        ConfigError: the gate names an agent that no candidate can be measured beside, or the name
            or the reason is too long.
        GateError: at least one condition failed; the champion is unchanged.
        StoreError: there is no such version, or it was registered without an evaluation.
    """
    outcome, decision = _weigh(root, version, gate, by, reason)
    if decision and not outcome["promoted"]:
        require(decision)
    return outcome


def weigh(
    root: Path | str,
    version: str | None = None,
    gate: GateConfig | None = None,
    *,
    by: str = "",
    reason: str = "",
    again: bool = True,
) -> dict[str, Any]:
    """Promote a version, by default the newest, if the gate lets it, and tell the verdict.

    The evaluation and the validation that were logged with the version are what the gate reads.
    The verdict is written to the version's tags and to the audit, also when it is a refusal. With
    `gate.approval: person` a version that holds every condition waits for an answer instead.
    The champion itself is weighed without a rival and stays champion. Other registered models than
    `gate.model` are not touched.

    Args:
        root: the project.
        version: its number.
        gate: what has to hold.
        by: who asked for it, for the audit.
        reason: why, for the audit.
        again: whether one that was decided is weighed anew; else that decision is told.

    Returns:
        `{"model", "version", "previous", "promoted", "conditions"}`; the conditions are those of
        `gate.Decision.as_dict()`. Of a version that waits also `waits_until`, in UTC; of one that
        is not weighed again `by` and `reason`.

    Raises:
        ConfigError: the gate names an agent that no candidate can be measured beside, or the name
            or the reason is too long.
        StoreError: there is no such version, or it was registered without an evaluation.
    """
    outcome, decision = _weigh(root, version, gate, by, reason, again)
    return (decision.as_dict() if decision else {}) | outcome


def rollback(
    root: Path | str, *, model: str = MODEL_NAME, by: str = "", reason: str = ""
) -> dict[str, Any]:
    """Give a registered model's alias back to the previous champion.

    Returns:
        `{"model", "version", "previous", "rolled_back"}`.

    Raises:
        ConfigError: the name or the reason is too long.
        GateError: there is no champion, or no earlier one.
    """
    by, reason = said_by(by, reason)
    with registry_alone(root, model):
        rival = standing_champion(root, model)
        earlier = former_champions(root, model) if rival else []
        if rival is None or not earlier:
            raise GateError(
                f"expected an earlier champion of the model '{model}' to go back to, found none. "
                "Promote another version instead."
            )
        *before, back = earlier
        entry = new_entry("rollback", model, back, rival.version, by=by, reason=reason)
        aliases = {CHAMPION: back, PREVIOUS: before[-1] if before else ""}
        enact(root, entry, aliases, before)
    return {"model": model, "version": back, "previous": rival.version, "rolled_back": True}


def decided(root: Path | str, candidate: ModelVersion) -> dict[str, Any]:
    """What was decided about a version, from its tags and the verdict logged with it.

    Raises:
        GateError: it was never weighed.
    """
    tags = candidate.tags
    if GATE_TAG not in tags:
        raise GateError(
            f"expected version {candidate.version} of '{candidate.model}' to wait for approval, "
            f"found it was never weighed. `jamel promote --version {candidate.version}` weighs it."
        )
    return {
        "model": candidate.model,
        "version": candidate.version,
        "previous": "",
        "promoted": tags.get(GATE_TAG) == PROMOTED,
        "conditions": logged(root, candidate, VERDICT_FILE)[0]["conditions"],
        "by": tags.get("decided_by", ""),
        "reason": tags.get("decision_reason", ""),
    }


def judge(
    root: Path | str,
    candidate: ModelVersion,
    rival: ModelVersion | None,
    gate: GateConfig,
    served: Mapping[str, Any],
) -> Decision:
    """The gate's decision on a version, without acting on it.

    Args:
        root: the project.
        candidate: the version to weigh.
        rival: the champion it has to beat, None for the first promotion.
        gate: the metric that counts, the agents to beat and the ratios of cost that are tolerated.
        served: what the stored model answered, as `smoke_test` returns it.

    Raises:
        ConfigError: the gate names an agent that no candidate can be measured beside.
        StoreError: the candidate was registered without an evaluation or a validation.
    """
    results, _ = logged(root, candidate, EVALUATION_FILE)
    validation, _ = logged(root, candidate, VALIDATION_FILE)
    record = None if rival is None else dict(rival.figures)
    decision = decide(results, validation, served, record, gate)
    if rival is None:
        return decision
    conditions = (*decision.conditions, _measured_against(candidate, rival))
    return Decision(all(item.passed for item in conditions), conditions)


def _weigh(
    root: Path | str,
    version: str | None,
    gate: GateConfig | None,
    by: str,
    reason: str,
    again: bool = True,
) -> tuple[dict[str, Any], Decision | None]:
    """What came of it, and the verdict where there was one."""
    gate, (by, reason) = gate or GateConfig(), said_by(by, reason)
    candidate = get_version(root, version, model=gate.model)
    # It takes seconds, and a version never changes: others need not wait for it.
    served = smoke_test(root, gate.model, candidate.version)
    with registry_alone(root, gate.model):
        candidate = get_version(root, candidate.version, model=gate.model)
        if not again and candidate.tags.get(GATE_TAG, WAITING) != WAITING:
            return decided(root, candidate), None
        rival = standing_champion(root, gate.model)
        previous = "" if rival is None else rival.version
        outcome: dict[str, Any] = {"model": gate.model, "version": candidate.version}
        outcome["previous"] = previous
        if previous == candidate.version:
            return outcome | {"promoted": True}, judge(root, candidate, None, gate, served)
        decision = judge(root, candidate, rival, gate, served)
        if decision.promoted and gate.approval == "person":
            until = _wait(root, candidate, decision, gate, by, reason)
            return outcome | {"promoted": False, UNTIL_TAG: until}, decision
        record(root, candidate, rival, decision, by or BY_GATE, reason)
    return outcome | {"promoted": decision.promoted}, decision


@contextmanager
def registry_alone(root: Path | str, model: str) -> Iterator[None]:
    """Have the registry alone, with nothing of a former move left to do."""
    with lock(Path(root), "registry", wait_s=LOCK_WAIT_S), full_disk_is_a_store_error(root):
        settle_locked(root, model)
        yield


def record(
    root: Path | str,
    candidate: ModelVersion,
    rival: ModelVersion | None,
    decision: Decision,
    by: str,
    reason: str,
) -> None:
    """Write a verdict down and act on it."""
    _log_verdict(root, candidate, decision)
    if not decision.promoted:
        reason = reason or f"failed: {names_of(decision)}"
        entry = entry_of(root, "refuse", candidate, "", by, reason)
        entry["failed"] = [asdict(item) for item in decision.failed()]
        enact(root, entry)
        return
    previous = "" if rival is None else rival.version
    reason = reason or "every condition holds"
    entry = entry_of(root, "promote", candidate, previous, by, reason)
    former = former_champions(root, candidate.model)
    aliases = {PREVIOUS: previous, CHAMPION: candidate.version}
    enact(root, entry, aliases, [*former, previous] if previous else [])


def _log_verdict(root: Path | str, candidate: ModelVersion, decision: Decision) -> None:
    """The conditions as a file of the version's run, and the verdict in its words."""
    connect(root).log_dict(candidate.run_id, decision.as_dict(), VERDICT_FILE)
    Tracker(root).add_note(candidate.run_id, of_decision(decision))


def _wait(
    root: Path | str,
    candidate: ModelVersion,
    decision: Decision,
    gate: GateConfig,
    by: str,
    reason: str,
) -> str:
    """Until when the version waits; one that waits already goes on as before."""
    tags = get_version(root, candidate.version, model=gate.model).tags
    if tags.get(GATE_TAG) == WAITING:
        return tags[UNTIL_TAG]
    _log_verdict(root, candidate, decision)
    until = now(3600 * gate.approval_hours)
    entry = entry_of(root, "wait", candidate, "", by or BY_GATE, reason or "every condition holds")
    enact(root, entry | {"until": until})
    return until


def entry_of(
    root: Path | str, event: str, candidate: ModelVersion, previous: str, by: str, reason: str
) -> dict[str, Any]:
    """An entry of the audit about a version, with its evidence."""
    evidence = _evidence(root, candidate)
    return new_entry(
        event, candidate.model, candidate.version, previous, by=by, reason=reason, evidence=evidence
    )


def names_of(decision: Decision) -> str:
    """The conditions that failed, in a sentence."""
    return ", ".join(item.name for item in decision.failed())


def _evidence(root: Path | str, candidate: ModelVersion) -> dict[str, str]:
    """The run, digests of what was read and of the weights, and where they came from."""
    found = {"run_id": candidate.run_id}
    for name in (EVALUATION_FILE, VALIDATION_FILE, VERDICT_FILE):
        found[f"{name} sha256"] = logged(root, candidate, name)[1]
    # Without its files a version is refused, and that is written down as any other refusal.
    with suppress(StoreError, OSError):
        weights = model_dir(root, candidate.version, model=candidate.model) / "model.safetensors"
        found[f"{weights.name} sha256"] = digest_of(weights)
    return found | {name: candidate.tags[name] for name in ORIGIN if candidate.tags.get(name)}


def _measured_against(candidate: ModelVersion, rival: ModelVersion) -> Condition:
    against = candidate.tags.get(AGAINST_TAG, "")
    return Condition(
        "measured against the current champion",
        against == rival.version,
        f"measured against version {against}" if against else "measured against no champion",
        f"measured against version {rival.version}",
    )


def logged(root: Path | str, candidate: ModelVersion, name: str) -> tuple[dict[str, Any], str]:
    """A file that was logged with a version, and the SHA-256 of its bytes."""
    import mlflow
    from mlflow.exceptions import MlflowException

    connect(root)
    try:
        text = mlflow.artifacts.load_text(f"runs:/{candidate.run_id}/{name}")
        return dict(json.loads(text)), hashlib.sha256(text.encode()).hexdigest()
    except (MlflowException, OSError, ValueError):
        raise StoreError(
            f"expected {name} among the files of version {candidate.version} of the model "
            f"'{candidate.model}', found none. Register the model with its evaluation and its "
            "validation."
        ) from None
