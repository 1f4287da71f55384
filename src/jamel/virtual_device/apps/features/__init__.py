"""Feature kinds: each module is one kind of thing that apps do.

A kind is a module with `TITLES`, `KEEP` (state that survives a restart), `configure(rng)`,
`initial(cfg)`, pages `page_*(c)`, overlays `dialog_*(c)` and handlers `on_*(c, arg)`, of which
`on_enter` runs when the feature is opened and `on_start`, where there is one, when the app starts.
`on_end`, where there is
one, runs when someone scrolls on at the end of a page. Handlers are instrumented; pages are not.

A module with a `DEFECT` is now and then released with it (`c.defect`): a check is left out and a
handler raises on what the check would have refused.
"""

from __future__ import annotations

from types import ModuleType

from jamel.virtual_device.apps.features import (
    booking,
    calculator,
    calendar,
    chat,
    contacts,
    feed,
    files,
    gallery,
    hub,
    login,
    notes,
    onboarding,
    player,
    quiz,
    scanner,
    search,
    settings,
    shop,
    stream,
    timer,
    todo,
    transfer,
    vault,
    wizard,
)

KINDS: dict[str, ModuleType] = {
    "booking": booking,
    "calculator": calculator,
    "contacts": contacts,
    "feed": feed,
    "gallery": gallery,
    "login": login,
    "notes": notes,
    "onboarding": onboarding,
    "player": player,
    "scanner": scanner,
    "search": search,
    "settings": settings,
    "shop": shop,
    "stream": stream,
    "todo": todo,
    "transfer": transfer,
    "vault": vault,
    "wizard": wizard,
}
"""What every suite is composed of."""

NEW_KINDS: dict[str, ModuleType] = {
    "calendar": calendar,
    "chat": chat,
    "files": files,
    "quiz": quiz,
    "timer": timer,
}
"""Kinds that appear in `test-new` alone."""

HUB = hub


def module_of(kind: str) -> ModuleType:
    """The module of a feature kind."""
    return HUB if kind == "hub" else KINDS.get(kind) or NEW_KINDS[kind]
