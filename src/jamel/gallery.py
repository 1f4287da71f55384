"""Pictures of an app's different screens, as a short exploration comes across them.

Knows agents and environments; nothing of learning. For people who want to see what agents see.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from jamel.disk import write_bytes
from jamel.parallel import run_parallel
from jamel.types import Observation

AGENT = "planner"
ON_A_SHEET, COLUMNS = 12, 6
WIDE_PX, GAP_PX, HEAD_PX = 270, 12, 44


def draw_gallery(app: str, out_dir: Path, steps: int = 40) -> list[Path]:
    """Explore `app` ("test/0") for `steps` actions; one PNG for each layout that was not seen yet.

    Returns:
        The pictures in the order in which the screens were met.
    """
    return [
        write_bytes(out_dir / f"screen-{number:03d}.png", picture)
        for number, picture in enumerate(_pictures(app, steps))
    ]


def draw_sheets(
    suite: str,
    out_dir: Path,
    steps: int = 40,
    workers: int = 2,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[dict[str, Any]]:
    """One picture sheet of the first screens of every app of a suite; a row an app.

    Raises:
        ConfigError: no such suite.
    """
    from jamel.suites import suite_apps

    names = [spec.name for spec in suite_apps(suite)]
    rows = []
    for row in run_parallel(partial(draw_sheet, out_dir=out_dir, steps=steps), names, workers):
        rows.append(row)
        if progress is not None:
            progress(len(rows), len(names), row["app"])
    return sorted(rows, key=lambda row: names.index(row["app"]))


def draw_sheet(app: str, out_dir: Path, steps: int = 40) -> dict[str, Any]:
    """One PNG with an app's first screens side by side, named after the app."""
    from PIL import Image, ImageDraw

    from jamel.suites import app_spec

    spec = app_spec(app)
    pictures = [Image.open(io.BytesIO(png)) for png in _first(_pictures(app, steps), ON_A_SHEET)]
    high = WIDE_PX * spec.size_px[1] // spec.size_px[0]
    lines = -(-len(pictures) // COLUMNS)
    size = COLUMNS * (WIDE_PX + GAP_PX) + GAP_PX, HEAD_PX + lines * (high + GAP_PX)
    sheet = Image.new("RGB", size, "white")
    kinds = ", ".join(feature.kind for feature in spec.features)
    head = f"{app}   {spec.title}   {spec.look}, noise {spec.noise}   {kinds}"
    ImageDraw.Draw(sheet).text((GAP_PX, 10), head, "black", font_size=22)
    for number, picture in enumerate(pictures):
        left = GAP_PX + number % COLUMNS * (WIDE_PX + GAP_PX)
        top = HEAD_PX + number // COLUMNS * (high + GAP_PX)
        sheet.paste(picture.resize((WIDE_PX, high)), (left, top))
    out = io.BytesIO()
    sheet.save(out, "PNG")
    name = "".join(letter if letter.isalnum() or letter in "-@." else "-" for letter in app)
    path = write_bytes(out_dir / f"{name}.png", out.getvalue())
    return {"app": app, "look": spec.look, "screens": len(pictures), "picture": str(path)}


def _first(pictures: Iterator[bytes], count: int) -> Iterator[bytes]:
    for _, picture in zip(range(count), pictures, strict=False):
        yield picture


def _pictures(app: str, steps: int) -> Iterator[bytes]:
    """Screens that were not seen yet, while an agent explores."""
    from jamel.agents import make_agent
    from jamel.envs.android import make_env
    from jamel.suites import app_spec

    agent, env = make_agent(AGENT), make_env(app_spec(app))
    seen: set[tuple] = set()
    try:
        observation, _ = env.reset(seed=0)
        agent.reset(0)
        for _ in range(steps + 1):
            layout = _layout(observation)
            if layout not in seen:
                seen.add(layout)
                yield env.link.screenshot()
            observation, _, _, _, info = env.step(agent.act(observation))
            agent.observe_result(observation, bool(info["executed"]))
    finally:
        env.close()


def _layout(observation: Observation) -> tuple:
    touched = ((e.cls, e.resource_id) for e in observation.elements if e.clickable or e.checkable)
    return observation.activity, *touched
