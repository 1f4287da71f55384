"""A comparison of two models, for people: tables for a terminal, one HTML page, Markdown.

Knows what `jamel.registry.compare_two` returns as plain data and nothing of where that was logged.
Names may be hostile: the template escapes every one of them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jamel.disk import write_text
from jamel.plots import coverage_png

TEMPLATES = Path(__file__).parent
SHORT = 12
"""Names that a terminal and a Prefect artifact show of a list; the page and the JSON have all."""

Row = Mapping[str, Any]
Found = Mapping[str, Any]


class Section(NamedTuple):
    """A table: its title, its rows as text, and what to say in place of no row."""

    title: str
    rows: list[dict[str, str]]
    otherwise: str = "no difference"


def sections(found: Found, most: int | None = None) -> list[Section]:
    """The tables of a comparison, the most wanted first.

    Args:
        found: what `compare_two` returns.
        most: rows of what may be long, such as changed files; all by default.
    """
    data = found["dataset"]
    return [
        Section(
            "Paired differences over apps, with 95 % intervals",
            [_paired(found, row) for row in found["paired"]],
            "no app in common",
        ),
        Section("Cost of a decision", [_cost(found, row) for row in found["costs"]], "unknown"),
        Section("Figures of each one's own evaluation", _rows(found, "figures"), "none"),
        Section("Configuration", _rows(found, "config")),
        _cut("Commits", [_commit(found, row) for row in found["code"]["commits"]], most),
        _cut("Changed files", [_file(row) for row in found["code"]["files"]], most),
        _cut("Packages", _rows(found, "packages"), most),
        Section("Dataset", _dataset(found, data, most)),
        Section("Where they come from", _rows(found, "origin")),
        _cut(f"{found['metric']} by app", _apps(found), most, "no app in common"),
    ]


def headings(found: Found) -> tuple[str, str]:
    """What the two columns are called; two of one name get a number."""
    names = (found["first"], found["second"])
    first, second = (f"version {name}" if name.isdecimal() else name for name in names)
    if first == second:
        return f"{first} (first)", f"{second} (second)"
    return first, second


def verdict(found: Found) -> str:
    """What the interval of the first metric at the longest budget allows to be said."""
    pair = next((row for row in found["paired"] if row["metric"] == found["metric"]), None)
    first, second = headings(found)
    if pair is None:
        return f"Nothing can be said about {first} against {second}: they share no evaluated app."
    word = "more" if pair["low"] > 0 else "less" if pair["high"] < 0 else "neither more nor less"
    return (
        f"{first} has {word} {pair['metric']}@{pair['budget']} than {second} on {pair['suite']}: "
        f"{_interval(pair)} over {pair['apps']} apps."
    )


def write_page(found: Found, path: Path) -> Path:
    """Write the page and return its path; raises StoreError."""
    return write_text(path, render(found))


def render(found: Found) -> str:
    """One self-contained HTML page."""
    from jinja2 import Environment, FileSystemLoader

    pages = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    first, second = headings(found)
    sides = {"first": first, "second": second}
    curves = {sides[side]: curve for side, curve in found["curves"].items()}
    picture = base64.b64encode(coverage_png(curves)).decode("ascii") if curves else ""
    return pages.get_template("comparison.html.j2").render(
        title=f"{first} and {second}",
        verdict=verdict(found),
        notes=found["notes"],
        curves=picture,
        sections=sections(found),
    )


def markdown(found: Found) -> str:
    """The verdict, the notes and the tables, for a Prefect artifact."""
    parts = [_plain(verdict(found)), *(f"- {_plain(note)}" for note in found["notes"])]
    for title, rows, otherwise in sections(found, SHORT):
        parts += [f"\n## {title}\n", _table(rows) if rows else otherwise]
    return "\n".join(parts)


def _table(rows: Sequence[Row]) -> str:
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([row[name] for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(_plain(cell) for cell in line)} |" for line in lines)


def _plain(text: str) -> str:
    """Text that stays in its cell and is no HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _cut(
    title: str, rows: list[dict[str, str]], most: int | None, otherwise: str = "no difference"
) -> Section:
    if most is None or len(rows) <= most:
        return Section(title, rows, otherwise)
    return Section(f"{title}, {most} of {len(rows)}", rows[:most])


def _rows(found: Found, part: str) -> list[dict[str, str]]:
    first, second = headings(found)
    return [
        {"name": row["name"], first: _text(row["first"]), second: _text(row["second"])}
        for row in found[part]
        if not row["first"] is row["second"] is None
    ]


def _paired(found: Found, row: Row) -> dict[str, str]:
    first, second = headings(found)
    return {
        "measured": f"{row['metric']}@{row['budget']} on {row['suite']}",
        first: f"{row['mine']:.2f}",
        second: f"{row['theirs']:.2f}",
        "difference": _interval(row),
        "apps won/tied/lost": f"{row['wins']}/{row['ties']}/{row['losses']}",
    }


def _interval(row: Row) -> str:
    return "{difference:+.2f} [{low:+.2f}, {high:+.2f}]".format(**row)


def _apps(found: Found) -> list[dict[str, str]]:
    first, second = headings(found)
    return [
        {
            "app": row["app"],
            first: f"{row['mine']:.1f}",
            second: f"{row['theirs']:.1f}",
            "difference": f"{row['difference']:+.1f}",
        }
        for row in found["apps"]
    ]


def _cost(found: Found, row: Row) -> dict[str, str]:
    first, second = headings(found)
    mine, theirs = row["first"], row["second"]
    ratio = f"{mine / theirs:.2f}" if mine and theirs else ""
    return {"cost": row["name"], first: _text(mine), second: _text(theirs), "ratio": ratio}


def _commit(found: Found, row: Row) -> dict[str, str]:
    side = dict(zip(("first", "second"), headings(found), strict=True))[row["in"]]
    return {"only in": side, "commit": row["commit"], "subject": row["subject"]}


def _file(row: Row) -> dict[str, str]:
    lines = [
        "binary" if row[name] is None else f"{sign}{row[name]}"
        for name, sign in (("added", "+"), ("removed", "-"))
    ]
    return {"file": row["file"], "lines added": lines[0], "removed": lines[1]}


def _dataset(found: Found, data: Row, most: int | None) -> list[dict[str, str]]:
    if not data:
        return []
    first, second = headings(found)
    named = {
        f"sessions only in {first}": data["only_first"],
        f"sessions only in {second}": data["only_second"],
        "sessions of one name and other contents": data["changed"],
        f"apps only in {first}": data["apps_only_first"],
        f"apps only in {second}": data["apps_only_second"],
    }
    rows = [{"what": "sessions in both", "number": str(data["in_both"]), "which": ""}]
    return rows + [
        {"what": what, "number": str(len(names)), "which": _list(names, most)}
        for what, names in named.items()
    ]


def _list(names: Sequence[str], most: int | None) -> str:
    few: Iterable[str] = names if most is None else names[:most]
    more = "" if most is None or len(names) <= most else f" and {len(names) - most} more"
    return ", ".join(few) + more


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return "" if value is None else str(value)
