"""One self-contained HTML page of an exploration: curve, screen graph, crashes, the script.

Knows an `Exploration` and the crashes' short replays. What an app shows may be hostile: the
template escapes every text, and pictures are decoded and written anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jamel.disk import write_text
from jamel.explore.drawing import CURVE_PX, MARGIN_PX, NODE_PX, THUMB_PX, place_curve, place_graph
from jamel.explore.session import Exploration
from jamel.explore.shrink import Shortened

TEMPLATE = Path(__file__).with_name("page.html.j2")
MOST_STEPS_SHOWN = 2000


def write_page(
    found: Exploration, replays: Sequence[tuple[Shortened, str]], script: str, path: Path
) -> Path:
    """Write the page and return its path; `render` has the arguments. Raises StoreError."""
    return write_text(path, render(found, replays, script))


def render(found: Exploration, replays: Sequence[tuple[Shortened, str]], script: str) -> str:
    """The page as text.

    Args:
        found: the session.
        replays: for each of its crashes the shortest replay found and the script's path.
        script: the path of the session's script.
    """
    from jinja2 import Environment

    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        TEMPLATE.read_text(encoding="utf-8")
    )
    page.globals.update(short=_short, cut=_cut)
    return page.render(
        found=found,
        stopped=_stopped(found),
        expectation=_expectation(found),
        curve=place_curve(found),
        curve_px=CURVE_PX,
        margin_px=MARGIN_PX,
        graph=place_graph(found),
        node_px=NODE_PX,
        thumb_px=THUMB_PX,
        crashes=list(zip(found.crashes, replays, strict=True)),
        steps=_steps(found),
        script=script,
    )


def _stopped(found: Exploration) -> str:
    known = {"budget": "the steps were used up", "exhausted": "nothing more was expected"}
    return known.get(found.stopped, found.stopped)


def _expectation(found: Exploration) -> str:
    """What the model's novelty head said of its own actions beside what they brought."""
    if not found.chances:
        return ""
    pairs = zip(found.covered, found.covered[1:], strict=False)
    gained = sum(after > before for before, after in pairs)
    return (
        f"The model expected new code from {sum(found.chances):.0f} of its {len(found.chances)} "
        f"steps; {gained} brought some."
    )


def _steps(found: Exploration) -> list[tuple[int, str, str, int, int, str]]:
    """Number, action, activity, covered, newly covered and crash of the steps that are shown."""
    rows = []
    for number, step in enumerate(found.steps[:MOST_STEPS_SHOWN], 1):
        expect, before = step.expect, found.covered[number - 1]
        gained = found.covered[number] - before
        rows.append(
            (number, step.words, _short(expect.activity), expect.covered, gained, expect.crash)
        )
    return rows


def _short(activity: str) -> str:
    """An activity's class without its package, or a page of a web app without its folder."""
    if activity.startswith("/"):
        return activity.rstrip("/").rpartition("/")[2] or "/"
    return activity.rsplit(".", 1)[-1] or "system dialog"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
