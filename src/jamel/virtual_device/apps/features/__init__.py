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
    browser,
    calculator,
    calendar,
    chat,
    contacts,
    diary,
    expenses,
    feed,
    files,
    gallery,
    habits,
    hub,
    login,
    mail,
    notes,
    onboarding,
    parking,
    player,
    poll,
    quiz,
    recipe,
    scanner,
    search,
    settings,
    shop,
    stream,
    timer,
    todo,
    transfer,
    translator,
    vault,
    weather,
    wizard,
)

KINDS: dict[str, ModuleType] = {
    "booking": booking,
    "browser": browser,
    "calculator": calculator,
    "contacts": contacts,
    "expenses": expenses,
    "feed": feed,
    "gallery": gallery,
    "habits": habits,
    "login": login,
    "mail": mail,
    "notes": notes,
    "onboarding": onboarding,
    "player": player,
    "recipe": recipe,
    "scanner": scanner,
    "search": search,
    "settings": settings,
    "shop": shop,
    "stream": stream,
    "todo": todo,
    "transfer": transfer,
    "vault": vault,
    "weather": weather,
    "wizard": wizard,
}
"""What every suite is composed of."""

NEW_KINDS: dict[str, ModuleType] = {
    "calendar": calendar,
    "chat": chat,
    "diary": diary,
    "files": files,
    "parking": parking,
    "poll": poll,
    "quiz": quiz,
    "timer": timer,
    "translator": translator,
}
"""Kinds that appear in `test-new` alone."""

HUB = hub


def module_of(kind: str) -> ModuleType:
    """The module of a feature kind."""
    return HUB if kind == "hub" else KINDS.get(kind) or NEW_KINDS[kind]
