"""A file browser: folders, moving and copying, renaming, sorting, space and a protected folder."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.types import TYPED_TEXTS
from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import (
    Page,
    bar,
    button,
    field,
    icon,
    label,
    listing,
    row,
    tick,
)
from jamel.virtual_device.apps.wording import pick

TITLES = ("Files", "Documents", "Storage", "Dateien", "Файлы")
KEEP = ("tree", "order", "unlocked")
FOLDERS = ("Pictures", "Work", "Private")


def configure(rng: Random) -> dict[str, Any]:
    names = pick(rng, "things", 7)
    tree = tuple((FOLDERS[k % 3] if k < 5 else "", name) for k, name in enumerate(names))
    return {"tree": tree, "pin": rng.choice(TYPED_TEXTS[1:]), "room": rng.choice((8, 9))}


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "tree": cfg["tree"],
        "at": "",
        "open": "",
        "clip": "",
        "cut": False,
        "order": "name",
        "t:name": "",
        "t:pin": "",
        "unlocked": False,
        "misses": 0,
    }


def page_main(c: Context) -> Page:
    names = [name for folder, name in c.s["tree"] if folder == c.s["at"]]
    names.sort(reverse=c.s["order"] == "down")
    rows = [row("file", name, "on_file", name, hold="on_hold") for name in names]
    folders = [] if c.s["at"] else [row("folder", name, "on_folder", name) for name in FOLDERS]
    paste = (button("paste", "Paste here", "on_paste"),) if c.s["clip"] else ()
    above = (row("above", "..", "on_above"),) if c.s["at"] else ()
    return Page(
        c.s["at"] or c.title,
        (*above, *folders, listing("files", *rows), *paste),
        (icon("sort", "Sort", "on_sort"), icon("space", "Space", "on_space")),
    )


def page_view(c: Context) -> Page:
    return Page(
        c.s["open"],
        (label("12 kB"), label(f"in {c.s['at'] or 'top'}"), button("share", "Share", "on_share")),
    )


def page_rename(c: Context) -> Page:
    return Page("Rename", (field("name", c.s["open"]), button("ok", "Rename", "on_rename_sure")))


def page_space(c: Context) -> Page:
    used = len(c.s["tree"])
    return Page(
        "Space",
        (label(f"{used} of {c.cfg['room']} used"), button("tidy", "Tidy up", "on_tidy")),
    )


def dialog_pin(c: Context) -> Page:
    return Page(
        "Protected",
        (
            field("pin", "PIN"),
            bar(button("no", "Cancel", "on_close"), button("yes", "Open", "on_unlock")),
        ),
        style="dialog",
    )


def dialog_menu(c: Context) -> Page:
    acts = (("copy", "Copy"), ("cut", "Move"), ("rename", "Rename"), ("delete", "Delete"))
    rows = [row("m_" + act, text, "on_act", act) for act, text in acts]
    return Page(c.s["open"], tuple(rows), style="sheet")


def dialog_delete(c: Context) -> Page:
    return Page(
        f"Delete {c.s['open']}?",
        (button("no", "Keep", "on_close"), button("yes", "Delete", "on_delete_sure")),
        style="dialog",
    )


def dialog_sort(c: Context) -> Page:
    ways = (("name", "Name"), ("down", "Name, descending"), ("size", "Size"))
    ticks = [tick("way", text, way == c.s["order"], "on_order", way) for way, text in ways]
    return Page("Sort by", tuple(ticks), style="dialog")


def on_enter(c: Context, arg: Any) -> None:
    if len(c.s["tree"]) >= c.cfg["room"]:
        c.toast("Space is running out")


def on_folder(c: Context, arg: Any) -> None:
    if arg == "Private" and not c.s["unlocked"]:
        if c.s["misses"] >= 3:
            c.toast("Locked after three wrong PINs")
        else:
            c.dialog("pin")
    else:
        c.s["at"] = arg


def on_unlock(c: Context, arg: Any) -> None:
    pin = c.text("pin")
    if not pin:
        c.toast("Enter the PIN")
    elif pin == c.cfg["pin"]:
        c.close()
        c.s["unlocked"] = True
        c.s["misses"] = 0
        c.s["at"] = "Private"
    else:
        c.s["misses"] += 1
        c.s["t:pin"] = ""
        if c.s["misses"] >= 3:
            c.close()


def on_above(c: Context, arg: Any) -> None:
    if c.s["at"] == "Private":
        c.s["unlocked"] = False
    c.s["at"] = ""


def on_file(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.go("view")


def on_share(c: Context, arg: Any) -> None:
    if c.s["at"] == "Private":
        c.toast("Private files stay here")
    elif c.shared["signed_in"]:
        c.toast("Shared with your account")
    else:
        c.toast("Link copied")


def on_hold(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.dialog("menu")


def on_act(c: Context, arg: Any) -> None:
    c.close()
    match arg:
        case "copy":
            c.s["clip"] = c.s["open"]
            c.s["cut"] = False
        case "cut":
            c.s["clip"] = c.s["open"]
            c.s["cut"] = True
        case "rename":
            c.s["t:name"] = ""
            c.go("rename")
        case "delete":
            c.dialog("delete")


def on_paste(c: Context, arg: Any) -> None:
    name, here = c.s["clip"], c.s["at"]
    if (here, name) in c.s["tree"]:
        if c.s["cut"]:
            c.toast("It is here already")
        else:
            do_add(c, name + " copy")
    elif c.s["cut"]:
        c.s["tree"] = tuple((here, n) if n == name else (f, n) for f, n in c.s["tree"])
        c.s["clip"] = ""
        c.s["cut"] = False
    else:
        do_add(c, name)


def do_add(c: Context, name: str) -> None:
    if len(c.s["tree"]) >= c.cfg["room"]:
        c.toast("No space left")
    elif (c.s["at"], name) in c.s["tree"]:
        c.toast("There is one of that name")
    else:
        c.s["tree"] += ((c.s["at"], name),)
        c.s["clip"] = ""


def on_rename_sure(c: Context, arg: Any) -> None:
    name, old = c.text("name"), c.s["open"]
    if not name:
        c.toast("Enter a name")
    elif "@" in name or "!" in name:
        c.toast("Letters and digits only")
    elif any(n == name for _, n in c.s["tree"]):
        c.toast("There is one of that name")
    else:
        c.s["tree"] = tuple((f, name if n == old else n) for f, n in c.s["tree"])
        if c.s["clip"] == old:
            c.s["clip"] = ""
        c.up()


def on_delete_sure(c: Context, arg: Any) -> None:
    c.close()
    entry = (c.s["at"], c.s["open"])
    c.s["tree"] = tuple(item for item in c.s["tree"] if item != entry)
    if c.s["clip"] == c.s["open"]:
        c.s["clip"] = ""
    left = 0
    for folder, _ in c.s["tree"]:
        if folder == c.s["at"]:
            left += 1
    if left == 0:
        c.toast("The folder is empty")


def on_close(c: Context, arg: Any) -> None:
    c.close()


def on_sort(c: Context, arg: Any) -> None:
    c.dialog("sort")


def on_order(c: Context, arg: Any) -> None:
    c.close()
    match arg:
        case "size":
            c.toast("All have the same size")
        case other if other == c.s["order"]:
            c.toast("Sorted so already")
        case _:
            c.s["order"] = arg


def on_space(c: Context, arg: Any) -> None:
    c.go("space")


def on_tidy(c: Context, arg: Any) -> None:
    copies = [entry for entry in c.s["tree"] if entry[1].endswith(" copy")]
    for entry in copies:
        c.s["tree"] = tuple(item for item in c.s["tree"] if item != entry)
    if copies:
        c.toast("Copies removed")
    elif len(c.s["tree"]) < 7:
        c.toast("Tidy as it is")
    else:
        c.toast("No copies found")
