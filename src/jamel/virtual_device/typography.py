"""Text on screenshots: which font shows a character, how large, and how much of a line fits.

DejaVu Sans, which matplotlib ships, has Latin, Cyrillic and symbols; a small subset of Droid Sans
Fallback has the ideographs that apps show. A character that neither has is left out. Knows no
screens.
"""

from __future__ import annotations

import importlib.util
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL import ImageFont

_ABSENT = "\U0010ffff"
_CJK = Path(__file__).parent / "fonts" / "cjk-subset.ttf"
MAX_CHARACTERS = 200
SMALLEST_PX = 10


class Run(NamedTuple):
    """Consecutive characters of one line in one font."""

    text: str
    font: ImageFont.FreeTypeFont

    @property
    def width_px(self) -> float:
        """How far the next run stands to the right."""
        return self.font.getlength(self.text)


def drawable(text: str) -> str:
    """The text as one line of at most 200 characters, without what no font shows."""
    line = "".join(c for c in text[:MAX_CHARACTERS] if c.isspace() or _file_of(c, False) != _NONE)
    return " ".join(line.split())


def fit(text: str, room_px: float, size_px: int, smallest_px: int, bold: bool = False) -> list[Run]:
    """The line as it fits into `room_px`: smaller if need be, then cut short with an ellipsis."""
    line, size_px = drawable(text), max(SMALLEST_PX, size_px)
    runs = _runs(line, size_px, bold)
    wide = width_px(runs)
    if wide <= room_px:
        return runs
    size_px = max(SMALLEST_PX, min(smallest_px, size_px), int(size_px * room_px / wide))
    runs = _runs(line, size_px, bold)
    while line and width_px(runs) > room_px:
        line = line[:-1].rstrip()
        runs = _runs(line + "…", size_px, bold)
    return runs


def wrap(text: str, room_px: float, size_px: int, most: int) -> list[str]:
    """The text broken at spaces into at most `most` lines that fit, as far as they do."""
    rows: list[str] = []
    for word in drawable(text).split():
        longer = f"{rows[-1]} {word}" if rows else word
        fits = width_px(_runs(longer, max(SMALLEST_PX, size_px), False)) <= room_px
        if rows and (fits or len(rows) == most):
            rows[-1] = longer
        else:
            rows.append(word)
    return rows


def width_px(runs: list[Run]) -> float:
    """The width of a whole line."""
    return sum(run.width_px for run in runs)


def _runs(line: str, size_px: int, bold: bool) -> list[Run]:
    pieces = groupby(line, lambda character: _file_of(character, bold))
    return [Run("".join(part), _font(file, size_px)) for file, part in pieces]


_NONE, _PILLOWS = Path("none"), Path("pillow")
"""Stand for a character that no font has, and for Pillow's own font, used where matplotlib's is
missing."""


@cache
def _font_files(bold: bool) -> tuple[Path, ...]:
    """The fonts to try, best first."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    spec = importlib.util.find_spec("matplotlib")
    found = [_CJK]
    if spec is not None and spec.origin is not None:
        found.insert(0, Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / name)
    return tuple(path for path in found if path.is_file())


@lru_cache(maxsize=4096)
def _file_of(character: str, bold: bool) -> Path:
    files = _font_files(bold)
    if character.isascii():
        return files[0] if files and files[0] != _CJK else _PILLOWS
    return next((path for path in files if _has(path, character)), _NONE)


@lru_cache(maxsize=4096)
def _has(path: Path, character: str) -> bool:
    font = _font(path, 16)
    return bytes(font.getmask(character)) != bytes(font.getmask(_ABSENT))


@lru_cache(maxsize=256)
def _font(path: Path, size_px: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    if path.suffix:
        return ImageFont.truetype(path, size_px, layout_engine=ImageFont.Layout.BASIC)
    font = ImageFont.load_default(size_px)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow is built without FreeType"
    return font
