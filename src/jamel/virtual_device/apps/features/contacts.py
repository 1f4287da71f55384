"""A long list of people with a filter, a long-press menu, groups, calls and a form."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.permissions import Permission
from jamel.virtual_device.apps.widgets import (
    Page,
    button,
    chooser,
    field,
    icon,
    label,
    listing,
    permission,
    row,
)
from jamel.virtual_device.apps.wording import pick

TITLES = ("Contacts", "People", "Address book", "Team", "Kontakte", "Контакты")
KEEP = ("people", "favourites", "blocked", "allowed")
PERMISSION = Permission("android.permission.CALL_PHONE", "call")
DEFECT = "merging somebody who is alone looks for the next one"
GROUPS = ("Everyone", "Favourites", "Blocked")


def configure(rng: Random) -> dict[str, Any]:
    first = pick(rng, "people", rng.randint(6, 10))
    return {"people": tuple(f"{name} {letter}." for name in first for letter in "BKT")}


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "people": cfg["people"],
        "open": "",
        "group": "Everyone",
        "favourites": (),
        "blocked": (),
        "t:filter": "",
        "t:name": "",
        "t:mail": "",
        "allowed": "",
        "error": "",
    }


def page_main(c: Context) -> Page:
    shown = {"Favourites": c.s["favourites"], "Blocked": c.s["blocked"]}
    names = shown[c.s["group"]] if c.s["group"] in shown else c.s["people"]
    rows = [row("person", name, "on_person", name, hold="on_hold") for name in names]
    return Page(
        c.title,
        (row("group", c.s["group"], "on_group"), listing("people", *rows)),
        (icon("find", "Find", "on_find"),),
        fab=icon("add", "New contact", "on_add"),
    )


def page_find(c: Context) -> Page:
    return Page("Find", (field("filter", "Name"), button("search", "Search", "on_search")))


def page_card(c: Context) -> Page:
    star = "Unstar" if c.s["open"] in c.s["favourites"] else "Star"
    return Page(
        c.s["open"],
        (
            row("mobile", "Call", "on_call"),
            row("message", "Write", "on_write"),
            button("merge", "Merge", "on_merge"),
        ),
        (icon("star", star, "on_star"),),
    )


def page_form(c: Context) -> Page:
    error = (label(c.s["error"], "error"),) if c.s["error"] else ()
    return Page(
        "New contact",
        (
            field("name", "Name"),
            field("mail", "E-mail"),
            *error,
            button("save", "Save", "on_save"),
        ),
    )


def dialog_group(c: Context) -> Page:
    return chooser("Show", GROUPS, "on_choose_group", c.s["group"])


def dialog_held(c: Context) -> Page:
    block = "Unblock" if c.s["open"] in c.s["blocked"] else "Block"
    return Page(
        c.s["open"],
        (row("block", block, "on_block"), row("remove", "Delete contact", "on_remove")),
        style="menu",
    )


def dialog_call(c: Context) -> Page:
    return permission(c.title, "make and manage phone calls")


def on_enter(c: Context, arg: Any) -> None:
    c.s["group"] = "Everyone"


def on_group(c: Context, arg: Any) -> None:
    c.dialog("group")


def on_choose_group(c: Context, arg: Any) -> None:
    c.close()
    c.nav["scroll"] = 0
    match arg:
        case "Favourites" if not c.s["favourites"]:
            c.toast("No favourites")
        case "Blocked" if not c.s["blocked"]:
            c.toast("Nobody is blocked")
        case _:
            c.s["group"] = arg


def on_person(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.go("card")


def on_hold(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.dialog("held")


def on_block(c: Context, arg: Any) -> None:
    c.close()
    name = c.s["open"]
    if name in c.s["blocked"]:
        c.s["blocked"] = tuple(other for other in c.s["blocked"] if other != name)
    elif name in c.s["favourites"]:
        c.toast("A favourite? No.")
    else:
        c.s["blocked"] = (*c.s["blocked"][-2:], name)


def on_remove(c: Context, arg: Any) -> None:
    c.close()
    do_forget(c, c.s["open"])


def do_forget(c: Context, name: str) -> None:
    c.s["people"] = tuple(other for other in c.s["people"] if other != name)
    c.s["blocked"] = tuple(other for other in c.s["blocked"] if other != name)
    if name in c.s["favourites"]:
        c.s["favourites"] = tuple(other for other in c.s["favourites"] if other != name)
        c.toast("One favourite fewer")


def on_star(c: Context, arg: Any) -> None:
    name = c.s["open"]
    if name in c.s["favourites"]:
        c.s["favourites"] = tuple(other for other in c.s["favourites"] if other != name)
    elif name in c.s["blocked"]:
        c.toast("Unblock first")
    else:
        c.s["favourites"] = (*c.s["favourites"][-2:], name)


def on_merge(c: Context, arg: Any) -> None:
    first = c.s["open"].partition(" ")[0]
    same = [name for name in c.s["people"] if name.startswith(first) and name != c.s["open"]]
    if same or c.defect:
        do_forget(c, same[0])
        c.toast("Merged")
    else:
        c.toast("No duplicates")


def on_call(c: Context, arg: Any) -> None:
    if c.s["open"] in c.s["blocked"]:
        c.toast("Blocked")
    elif c.s["allowed"] == "":
        c.dialog("call")
    elif c.s["allowed"] == "deny":
        c.toast("Calls are not allowed")
    else:
        do_call(c)


def do_call(c: Context) -> None:
    if c.s["allowed"] == "once":
        c.s["allowed"] = ""
    c.toast("Calling")


def on_permission(c: Context, arg: Any) -> None:
    c.close()
    c.s["allowed"] = arg
    if arg == "deny":
        c.toast("You can change that in the settings")
    else:
        do_call(c)


def on_write(c: Context, arg: Any) -> None:
    if c.s["open"] in c.s["favourites"]:
        c.toast("Sent with love")
    else:
        c.toast("Sent")


def on_find(c: Context, arg: Any) -> None:
    c.s["t:filter"] = ""
    c.go("find")


def on_search(c: Context, arg: Any) -> None:
    text = c.text("filter").lower()
    found = [name for name in c.s["people"] if text[:1] in name.lower()]
    if not text:
        c.toast("Whom?")
    elif not found:
        c.toast("Nobody")
    else:
        c.s["open"] = found[0]
        c.go("card")


def on_add(c: Context, arg: Any) -> None:
    c.s["t:name"] = c.s["t:mail"] = c.s["error"] = ""
    c.go("form")


def on_save(c: Context, arg: Any) -> None:
    name, mail = c.text("name"), c.text("mail")
    if not name:
        c.s["error"] = "A name, please"
    elif name in c.s["people"]:
        c.s["error"] = "You know this one"
    elif mail and "@" not in mail:
        c.s["error"] = "This is no address"
    else:
        c.s["people"] = (name, *c.s["people"][:40])
        if not mail:
            c.toast("Saved without an address")
        c.up()
