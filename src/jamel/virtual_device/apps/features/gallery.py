"""Pictures with an overflow menu, context menus, albums, a slide show and an editor."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import (
    Page,
    bar,
    button,
    field,
    icon,
    label,
    listing,
    picture,
    row,
)
from jamel.virtual_device.apps.wording import many

TITLES = ("Gallery", "Photos", "Boards", "Collections", "Galerie", "写真")
KEEP = ("hidden", "albums", "filed")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "pictures": many(rng, "places", rng.randint(4, 8)),
        "columns": rng.choice((1, 2)),
        "effects": ("Sepia", "Mono", "Vivid")[: rng.choice((2, 3))],
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "hidden": (),
        "show_hidden": False,
        "held": "",
        "open": "",
        "albums": (),
        "filed": (),
        "t:album": "",
        "turns": 0,
        "effect": "",
        "order": "date",
        "saved": True,
    }


def page_main(c: Context) -> Page:
    names = [n for n in c.cfg["pictures"] if c.s["show_hidden"] or n not in c.s["hidden"]]
    if c.s["order"] == "name":
        names.sort()
    over = (icon("overflow", "More options", "on_overflow"),)
    if c.cfg["columns"] == 1:
        rows = [row("picture", n, "on_open", n, hold="on_hold") for n in names]
        return Page(c.title, (listing("pictures", *rows),), over)
    cells = [button("picture", n, "on_open", n)._replace(hold=("on_hold", n)) for n in names]
    return Page(c.title, tuple(bar(*cells[k : k + 2]) for k in range(0, len(cells), 2)), over)


def page_view(c: Context) -> Page:
    return Page(
        c.s["open"],
        (
            picture("view", c.s["open"]),
            bar(icon("turn", "Turn", "on_turn"), icon("edit", "Edit", "on_edit")),
        ),
        (icon("view_more", "More options", "on_view_more"),),
    )


def page_edit(c: Context) -> Page:
    effects = [button("effect", name, "on_effect", name) for name in c.cfg["effects"]]
    return Page(
        "Edit",
        (
            picture("edited", c.s["effect"]),
            bar(*effects),
            bar(button("undo", "Undo", "on_undo"), button("save", "Save", "on_save")),
        ),
    )


def page_albums(c: Context) -> Page:
    rows = [row("album", name, "on_album", name) for name in c.s["albums"]]
    return Page(
        "Albums",
        (
            field("album", "New album"),
            button("create", "Create", "on_create"),
            listing("albums", *rows),
        ),
    )


def dialog_overflow(c: Context) -> Page:
    return Page(
        "Options",
        (
            row("m_sort", "Sort by", "on_sort"),
            row("m_albums", "Albums", "on_albums"),
            row("m_hidden", "Hidden pictures", "on_show_hidden"),
            row("m_slides", "Slide show", "on_slides"),
        ),
        style="menu",
    )


def dialog_context(c: Context) -> Page:
    return Page(
        c.s["held"],
        (
            row("c_hide", "Hide", "on_hide"),
            row("c_file", "Add to album", "on_file"),
            row("c_info", "Details", "on_info"),
        ),
        style="menu",
    )


def dialog_view_more(c: Context) -> Page:
    return Page(
        "Picture",
        (row("v_info", "Details", "on_info"), row("v_wall", "Use as wallpaper", "on_wallpaper")),
        style="menu",
    )


def dialog_unsaved(c: Context) -> Page:
    return Page(
        "Not saved",
        (button("stay", "Go on", "on_stay"), button("drop", "Discard", "on_drop")),
        style="dialog",
    )


def dialog_info(c: Context) -> Page:
    return Page(
        "Details",
        (
            label("4032 × 3024"),
            label(f"{len(c.s['filed'])} in albums"),
            button("ok", "OK", "on_stay"),
        ),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["show_hidden"]:
        c.s["show_hidden"] = False


def on_overflow(c: Context, arg: Any) -> None:
    c.dialog("overflow")


def on_view_more(c: Context, arg: Any) -> None:
    c.dialog("view_more")


def on_hold(c: Context, arg: Any) -> None:
    c.s["held"] = arg
    c.dialog("context")


def on_open(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.s["turns"] = 0
    c.go("view")
    if arg in c.s["hidden"]:
        c.toast("A hidden one")


def on_turn(c: Context, arg: Any) -> None:
    c.s["turns"] = (c.s["turns"] + 1) % 4
    if c.s["turns"] == 0:
        c.toast("Once around")


def on_edit(c: Context, arg: Any) -> None:
    c.s["effect"] = ""
    c.s["saved"] = True
    c.go("edit")


def on_effect(c: Context, arg: Any) -> None:
    if c.s["effect"] == arg:
        c.toast("Already so")
        return
    c.s["effect"] = arg
    c.s["saved"] = False
    match arg:
        case "Sepia":
            c.toast("Like in 1900")
        case "Mono":
            c.toast("Without colours")
        case _:
            c.toast("With more colours")


def on_undo(c: Context, arg: Any) -> None:
    if c.s["effect"] == "":
        c.up()
    elif c.s["saved"]:
        c.toast("It is saved")
    else:
        c.dialog("unsaved")


def on_drop(c: Context, arg: Any) -> None:
    c.close()
    c.s["effect"] = ""
    c.s["saved"] = True


def on_stay(c: Context, arg: Any) -> None:
    c.close()


def on_save(c: Context, arg: Any) -> None:
    if c.s["effect"] == "":
        c.toast("Nothing to save")
    elif c.s["turns"]:
        c.s["saved"] = True
        c.toast("Saved, turned")
        c.up()
    else:
        c.s["saved"] = True
        c.up()


def on_sort(c: Context, arg: Any) -> None:
    c.close()
    if c.s["order"] == "date":
        c.s["order"] = "name"
    else:
        c.s["order"] = "date"


def on_albums(c: Context, arg: Any) -> None:
    c.close()
    c.go("albums")


def on_create(c: Context, arg: Any) -> None:
    name = c.text("album")
    if not name:
        c.toast("Give it a name")
    elif name in c.s["albums"]:
        c.toast("There is one of that name")
    elif len(name) > 10:
        c.toast("A shorter name, please")
    else:
        c.s["albums"] = tuple(sorted((*c.s["albums"], name)))
        c.s["t:album"] = ""


def on_album(c: Context, arg: Any) -> None:
    if c.s["filed"]:
        c.s["open"] = c.s["filed"][-1]
        c.go("view")
    else:
        c.toast("An empty album")


def on_show_hidden(c: Context, arg: Any) -> None:
    c.close()
    if not c.s["hidden"]:
        c.toast("Nothing is hidden")
    elif c.s["show_hidden"]:
        c.s["show_hidden"] = False
    else:
        c.s["show_hidden"] = True


def on_slides(c: Context, arg: Any) -> None:
    c.close()
    shown = 0
    for name in c.cfg["pictures"]:
        if name in c.s["hidden"]:
            continue
        shown += 1
    if shown > 3:
        c.s["open"] = c.cfg["pictures"][-1]
        c.go("view")
    else:
        c.toast("Too few for a show")


def on_hide(c: Context, arg: Any) -> None:
    c.close()
    name = c.s["held"]
    if name in c.s["hidden"]:
        c.s["hidden"] = tuple(item for item in c.s["hidden"] if item != name)
        c.toast("Visible again")
    elif len(c.s["hidden"]) >= 2:
        c.toast("Too many secrets")
    else:
        c.s["hidden"] += (name,)


def on_file(c: Context, arg: Any) -> None:
    c.close()
    if not c.s["albums"]:
        c.toast("Make an album first")
        c.go("albums")
    elif c.s["held"] in c.s["filed"]:
        c.toast("It is in an album")
    else:
        c.s["filed"] = (*c.s["filed"][-2:], c.s["held"])


def on_info(c: Context, arg: Any) -> None:
    c.dialog("info")


def on_wallpaper(c: Context, arg: Any) -> None:
    c.close()
    if c.s["turns"] % 2:
        c.toast("Turn it upright first")
    else:
        c.toast("A nice wallpaper")
