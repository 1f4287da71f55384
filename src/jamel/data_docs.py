"""The data docs as pages that need no network: an overview of our own, and Great Expectations'.

Its pages fetch styles and scripts from half a dozen foreign servers, and its index is empty
without them. Here the first page says what was checked and what was set aside; the detailed pages
lose every foreign address and get a style of their own. Knows nothing of what the rules mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from jamel.disk import write_text

Row = Mapping[str, Any]

_FOREIGN = re.compile(
    r'<script[^>]*\ssrc="https?:[^>]*>\s*(?:</script>)?|<(?:link|img)[^>]*"https?:[^>]*>'
)
_STYLE = """<style>
:root { color-scheme: light dark; --line: #8884; --good: #18794e; --bad: #c62a2f; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; }
th { white-space: nowrap; } td:first-child { overflow-wrap: anywhere; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
footer, .navbar, #ge-cta-footer, .modal { display: none; }
</style>"""


def write_docs(folder: Path, rules: Sequence[Row], summary: Row, quarantined: Row) -> Path:
    """Put the overview at `folder`/index.html and make every other page self-contained.

    Args:
        folder: where Great Expectations wrote its pages.
        rules: one row an expectation, with `passed`; all have the same keys.
        summary: what is said at the top, name by name.
        quarantined: shard -> reason.
    """
    pages = [page for page in sorted(folder.rglob("*.html")) if page.name != "index.html"]
    for page in pages:
        write_text(page, _without_network(page.read_text(encoding="utf-8")))
    links = {_title(page): page.relative_to(folder).as_posix() for page in pages}
    body = [
        "<h1>Data docs</h1>",
        _table([{"": name, "found": value} for name, value in summary.items()]),
        "<h2>Set aside</h2>",
        _table([{"shard": name, "reason": why} for name, why in quarantined.items()]),
        "<h2>Expectations</h2>",
        _table(sorted(rules, key=lambda row: bool(row["passed"]))),
        "<h2>In detail</h2>",
        *(f'<p><a href="{escape(link)}">{escape(name)}</a></p>' for name, link in links.items()),
    ]
    head = f'<meta charset="utf-8"><title>Data docs</title>{_STYLE}'
    text = f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>'
    return write_text(folder / "index.html", text)


def _without_network(html: str) -> str:
    return _FOREIGN.sub("", html).replace("</head>", f"{_STYLE}</head>", 1)


def _title(page: Path) -> str:
    kind = "Results by column" if "validations" in page.parts else "The suite of expectations"
    return f"{kind}: {page.stem}"


def _table(rows: Sequence[Row]) -> str:
    if not rows:
        return "<p>Nothing.</p>"
    head = "".join(f"<th>{escape(str(name).replace('_', ' '))}</th>" for name in rows[0])
    lines = ("".join(map(_cell, row.values())) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return f'<td class="{"good" if value else "bad"}">{"yes" if value else "no"}</td>'
    return f"<td>{escape(str(value))}</td>"
