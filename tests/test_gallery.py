"""Pictures of an app's screens: one a layout, in the order they were met."""

from __future__ import annotations

from pathlib import Path

from jamel.gallery import draw_gallery


def test_every_layout_is_drawn_once(tmp_path: Path) -> None:
    pictures = draw_gallery("valid/0", tmp_path / "deep", steps=8)
    assert [path.name for path in pictures] == [
        f"screen-{number:03d}.png" for number in range(len(pictures))
    ]
    assert sorted((tmp_path / "deep").iterdir()) == pictures and len(pictures) > 1
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
