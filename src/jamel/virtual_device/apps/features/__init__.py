"""Feature kinds: each module is one kind of thing that apps do.

A kind is a module with `TITLES`, `KEEP` (state that survives a restart), `configure(rng)`,
`initial(cfg)`, pages `page_*(c)`, overlays `dialog_*(c)` and handlers `on_*(c, arg)`, of which
`on_enter` runs when the feature is opened. Handlers are instrumented; pages are not.
"""

from __future__ import annotations

from types import ModuleType

from jamel.virtual_device.apps.features import (
    calculator,
    feed,
    gallery,
    hub,
    login,
    notes,
    onboarding,
    player,
    scanner,
    search,
    settings,
    shop,
    wizard,
)

KINDS: dict[str, ModuleType] = {
    "login": login, "notes": notes, "settings": settings, "search": search, "wizard": wizard,
    "shop": shop, "feed": feed, "scanner": scanner, "player": player, "calculator": calculator,
    "onboarding": onboarding, "gallery": gallery,
}  # fmt: skip
NEW_KINDS: dict[str, ModuleType] = {}
HUB = hub


def module_of(kind: str) -> ModuleType:
    """The module of a feature kind."""
    return HUB if kind == "hub" else KINDS.get(kind) or NEW_KINDS[kind]
