"""The append-only record of what was decided about versions: who, when, why, on what evidence.

Knows the file `stores/audit.jsonl` alone. Nothing in it is ever changed.
"""

from __future__ import annotations

import json
import time
import unicodedata
import uuid
from pathlib import Path
from typing import Any

from jamel.config import MODEL_NAME
from jamel.disk import append_line
from jamel.errors import ConfigError
from jamel.stores import stores_at

Entry = dict[str, Any]
MAX_NAME, MAX_REASON = 200, 1000
"""Characters of what a person says about a decision."""


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


def said_by(by: str, reason: str) -> tuple[str, str]:
    """A person's name and reason, each on one line without control characters.

    Raises:
        ConfigError: one is longer than `MAX_NAME` or `MAX_REASON`.
    """
    told = []
    for what, text, most in (("name", by, MAX_NAME), ("reason", reason, MAX_REASON)):
        # They would be a line of their own in a verdict; no database takes all of them.
        plain = [" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in text]
        told.append(" ".join("".join(plain).split()))
        if len(told[-1]) > most:
            raise ConfigError(
                f"expected a {what} of at most {most} characters with the decision, found one of "
                f"{len(told[-1])}. Shorten it; nothing has changed."
            )
    return told[0], told[1]


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
