"""Geometry of the page's pictures: the coverage curve, the screen graph, thumbnails.

Knows numbers and names, and nothing of HTML: the template draws what is placed here.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass

from jamel.explore.session import Edge, Exploration, SeenScreen

THUMB_PX = (84, 186)
NODE_PX = (126, 244)
CAPTION_PX = 34
A_ROW = 5
MOST_NODES = 90
MOST_PIXELS = 40_000_000
CURVE_PX = (480, 240)
MARGIN_PX = (44, 12, 14, 34)
"""Of the curve: left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Node:
    """A screen of the graph, placed by its top left corner."""

    number: int
    screen: SeenScreen
    x: float
    y: float
    thumb: str
    via: str


@dataclass(frozen=True, slots=True)
class Line:
    """An edge as an SVG path; `main` is the way by which the target was met first."""

    path: str
    words: str
    main: bool
    crash: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """The placed screens, the edges between them and how much there is in all."""

    nodes: list[Node]
    lines: list[Line]
    width: float
    height: float
    left_out: int


def place_graph(found: Exploration) -> Graph:
    """Screens in rows by how many edges they are away from the first one."""
    shown = list(found.screens.values())[:MOST_NODES]
    first = _first_edges(found)
    rows = _rows(shown, first)
    numbers = {screen.name: number for number, screen in enumerate(shown, 1)}
    nodes = {
        screen.name: _node(screen, numbers[screen.name], first, column, y)
        for y, row in enumerate(rows)
        for column, screen in enumerate(row)
    }
    lines = [
        _line(edge, nodes, first)
        for edge in found.edges.values()
        if edge.source in nodes and edge.target in nodes
    ]
    lines.sort(key=lambda line: line.main)
    size = max(len(row) for row in rows) * NODE_PX[0], len(rows) * NODE_PX[1]
    ordered = sorted(nodes.values(), key=lambda node: node.number)
    return Graph(ordered, lines, *size, len(found.screens) - len(shown))


def _first_edges(found: Exploration) -> dict[str, Edge]:
    """Target -> the edge by which it was met first; none for the screen of the launch."""
    first: dict[str, Edge] = {}
    for edge in sorted(found.edges.values(), key=lambda edge: edge.step):
        if found.screens[edge.target].step == edge.step and edge.step > 0:
            first.setdefault(edge.target, edge)
    return first


def _rows(shown: list[SeenScreen], first: dict[str, Edge]) -> list[list[SeenScreen]]:
    """Screens by distance along the first edges; a full row goes on in the next."""
    depth: dict[str, int] = {}
    for screen in shown:
        edge = first.get(screen.name)
        depth[screen.name] = depth[edge.source] + 1 if edge and edge.source in depth else 0
    rows: list[list[SeenScreen]] = []
    for level in range(max(depth.values()) + 1):
        here = [screen for screen in shown if depth[screen.name] == level]
        count = math.ceil(len(here) / A_ROW)
        size = math.ceil(len(here) / max(count, 1))
        rows.extend(here[i : i + size] for i in range(0, len(here), max(size, 1)))
    return rows


def _node(screen: SeenScreen, number: int, first: dict[str, Edge], column: int, row: int) -> Node:
    edge = first.get(screen.name)
    via = edge.words if edge else "launch"
    return Node(
        number,
        screen,
        column * NODE_PX[0],
        row * NODE_PX[1] + 6,
        thumbnail(screen.picture_png),
        via,
    )


def _line(edge: Edge, nodes: dict[str, Node], first: dict[str, Edge]) -> Line:
    a, b = nodes[edge.source], nodes[edge.target]
    middle, height = NODE_PX[0] / 2, THUMB_PX[1]
    main = first.get(edge.target) is edge
    if b.y > a.y:
        x1, y1, x2, y2 = a.x + middle, a.y + height + CAPTION_PX, b.x + middle, b.y
        half = (y1 + y2) / 2
        path = f"M{x1:.0f},{y1:.0f}C{x1:.0f},{half:.0f} {x2:.0f},{half:.0f} {x2:.0f},{y2:.0f}"
    else:
        # Back or aside: from edge to edge at the pictures' sides.
        side = 1 if b.x >= a.x else -1
        x1, x2 = a.x + middle + side * 44, b.x + middle - side * 44
        y1, y2 = a.y + height * 0.4, b.y + height * 0.6
        path = f"M{x1:.0f},{y1:.0f}Q{(x1 + x2) / 2:.0f},{min(y1, y2) - 24:.0f} {x2:.0f},{y2:.0f}"
    return Line(path, edge.words, main, b.screen.crash)


def thumbnail(picture_png: bytes) -> str:
    """A small PNG in base64; "" where there is no picture, or none that can be read."""
    from PIL import Image

    if not picture_png:
        return ""
    try:
        with Image.open(io.BytesIO(picture_png), formats=("PNG",)) as image:
            if image.width * image.height > MOST_PIXELS:
                return ""
            small = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return ""
    small.thumbnail((THUMB_PX[0] * 2, THUMB_PX[1] * 2), Image.Resampling.LANCZOS)
    saved = io.BytesIO()
    small.quantize(32).save(saved, format="PNG", optimize=True)
    return base64.b64encode(saved.getvalue()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Curve:
    """The coverage curve: SVG points, axis marks, and places of new screens and crashes."""

    points: str
    area: str
    marks_x: list[tuple[float, str]]
    marks_y: list[tuple[float, str]]
    crashes: list[tuple[float, float, str]]
    screens: list[tuple[float, str]]


def place_curve(found: Exploration) -> Curve:
    """Coverage after each step, in % of the reachable probes where their number is known."""
    left, top, right, bottom = MARGIN_PX
    width, height = CURVE_PX[0] - left - right, CURVE_PX[1] - top - bottom
    scale = 100 / found.reachable if found.reachable else 1.0
    values = [count * scale for count in found.covered]
    most, steps = _ceiling(max(values)), max(len(values) - 1, 1)

    def x(step: int) -> float:
        return round(left + width * step / steps, 1)

    def y(value: float) -> float:
        return round(top + height * (1 - value / most), 1)

    stairs = [(x(0), y(values[0]))]
    for step in range(1, len(values)):
        stairs += [(x(step), y(values[step - 1])), (x(step), y(values[step]))]
    points = " ".join(f"{a},{b}" for a, b in stairs)
    floor = y(0)
    unit = " %" if found.reachable else ""
    return Curve(
        points=points,
        area=f"{x(0)},{floor} {points} {stairs[-1][0]},{floor}",
        marks_x=[(x(step), str(step)) for step in _marks(steps)],
        marks_y=[(y(part), f"{part:g}{unit}") for part in (0, most / 2, most)],
        crashes=[(x(c.step), y(values[c.step]), c.crash.title) for c in found.crashes],
        screens=[(x(s.step), s.activity) for s in found.screens.values()],
    )


def _ceiling(value: float) -> float:
    """The next round number above: 20, 40, ... 100, then 200, 400 and so on."""
    size = 10.0 ** math.floor(math.log10(max(value, 10)))
    return next(size * part for part in (1, 2, 4, 6, 8, 10) if size * part >= value)


def _marks(steps: int) -> list[int]:
    """Five or fewer marks; the last step is one of them."""
    return sorted({round(steps * part / 4) for part in range(5)})
