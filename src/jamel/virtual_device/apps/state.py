"""What an app's state is made of: its navigation at first, a copy of all, what a death takes.

Knows no handlers and no screens.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

from jamel.virtual_device.apps.context import Values
from jamel.virtual_device.apps.furniture import initial
from jamel.virtual_device.apps.layout import Screen


class AppSnapshot(NamedTuple):
    """A copy of an app's whole state; `App.restore` brings it back."""

    nav: dict[str, Any]
    shared: dict[str, Any]
    features: tuple[dict[str, Any], ...]
    probes: bytes
    ticks: int
    screen: Screen | None
    """What is shown, where that is known already."""

    size_px: tuple[int, int]


def nav_key(nav: Values) -> tuple:
    """What of the navigation makes another state; the focus does not."""
    return nav["front"], nav["stack"], nav["dialog"], nav["toast"], nav["scroll"]


def fresh_nav() -> dict[str, Any]:
    return {"stack": ((0, "main"),), "dialog": "", "toast": "", "focus": "", "scroll": 0,
            "front": True}  # fmt: skip


def lost_to_death(module: ModuleType, cfg: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """What the process's end does to a feature's state: all but what it keeps is as at first."""
    return {k: v for k, v in initial(module, dict(cfg)).items() if k not in module.KEEP}
