"""The aliases `champion` and `previous-champion` of a registered model, which move together.

MLflow writes one alias at a time. What a move comes to is therefore written down first, whole, in
one tag of the registered model; then it is carried out, and the tag goes away. Whoever looks next
after a crash carries out what is still written there, so that no one sees half of it. Knows the
registry's tags and aliases; not why anything moves.
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
_MOVE = "champion_move"
LOCK_WAIT_S = 60
KEPT = 100
"""Former champions that are remembered: a tag's value is limited in length."""


def settle(root: Path | str, model: str) -> None:
    """Carry out a move that a crash cut short; refuse what nobody answered in time.

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
    if text := _unfinished(client, model):
        _carry_out(root, model, json.loads(text))
    for version in _overdue(client, model):
        until = client.get_model_version(model, version).tags.get(UNTIL_TAG, "now")
        reason = f"nobody approved it until {until}"
        entry = new_entry("refuse", model, version, by="", reason=reason)
        note(root, entry, {GATE_TAG: REFUSED, **decision_tags(entry)})


def move(
    root: Path | str,
    entry: Entry,
    aliases: Mapping[str, str],
    former: Sequence[str],
    tags: Mapping[str, str] | None = None,
) -> None:
    """Move both aliases; the caller holds the registry's lock.

    Args:
        root: the project.
        entry: of the audit; its model's aliases move, its version gets the tags.
        aliases: alias -> version, in the order in which they are written; none where it is empty.
        former: the champions before this one, oldest first.
        tags: of the version.
    """
    plan = {"entry": entry, "aliases": dict(aliases), "former": list(former)[-KEPT:]}
    plan |= {"tags": dict(tags or {})}
    # This one write is the move. All that follows can be done again.
    connect(root).set_registered_model_tag(entry["model"], _MOVE, json.dumps(plan))
    _carry_out(root, entry["model"], plan)


def note(root: Path | str, entry: Entry, tags: Mapping[str, str]) -> None:
    """Write what was decided about a version to the audit and to its tags; no alias moves."""
    write_entry(root, entry)
    client = connect(root)
    for key, value in tags.items():
        client.set_model_version_tag(entry["model"], entry["version"], key, value)


def decision_tags(entry: Entry) -> dict[str, str]:
    """An entry as tags of its version: when, who, why, on what evidence."""
    told = {"decided_at": entry["time"], "decided_by": entry.get("by", "")}
    told |= {"decision_reason": entry.get("reason", ""), "decision": entry["id"]}
    evidence = entry.get("evidence")
    return told | ({"evidence": json.dumps(evidence)} if evidence else {})


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
    with missing():
        return str(client.get_registered_model(model).tags.get(_MOVE, ""))
    return ""


def _carry_out(root: Path | str, model: str, plan: Mapping[str, Any]) -> None:
    client, entry = connect(root), plan["entry"]
    # A version that was deleted since is no reason never to come to an end.
    with missing():
        for key, value in plan["tags"].items():
            client.set_model_version_tag(model, entry["version"], key, value)
    for alias, version in plan["aliases"].items():
        with missing():
            if version:
                client.set_registered_model_alias(model, alias, version)
            else:
                client.delete_registered_model_alias(model, alias)
    client.set_registered_model_tag(model, _HISTORY, json.dumps(plan["former"]))
    write_entry(root, entry)
    client.delete_registered_model_tag(model, _MOVE)
