"""What a dataset holds, for a person: sessions, steps and what they were worth, by round and agent.

Reads the footers of session shards and three columns of label shards; knows no model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jamel.episodes import session_header
from jamel.errors import ShardError
from jamel.shards import LABEL_KIND, read_table


def card_rows(sessions: Path, labels: Path) -> list[dict[str, Any]]:
    """One row a round and agent, over sessions that have labels.

    Args:
        sessions: the folder of the rounds' session shards.
        labels: the folder of their labels, round by round as the sessions.

    Returns:
        `{"round", "agent", "sessions", "apps", "steps", "rewarded", "new_probes"}`; `rewarded` is
        the share of steps that reached new code, in percent.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for path in sorted(sessions.glob("*/*.parquet")):
        header, worth = session_header(path), _worth(labels / path.parent.name / path.name)
        if header and worth:
            key = (path.parent.name, str(header["agent"]))
            groups.setdefault(key, []).append(worth | {"app": header["app"]})
    return [
        {"round": name, "agent": agent, "sessions": len(rows)} | _totals(rows)
        for (name, agent), rows in sorted(groups.items())
    ]


def card(md5: str, tag: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """The dataset's card as Markdown: what it is called, and a table of what it holds."""
    rows = list(rows)
    names = list(rows[0]) if rows else []
    table = [names, ["---"] * len(names), *(row.values() for row in rows)]
    return "\n".join(
        [
            f"# Dataset {md5}",
            f"Tag `{tag}`, pinned in `data.dvc` and pushed. "
            f"{sum(row['sessions'] for row in rows)} sessions, "
            f"{sum(row['steps'] for row in rows)} steps. "
            "*rewarded* is the share of steps that reached new code, in percent.",
            "",
            *("| " + " | ".join(str(cell) for cell in line) + " |" for line in table if names),
        ]
    )


def _worth(path: Path) -> dict[str, int] | None:
    try:
        table = read_table(path, LABEL_KIND, columns=["reward", "new_probes"])
    except ShardError:
        return None
    columns = [table.column(name).to_pylist() for name in ("reward", "new_probes")]
    rewarded = sum(bool(reward) for reward in columns[0])
    return {"steps": table.num_rows, "rewarded": rewarded, "new_probes": sum(columns[1])}


def _totals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    steps, new = (sum(row[name] for row in rows) for name in ("steps", "new_probes"))
    rewarded = sum(row["rewarded"] for row in rows)
    return {
        "apps": len({row["app"] for row in rows}),
        "steps": steps,
        "rewarded": round(100 * rewarded / max(steps, 1), 1),
        "new_probes": new,
    }
