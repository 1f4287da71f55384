"""The app's first screen: ways into its other features, some locked until someone signs in."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, bar, button, icon, label, listing, row, tab

TITLES = ("Home",)
KEEP = ("opened",)


def configure(rng: Random) -> dict[str, Any]:
    return {"layout": rng.choice(("rows", "tiles", "drawer", "tabs"))}


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {"opened": 0}


def page_main(c: Context) -> Page:
    ways = c.children
    match c.cfg["layout"]:
        case "tiles":
            tiles = [button("tile", title, "on_open", i) for i, title in ways]
            return Page(c.title, tuple(bar(*tiles[k : k + 2]) for k in range(0, len(tiles), 2)))
        case "drawer":
            front = [row("shortcut", title, "on_open", i) for i, title in ways[:2]]
            return Page(
                c.title, (label("Good to see you"), *front), (icon("menu", "Open menu", "on_menu"),)
            )
        case "tabs":
            rows = [row("entry", title, "on_open", i) for i, title in ways[3:]]
            tabs = [tab("tab", title, False, "on_open", i) for i, title in ways[:3]]
            return Page(c.title, (label("Today"), *rows), tabs=tuple(tabs))
        case _:
            return Page(
                c.title,
                (listing("entries", *(row("entry", title, "on_open", i) for i, title in ways)),),
            )


def dialog_menu(c: Context) -> Page:
    rows = [row("entry", title, "on_open", i) for i, title in c.children]
    return Page("Menu", tuple(rows), style="sheet")


def dialog_locked(c: Context) -> Page:
    return Page(
        "Members only",
        (
            label("Sign in to use this."),
            button("later", "Later", "on_later"),
            button("sign_in", "Sign in", "on_sign_in"),
        ),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    c.s["opened"] = 0


def on_menu(c: Context, arg: Any) -> None:
    c.dialog("menu")


def on_open(c: Context, arg: Any) -> None:
    c.close()
    if arg in c.locked and not c.shared["signed_in"]:
        c.dialog("locked")
    else:
        if c.s["opened"] < 4:
            c.s["opened"] += 1
        c.open(arg)


def on_later(c: Context, arg: Any) -> None:
    c.close()


def on_sign_in(c: Context, arg: Any) -> None:
    c.close()
    c.open(c.login)
