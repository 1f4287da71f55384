"""What was decided about versions: their tags, and the aliases `champion` and `previous-champion`.

MLflow writes one tag or alias at a time. What a decision comes to is therefore written down first,
whole, in a tag of its version; one tag of the registered model then says that this version's is to
be carried out, and goes away when it is. Whoever looks next after a crash carries out what is still
named there, so that no one sees half of it. Knows the registry's tags and aliases; not why anything
is decided.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jamel.registry.audit import Entry, new_entry, now, write_entry
from jamel.registry.connection import connect, missing
from jamel.stores import lock

CHAMPION = "champion"
PREVIOUS = "previous-champion"
GATE_TAG = "gate"
"""Of a version: what became of it. One of the next three."""
PROMOTED, REFUSED, WAITING = "promoted", "refused", "waiting"
UNTIL_TAG = "waits_until"
_HISTORY = "champion_history"
_PLAN = "decision_plan"
"""Of a version: its text may have any length, that of a registered model's tag may not."""
_UNFINISHED = "decision_unfinished"
LOCK_WAIT_S = 60
KEPT = 100
"""Former champions that are remembered: a registered model's tag holds 5,000 characters."""


def settle(root: Path | str, model: str) -> None:
    """Carry out what a crash cut short; refuse what nobody answered in time.

    Raises:
        Busy: another process is changing the registry and does not come to an end.
    """
    client = connect(root)
    if _unfinished(client, model) or _overdue(client, model):
        with lock(Path(root), "registry", wait_s=LOCK_WAIT_S):
            settle_locked(root, model)


def settle_locked(root: Path | str, model: str) -> None:
    """As `settle`, for those who hold the registry's lock."""
    client = connect(root)
    if plan := _unfinished(client, model):
        _carry_out(root, json.loads(plan))
    for version in _overdue(client, model):
        until = client.get_model_version(model, version).tags.get(UNTIL_TAG, "now")
        reason = f"nobody approved it until {until}"
        enact(root, new_entry("refuse", model, version, by="", reason=reason))


def enact(
    root: Path | str,
    entry: Entry,
    aliases: Mapping[str, str] | None = None,
    former: Sequence[str] = (),
) -> None:
    """Do what was decided, all of it or nothing; the caller holds the registry's lock.

    The version gets its tags, the aliases move and the audit gets its line.

    Args:
        root: the project.
        entry: of the audit; it says what was decided about which version.
        aliases: alias -> version, in the order in which they are written; none where it is empty.
            By default they stay.
        former: where they move, the champions before this one, oldest first.
    """
    plan = {"entry": entry, "aliases": dict(aliases or {}), "former": list(former)[-KEPT:]}
    client, model, version = connect(root), entry["model"], entry["version"]
    text = json.dumps(plan, ensure_ascii=False)
    client.set_model_version_tag(model, version, _PLAN, text)
    # This one write is the decision. All that follows can be done again.
    client.set_registered_model_tag(model, _UNFINISHED, version)
    _carry_out(root, plan)


def tags_of(entry: Entry) -> dict[str, str]:
    """An entry as tags of its version, in the order in which they are written.

    That of the gate comes last: whoever reads it finds the others.
    """
    if entry["event"] == "rollback":
        return {}
    if entry["event"] == "wait":
        return {UNTIL_TAG: entry["until"], GATE_TAG: WAITING}
    told = {"decided_at": entry["time"], "decided_by": entry.get("by", "")}
    told |= {"decision_reason": entry.get("reason", ""), "decision": entry["id"]}
    if evidence := entry.get("evidence"):
        told["evidence"] = json.dumps(evidence)
    if entry["event"] == "refuse":
        return told | {GATE_TAG: REFUSED}
    return told | {"promoted_at": entry["time"], GATE_TAG: PROMOTED}


def alias_of(root: Path | str, model: str, alias: str) -> str:
    """The version that has an alias, empty where none has."""
    client = connect(root)
    with missing():
        return str(client.get_registered_model(model).aliases.get(alias, ""))
    return ""


def former_champions(root: Path | str, model: str) -> list[str]:
    """Versions that were champion and are still there, oldest first; the last is the previous one.

    An alias that was set by hand in MLflow counts.
    """
    client = connect(root)
    found = client.get_registered_model(model)
    aliases = {name: str(version) for name, version in found.aliases.items()}
    known = [str(item) for item in json.loads(found.tags.get(_HISTORY, "[]"))]
    if previous := aliases.get(PREVIOUS):
        known = [*(item for item in known if item != previous), previous]
    there = {str(v.version) for v in client.search_model_versions(f"name='{model}'")}
    return [item for item in known if item in there and item != aliases.get(CHAMPION)]


def waiting_versions(root: Path | str, model: str) -> list[str]:
    """The versions that wait for a person, oldest first."""
    client = connect(root)
    wanted = f"name='{model}' and tags.{GATE_TAG}='{WAITING}'"
    return sorted((str(v.version) for v in client.search_model_versions(wanted)), key=int)


def _overdue(client: Any, model: str) -> list[str]:
    wanted = f"name='{model}' and tags.{GATE_TAG}='{WAITING}'"
    moment = now()
    found = [v for v in client.search_model_versions(wanted) if v.tags.get(UNTIL_TAG, "") < moment]
    return sorted((str(v.version) for v in found), key=int)


def _unfinished(client: Any, model: str) -> str:
    """The plan that is to be carried out, empty where there is none."""
    # A version that was deleted since takes along what was decided about it.
    with missing():
        version = client.get_registered_model(model).tags.get(_UNFINISHED, "")
        return str(client.get_model_version(model, version).tags.get(_PLAN, "")) if version else ""
    return ""


def _carry_out(root: Path | str, plan: Mapping[str, Any]) -> None:
    client, entry = connect(root), plan["entry"]
    model, version = entry["model"], entry["version"]
    for key, value in tags_of(entry).items():
        client.set_model_version_tag(model, version, key, value)
    for alias, its_version in plan["aliases"].items():
        # A former champion that was deleted is no reason never to come to an end.
        with missing():
            if its_version:
                client.set_registered_model_alias(model, alias, its_version)
            else:
                client.delete_registered_model_alias(model, alias)
    if plan["aliases"]:
        client.set_registered_model_tag(model, _HISTORY, json.dumps(plan["former"]))
    write_entry(root, entry)
    client.delete_registered_model_tag(model, _UNFINISHED)
    client.delete_model_version_tag(model, version, _PLAN)
