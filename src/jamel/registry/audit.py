"""The append-only record of what was decided about versions: who, when, why, on what evidence.

Knows the file `stores/audit.jsonl` alone. Nothing in it is ever changed.
"""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

from jamel.config import MODEL_NAME
from jamel.disk import append_line
from jamel.stores import stores_at

Entry = dict[str, Any]


def new_entry(event: str, model: str, version: str, previous: str = "", **more: Any) -> Entry:
    """An entry of this moment, with an id of its own; nothing is written yet.

    Args:
        event: `promote`, `refuse`, `wait` or `rollback`.
        model: the registered model.
        version: what was decided about.
        previous: the version that was champion until then.
        more: the person, the reason, the evidence, the conditions that failed.
    """
    entry = {"id": uuid.uuid4().hex, "time": now(), "event": event, "model": model}
    return entry | {"version": version, "previous": previous} | more


def write_entry(root: Path | str, entry: Entry) -> None:
    """Append an entry unless it is there; raises StoreError."""
    if all(known.get("id") != entry["id"] for known in read_audit(root)):
        append_line(stores_at(root).audit, json.dumps(entry))


def read_audit(root: Path | str) -> list[Entry]:
    """Every decision about every registered model, oldest first.

    What a crash cut short is left out; an entry of the time with one model is of that one.
    """
    path = stores_at(root).audit
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [entry for line in lines if (entry := _read_entry(line)) is not None]


def now(later_s: float = 0.0) -> str:
    """The time in UTC, to the second; texts of it compare as the times do."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + later_s))


def _read_entry(line: str) -> Entry | None:
    try:
        return {"model": MODEL_NAME, **json.loads(line)}
    except ValueError:
        return None
