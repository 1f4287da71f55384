"""Pages, tabs, bookmarks, history, a desktop mode and private tabs."""

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
    row,
    toggle,
)
from jamel.virtual_device.apps.wording import many

TITLES = ("Browser", "Web", "Internet", "Surfen", "Pages", "Браузер")
KEEP = ("marks", "past", "scripts")
DEFECT = "the tab beside a closed one is shown even if there is none"


def configure(rng: Random) -> dict[str, Any]:
    sites = tuple(f"{name}.example".lower() for name in many(rng, "words", rng.randint(4, 6)))
    return {"sites": sites, "down": rng.choice(sites[:8]), "most": rng.choice((2, 3))}


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "tabs": ("start",),
        "at": 0,
        "private": False,
        "marks": (),
        "past": (),
        "scripts": True,
        "desktop": False,
        "t:address": "",
    }


def page_main(c: Context) -> Page:
    site = c.s["tabs"][c.s["at"]]
    if site == "start":
        body = [row("site", name, "on_site", name) for name in c.cfg["sites"]]
    elif site == c.cfg["down"]:
        body = [label("This page cannot be reached", "error"), button("retry", "Retry", "on_retry")]
    else:
        body = [label("Welcome"), row("link", "Read more", "on_link")]
    icons = (
        icon("tabs", f"{len(c.s['tabs'])} tabs", "on_tabs"),
        icon("menu", "More options", "on_menu"),
    )
    bars = (field("address", site), button("load", "Go", "on_load"))
    return Page(c.title, (*bars, listing("page", *body)), icons)


def page_tabs(c: Context) -> Page:
    rows = [
        row("open_tab", name, "on_tab", n, icons=(icon("close", "Close", "on_close", n),))
        for n, name in enumerate(c.s["tabs"])
    ]
    secret = toggle("private", "Private", c.s["private"], "on_private")
    return Page("Tabs", (listing("tabs", *rows), secret, button("new", "New tab", "on_new")))


def page_list(c: Context) -> Page:
    rows = [row("mark", name, "on_site", name, hold="on_unmark") for name in c.s["marks"]]
    past = [row("past", name, "on_site", name) for name in c.s["past"]]
    wipe = bar(button("wipe", "Clear history", "on_wipe"))
    return Page("Bookmarks and history", (listing("marks", *rows), listing("past", *past), wipe))


def dialog_menu(c: Context) -> Page:
    return Page(
        "Menu",
        (
            row("bookmark", "Bookmark this", "on_mark"),
            row("bookmarks", "Bookmarks", "on_list"),
            toggle("desktop", "Desktop site", c.s["desktop"], "on_desktop"),
            toggle("scripts", "Scripts", c.s["scripts"], "on_scripts"),
        ),
        style="menu",
    )


def on_enter(c: Context, arg: Any) -> None:
    if len(c.s["tabs"]) > 1:
        c.toast("Your tabs are back")


def do_visit(c: Context, site: str) -> None:
    tabs = list(c.s["tabs"])
    tabs[c.s["at"]] = site
    c.s["tabs"] = tuple(tabs)
    if c.s["private"]:
        c.toast("Nobody will know")
    elif site not in c.s["past"]:
        c.s["past"] = (*c.s["past"][-3:], site)


def on_site(c: Context, arg: Any) -> None:
    c.leave()
    c.go("main")
    do_visit(c, arg)


def on_load(c: Context, arg: Any) -> None:
    text = c.text("address")
    c.s["t:address"] = ""
    if not text:
        c.toast("Type an address")
    elif "@" in text:
        c.toast("That is for mail")
    elif text.isdigit():
        c.toast("No such host")
    else:
        do_visit(c, c.cfg["sites"][-1])


def on_retry(c: Context, arg: Any) -> None:
    if c.s["desktop"]:
        do_visit(c, "start")
    else:
        c.toast("Still down. Try the desktop site?")


def on_link(c: Context, arg: Any) -> None:
    if not c.s["scripts"]:
        c.toast("This link needs scripts")
    elif len(c.s["tabs"]) < c.cfg["most"]:
        c.s["tabs"] += (c.cfg["sites"][0],)
        c.s["at"] = len(c.s["tabs"]) - 1
    else:
        do_visit(c, c.cfg["sites"][0])


def on_tabs(c: Context, arg: Any) -> None:
    c.go("tabs")


def on_tab(c: Context, arg: Any) -> None:
    c.s["at"] = arg
    c.up()


def on_close(c: Context, arg: Any) -> None:
    left = c.s["tabs"][:arg] + c.s["tabs"][arg + 1 :]
    if not left and not c.defect:
        left = ("start",)
        c.toast("A fresh start")
    c.s["tabs"] = left
    c.s["at"] = 0
    if left[0] == c.cfg["down"]:
        c.toast("The one that is down is left")


def on_private(c: Context, arg: Any) -> None:
    c.s["private"] = not c.s["private"]
    if c.s["private"] and c.s["past"]:
        c.toast("Your history stays")


def on_new(c: Context, arg: Any) -> None:
    if len(c.s["tabs"]) > c.cfg["most"]:
        c.toast("Close one first")
    else:
        c.s["tabs"] += ("start",)
        c.s["at"] = len(c.s["tabs"]) - 1
        c.up()


def on_menu(c: Context, arg: Any) -> None:
    c.dialog("menu")


def on_mark(c: Context, arg: Any) -> None:
    c.close()
    site = c.s["tabs"][c.s["at"]]
    if site == "start":
        c.toast("Nothing to keep")
    elif site in c.s["marks"]:
        c.toast("You have it")
    else:
        c.s["marks"] = (*c.s["marks"][-3:], site)


def on_unmark(c: Context, arg: Any) -> None:
    c.s["marks"] = tuple(name for name in c.s["marks"] if name != arg)


def on_list(c: Context, arg: Any) -> None:
    c.close()
    c.go("list")


def on_wipe(c: Context, arg: Any) -> None:
    if c.s["past"]:
        c.s["past"] = ()
        c.toast("Forgotten")
    else:
        c.toast("There is nothing")


def on_desktop(c: Context, arg: Any) -> None:
    c.s["desktop"] = not c.s["desktop"]
    c.close()


def on_scripts(c: Context, arg: Any) -> None:
    c.s["scripts"] = not c.s["scripts"]
    if not c.s["scripts"]:
        c.toast("Some pages will break")
