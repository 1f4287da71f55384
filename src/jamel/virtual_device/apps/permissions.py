"""Runtime permissions: which feature asks for one, and what the system was answered.

The question is the system's: its dialog belongs to Android's permission controller, not to the app.
A feature module that asks has a `PERMISSION`. Knows no screens and no handlers.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

from jamel.virtual_device.apps.context import Values

PERMISSION_CONTROLLER = "com.android.permissioncontroller"
GRANT_ACTIVITY = f"{PERMISSION_CONTROLLER}.permission.ui.GrantPermissionsActivity"


class Permission(NamedTuple):
    """What a feature asks for: `name` in the manifest, in its dialog `dialog`.

    Its answer is the feature's state `state`: `granted` or "once", or something else; `unset`
    before anybody answered.
    """

    name: str
    dialog: str
    state: str = "allowed"
    granted: str = "allow"
    unset: str = ""


def asks(module: ModuleType, dialog: str) -> bool:
    """Whether a dialog of a feature is the system's question about its permission."""
    permission: Permission | None = getattr(module, "PERMISSION", None)
    return permission is not None and permission.dialog == dialog


def granted_of(modules: list[ModuleType], states: list[Values]) -> dict[str, bool]:
    """The permissions that features ask for, and whether any of them has it."""
    found: dict[str, bool] = {}
    for asked, state in _asked(modules, states):
        has = state[asked.state] in (asked.granted, "once")
        found[asked.name] = found.get(asked.name, False) or has
    return found


def set_granted(modules: list[ModuleType], states: list[Values], name: str, granted: bool) -> None:
    """Write an answer into the state of every feature that asks for the permission `name`."""
    for asked, state in _asked(modules, states):
        if asked.name == name:
            state[asked.state] = asked.granted if granted else asked.unset


def _asked(modules: list[ModuleType], states: list[Values]) -> Iterator[tuple[Permission, Values]]:
    for module, state in zip(modules, states, strict=True):
        if hasattr(module, "PERMISSION"):
            yield module.PERMISSION, state
