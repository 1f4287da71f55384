"""Search with hits and without, suggestions, filters, history and a result to save."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.types import TYPED_TEXTS
from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, button, field, icon, label, listing, row, tick
from jamel.virtual_device.apps.wording import many, pick

TITLES = ("Search", "Find", "Discover", "Suche", "Поиск", "検索")
KEEP = ("history", "saved", "filters")
FILTERS = ("Nearby", "New", "Free")


def configure(rng: Random) -> dict[str, Any]:
    hit = rng.choice(TYPED_TEXTS[1:3])
    return {
        "hit": hit,
        "rare": rng.choice([t for t in TYPED_TEXTS if t != hit]),
        "results": many(rng, "places", rng.randint(4, 12)),
        "hints": pick(rng, "topics", 3),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "t:query": "",
        "found": (),
        "asked": "",
        "history": (),
        "saved": (),
        "filters": (),
        "open": "",
        "order": "best",
    }


def page_main(c: Context) -> Page:
    hints = [row("hint", text, "on_hint", text) for text in c.cfg["hints"]]
    past = [
        row("past", text, "on_past", text, icons=(icon("forget", "Forget", "on_forget", text),))
        for text in c.s["history"]
    ]
    return Page(
        c.title,
        (
            field("query", "What are you looking for?"),
            button("search", "Search", "on_search"),
            *hints,
            *past,
        ),
        (icon("filter", "Filters", "on_filters"), icon("saved", "Saved", "on_saved")),
    )


def page_results(c: Context) -> Page:
    if not c.s["found"]:
        return Page(
            "No results",
            (
                label(f"Nothing found for {c.s['asked']}", "empty"),
                button("again", "Search again", "on_again"),
            ),
        )
    rows = [row("result", name, "on_result", name) for name in c.s["found"]]
    return Page(
        str(c.s["asked"]),
        (button("order", f"Sorted by {c.s['order']}", "on_order"), listing("results", *rows)),
    )


def page_result(c: Context) -> Page:
    kept = c.s["open"] in c.s["saved"]
    return Page(
        c.s["open"],
        (
            label("4.5 ★ · open until 20:00"),
            button("save", "Remove" if kept else "Save", "on_save"),
            button("similar", "More like this", "on_similar"),
        ),
    )


def page_saved(c: Context) -> Page:
    return Page("Saved", tuple(row("kept", name, "on_result", name) for name in c.s["saved"]))


def dialog_filters(c: Context) -> Page:
    ticks = [tick("filter", name, name in c.s["filters"], "on_filter", name) for name in FILTERS]
    return Page("Filters", (*ticks, button("apply", "Apply", "on_apply")), style="sheet")


def on_enter(c: Context, arg: Any) -> None:
    c.s["asked"] = ""
    if c.s["history"]:
        c.toast("Search again?")


def on_search(c: Context, arg: Any) -> None:
    query = c.text("query")
    if not query:
        c.toast("Type something first")
        return
    do_remember(c, query)
    do_find(c, query)


def do_remember(c: Context, query: str) -> None:
    if query in c.s["history"]:
        c.s["history"] = (query, *(text for text in c.s["history"] if text != query))
    elif len(c.s["history"]) >= 3:
        c.s["history"] = (query, *c.s["history"][:2])
    else:
        c.s["history"] = (query, *c.s["history"])


def do_find(c: Context, query: str) -> None:
    c.s["asked"] = query
    every = c.cfg["results"]
    if query == c.cfg["hit"]:
        c.s["found"] = every
    elif query == c.cfg["rare"]:
        c.s["found"] = every[:1]
    elif query in c.cfg["hints"]:
        c.s["found"] = every[1:4]
    else:
        c.s["found"] = ()
    if "Free" in c.s["filters"] and c.s["found"]:
        c.s["found"] = c.s["found"][::2]
    if "New" in c.s["filters"] and len(c.s["found"]) > 3:
        c.s["found"] = c.s["found"][:3]
    c.go("results")


def on_hint(c: Context, arg: Any) -> None:
    do_remember(c, arg)
    do_find(c, arg)


def on_past(c: Context, arg: Any) -> None:
    c.s["t:query"] = arg
    do_find(c, arg)


def on_forget(c: Context, arg: Any) -> None:
    c.s["history"] = tuple(text for text in c.s["history"] if text != arg)
    if not c.s["history"]:
        c.toast("No searches left")


def on_again(c: Context, arg: Any) -> None:
    c.s["t:query"] = ""
    c.up()


def on_order(c: Context, arg: Any) -> None:
    match c.s["order"]:
        case "best":
            c.s["order"] = "name"
            c.s["found"] = tuple(sorted(c.s["found"]))
        case "name":
            c.s["order"] = "distance"
            c.s["found"] = c.s["found"][::-1]
        case _:
            c.s["order"] = "best"


def on_result(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.go("result")
    if arg in c.s["saved"]:
        c.toast("You saved this")


def on_save(c: Context, arg: Any) -> None:
    name = c.s["open"]
    if name in c.s["saved"]:
        c.s["saved"] = tuple(item for item in c.s["saved"] if item != name)
    else:
        c.s["saved"] += (name,)
        if len(c.s["saved"]) > 2:
            c.toast("You know your places")


def on_similar(c: Context, arg: Any) -> None:
    if len(c.s["found"]) > 1:
        c.up()
        c.s["found"] = tuple(name for name in c.s["found"] if name != c.s["open"])
    else:
        c.toast("Nothing like it")


def on_saved(c: Context, arg: Any) -> None:
    if c.s["saved"]:
        c.go("saved")
    else:
        c.toast("Nothing saved")


def on_filters(c: Context, arg: Any) -> None:
    c.dialog("filters")


def on_filter(c: Context, arg: Any) -> None:
    if arg in c.s["filters"]:
        c.s["filters"] = tuple(name for name in c.s["filters"] if name != arg)
    else:
        c.s["filters"] += (arg,)
        if arg == "Nearby":
            c.toast("Within 2 km")


def on_apply(c: Context, arg: Any) -> None:
    c.close()
    match len(c.s["filters"]):
        case 0:
            c.toast("No filters")
        case 3:
            c.toast("Few things pass all filters")
