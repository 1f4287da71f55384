"""Pictures of an app's screens: one a layout, in the order they were met."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from jamel.gallery import draw_gallery, draw_sheets


def test_every_layout_is_drawn_once(tmp_path: Path) -> None:
    pictures = draw_gallery("valid/0", tmp_path / "deep", steps=8)
    assert [path.name for path in pictures] == [
        f"screen-{number:03d}.png" for number in range(len(pictures))
    ]
    assert sorted((tmp_path / "deep").iterdir()) == pictures and len(pictures) > 1
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)


def test_a_suites_sheets_show_every_app(tmp_path: Path) -> None:
    suite = tmp_path / "two.yaml"
    suite.write_text("{count: 2, kinds: [notes, timer], features: [2, 2], looks: [react]}")
    told: list[tuple] = []
    rows = draw_sheets(str(suite), tmp_path / "out", 6, 1, lambda *what: told.append(what))
    assert [row["app"] for row in rows] == [f"{suite}/0", f"{suite}/1"]
    assert [what[:2] for what in told] == [(1, 2), (2, 2)]
    for row in rows:
        with Image.open(row["picture"]) as sheet:
            assert sheet.width > 6 * 270 and row["screens"] > 1
            assert len(sheet.getcolors(1 << 20) or range(99)) > 10
