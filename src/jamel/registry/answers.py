"""A person's answer about a version that waits for one.

The answer is a record in the registry: whoever gives it, on the command line or on Prefect's page,
goes through `answer`. Knows names and reasons as they were given; not who may give them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jamel.config import MODEL_NAME, GateConfig
from jamel.errors import ConfigError, GateError
from jamel.registry.aliases import (
    GATE_TAG,
    PROMOTED,
    REFUSED,
    UNTIL_TAG,
    WAITING,
    enact,
    settle,
    waiting_versions,
)
from jamel.registry.audit import said_by
from jamel.registry.promotion import (
    BY_GATE,
    decided,
    entry_of,
    judge,
    names_of,
    record,
    registry_alone,
)
from jamel.registry.smoke import smoke_test
from jamel.registry.versions import get_version, standing_champion


def approve(
    root: Path | str, version: str, by: str, reason: str, gate: GateConfig | None = None
) -> dict[str, Any]:
    """Approve a version that waits for it, which makes it champion.

    Returns:
        As `answer` does.

    Raises:
        ConfigError: there is no name or no reason, or one is too long.
        GateError: it does not wait, or a condition that held when it was weighed holds no more.
        StoreError: there is no such version.
    """
    outcome = _in_time(answer(root, version, True, by, reason, gate))
    if not outcome["promoted"]:
        raise GateError(
            f"expected every promotion condition still to hold for version {version}: "
            f"{outcome['reason']}. The champion is unchanged; measure the version against it."
        )
    return outcome


def refuse(
    root: Path | str, version: str, by: str, reason: str, gate: GateConfig | None = None
) -> dict[str, Any]:
    """Refuse a version that waits for approval; the champion stays.

    Returns:
        As `answer` does.

    Raises:
        ConfigError: there is no name or no reason, or one is too long.
        GateError: it does not wait.
        StoreError: there is no such version.
    """
    return _in_time(answer(root, version, False, by, reason, gate))


def answer(
    root: Path | str,
    version: str,
    approved: bool,
    by: str,
    reason: str,
    gate: GateConfig | None = None,
) -> dict[str, Any]:
    """A person's answer about a version that waits. The first one counts.

    What was approved is weighed again, for another champion may have come since.

    Returns:
        `{"model", "version", "previous", "promoted", "conditions", "answered", "by", "reason"}`;
        `answered` is false where it waits no more: the rest tells what was decided before.

    Raises:
        ConfigError: there is no name or no reason, or one is too long.
        GateError: it was never weighed.
        StoreError: there is no such version.
    """
    gate, (by, reason) = gate or GateConfig(), _said(by, reason)
    candidate = get_version(root, version, model=gate.model)
    served = smoke_test(root, gate.model, candidate.version) if approved else {}
    with registry_alone(root, gate.model):
        candidate = get_version(root, version, model=gate.model)
        if candidate.tags.get(GATE_TAG) != WAITING:
            return decided(root, candidate) | {"answered": False}
        rival = standing_champion(root, gate.model)
        if approved:
            decision = judge(root, candidate, rival, gate, served)
            if not decision.promoted:
                failed = names_of(decision)
                reason, by = f"{by} approved it ({reason}), but {failed} failed", BY_GATE
            record(root, candidate, rival, decision, by, reason)
        else:
            enact(root, entry_of(root, "refuse", candidate, "", by, reason))
        candidate = get_version(root, version, model=gate.model)
    previous = "" if rival is None else rival.version
    return decided(root, candidate) | {"previous": previous, "answered": True}


def waiting(root: Path | str, *, model: str = MODEL_NAME) -> list[dict[str, str]]:
    """The versions that wait for a person, `{"model", "version", "waits_until"}`, oldest first.

    Those whose time is over are refused first.
    """
    settle(root, model)
    found = [get_version(root, version, model=model) for version in waiting_versions(root, model)]
    return [
        {"model": model, "version": item.version, UNTIL_TAG: item.tags[UNTIL_TAG]} for item in found
    ]


def _said(by: str, reason: str) -> tuple[str, str]:
    by, reason = said_by(by, reason)
    if not by or not reason:
        raise ConfigError(
            f"expected a {'reason' if by else 'name'} with the decision, found none. Say who "
            "decides with --by and why with --reason; the version still waits."
        )
    return by, reason


def _in_time(outcome: dict[str, Any]) -> dict[str, Any]:
    """The outcome of an answer that counted; raises GateError for one that did not."""
    if outcome["answered"]:
        return outcome
    verdict = PROMOTED if outcome["promoted"] else REFUSED
    by = outcome["by"] or "nobody"
    raise GateError(
        f"expected version {outcome['version']} of '{outcome['model']}' to wait for approval, "
        f"found it {verdict} by {by}: {outcome['reason']}. `jamel promote --version "
        f"{outcome['version']}` weighs it again."
    )
