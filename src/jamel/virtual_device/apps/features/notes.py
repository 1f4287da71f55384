"""A list with detail, edit, selection by long press and deletion behind a confirmation."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, button, field, icon, label, listing, row
from jamel.virtual_device.apps.wording import many

TITLES = ("Notes", "Tasks", "Documents", "Recipes", "Aufgaben", "Заметки", "メモ")
KEEP = ("items", "starred", "pinned", "trash")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "items": many(rng, "things", rng.randint(4, 11)),
        "limit": rng.choice((1, 2, 3)),
        "icons": rng.random() < 0.5,
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "items": cfg["items"],
        "open": 0,
        "starred": (),
        "pinned": (),
        "marked": (),
        "trash": (),
        "t:name": "",
        "sort": False,
        "undo": "",
    }


def page_main(c: Context) -> Page:
    names = sorted(c.s["items"]) if c.s["sort"] else c.s["items"]
    marked = c.s["marked"]
    rows = []
    for name in names:
        extra = (icon("star", "Star", "on_star", name),) if c.cfg["icons"] else ()
        rows.append(
            row(
                "item",
                name,
                "on_open",
                name,
                hold="on_mark",
                icons=extra,
                sub="starred" if name in c.s["starred"] else "",
                selected=name in marked,
            )
        )
    icons = (icon("sort", "Sort", "on_sort"), icon("bin", "Bin", "on_bin"))
    if marked:
        icons = (
            icon("delete_marked", "Delete", "on_delete_marked"),
            icon("clear", "Clear selection", "on_clear"),
        )
    empty = () if rows else (label("Nothing here yet", "empty"),)
    return Page(c.title, (listing("list", *rows), *empty), icons, fab=icon("add", "Add", "on_add"))


def page_detail(c: Context) -> Page:
    name = c.s["open"]
    return Page(
        str(name),
        (
            label(f"Created for {c.title}"),
            button("edit", "Edit", "on_edit"),
            button("pin", "Unpin" if name in c.s["pinned"] else "Pin", "on_pin"),
            button("delete", "Delete", "on_delete"),
        ),
        (icon("star", "Star", "on_star", name),),
    )


def page_edit(c: Context) -> Page:
    return Page("Edit", (field("name", "Name"), button("save", "Save", "on_save")))


def page_bin(c: Context) -> Page:
    rows = [row("gone", name, "on_recover", name) for name in c.s["trash"]]
    tail = button("empty_bin", "Empty the bin", "on_empty_bin", enabled=bool(rows))
    return Page("Bin", (listing("gone_list", *rows), tail))


def dialog_delete(c: Context) -> Page:
    return Page(
        "Delete?",
        (
            label("It moves to the bin."),
            button("cancel", "Cancel", "on_cancel"),
            button("ok", "Delete", "on_delete_sure"),
        ),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    c.s["marked"] = ()


def on_open(c: Context, arg: Any) -> None:
    if c.s["marked"]:
        do_toggle_mark(c, arg)
    else:
        c.s["open"] = arg
        c.go("detail")


def on_mark(c: Context, arg: Any) -> None:
    do_toggle_mark(c, arg)


def do_toggle_mark(c: Context, arg: Any) -> None:
    if arg in c.s["marked"]:
        c.s["marked"] = tuple(name for name in c.s["marked"] if name != arg)
    else:
        c.s["marked"] += (arg,)


def on_clear(c: Context, arg: Any) -> None:
    c.s["marked"] = ()


def on_delete_marked(c: Context, arg: Any) -> None:
    count = len(c.s["marked"])
    for name in c.s["marked"]:
        do_remove(c, name)
    c.s["marked"] = ()
    if count > 1:
        c.toast(f"{count} deleted")


def do_remove(c: Context, name: str) -> None:
    c.s["items"] = tuple(item for item in c.s["items"] if item != name)
    c.s["trash"] += (name,)
    if name in c.s["pinned"]:
        c.s["pinned"] = tuple(item for item in c.s["pinned"] if item != name)
    if not c.s["items"]:
        c.toast("That was the last one")


def on_star(c: Context, arg: Any) -> None:
    if arg in c.s["starred"]:
        c.s["starred"] = tuple(name for name in c.s["starred"] if name != arg)
    else:
        c.s["starred"] += (arg,)
        if len(c.s["starred"]) == 3:
            c.toast("You have three favourites")


def on_sort(c: Context, arg: Any) -> None:
    c.s["sort"] = not c.s["sort"]
    if c.s["sort"]:
        c.toast("Sorted by name")


def on_pin(c: Context, arg: Any) -> None:
    name = c.s["open"]
    if name in c.s["pinned"]:
        c.s["pinned"] = tuple(item for item in c.s["pinned"] if item != name)
    elif len(c.s["pinned"]) >= c.cfg["limit"]:
        c.toast("Too many pins")
    else:
        c.s["pinned"] += (name,)


def on_edit(c: Context, arg: Any) -> None:
    c.s["t:name"] = c.s["open"]
    c.go("edit")


def on_add(c: Context, arg: Any) -> None:
    c.s["open"] = ""
    c.s["t:name"] = ""
    c.go("edit")


def on_save(c: Context, arg: Any) -> None:
    name, old = c.text("name"), c.s["open"]
    if not name:
        c.toast("Enter a name")
    elif name == old:
        c.toast("Nothing changed")
    elif name in c.s["items"]:
        c.toast("This name is taken")
    elif old == "":
        c.s["items"] += (name,)
        c.up()
    else:
        c.s["items"] = tuple(name if item == old else item for item in c.s["items"])
        c.s["open"] = name
        if old in c.s["pinned"]:
            c.toast("Renamed a pinned one")
        c.up()


def on_delete(c: Context, arg: Any) -> None:
    if c.s["open"] in c.s["pinned"]:
        c.toast("Unpin it first")
    else:
        c.dialog("delete")


def on_cancel(c: Context, arg: Any) -> None:
    c.close()


def on_delete_sure(c: Context, arg: Any) -> None:
    c.close()
    do_remove(c, c.s["open"])
    c.up()


def on_bin(c: Context, arg: Any) -> None:
    if c.s["trash"]:
        c.go("bin")
    else:
        c.toast("The bin is empty")


def on_recover(c: Context, arg: Any) -> None:
    c.s["trash"] = tuple(name for name in c.s["trash"] if name != arg)
    c.s["items"] += (arg,)
    if not c.s["trash"]:
        c.up()


def on_empty_bin(c: Context, arg: Any) -> None:
    for _ in c.s["trash"]:
        c.s["undo"] = "gone"
    c.s["trash"] = ()
    c.up()
