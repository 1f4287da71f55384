"""An endless feed that loads more at its end, with a dialog that keeps coming back."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, button, icon, label, listing, row, toggle
from jamel.virtual_device.apps.wording import pick

TITLES = ("For you", "Timeline", "Stream", "Explore", "Entdecken", "Лента")
KEEP = ("saved", "rated", "hidden", "videos")
MOST = 400
"""Posts after which nothing more is loaded; nobody scrolls so far."""


def configure(rng: Random) -> dict[str, Any]:
    return {
        "topics": pick(rng, "topics", rng.randint(4, 8)),
        "batch": rng.choice((14, 16, 18)),
        "nag": rng.choice((3, 4, 5)),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "loaded": cfg["batch"],
        "open": 0,
        "saved": (),
        "hidden": (),
        "seen": 0,
        "rated": False,
        "videos": True,
    }


def page_main(c: Context) -> Page:
    topics = c.cfg["topics"]
    rows = [
        row("post", f"{topics[n % len(topics)]} · {n + 1}", "on_post", n + 1, hold="on_hold")
        for n in range(c.s["loaded"])
        if topics[n % len(topics)] not in c.s["hidden"]
    ]
    icons = (icon("refresh", "Refresh", "on_refresh"), icon("saved", "Saved", "on_saved"))
    body = (listing("posts", *rows), label("Loading…", "progress"))
    return Page(c.title, body, icons, endless=True)


def page_post(c: Context) -> Page:
    return Page(
        f"Post {c.s['open']}",
        (
            label("A minute to read"),
            button("save", "Save", "on_save"),
            button("newer", "Newer", "on_turn", -1),
            button("older", "Older", "on_turn", 1),
        ),
    )


def page_saved(c: Context) -> Page:
    rows = [row("kept", f"Post {n}", "on_post", n) for n in c.s["saved"]]
    videos = toggle("videos", "Play videos", c.s["videos"], "on_videos")
    return Page("Saved", (listing("kept_list", *rows), videos))


def dialog_rate(c: Context) -> Page:
    return Page(
        f"Do you like {c.title}?",
        (
            label("Your opinion helps us."),
            button("later", "Not now", "on_later"),
            button("rate", "Rate", "on_rate"),
        ),
        style="dialog",
    )


def dialog_held(c: Context) -> Page:
    return Page(
        "Post",
        (row("hide", "Less of this", "on_hide"), row("keep", "Save for later", "on_save")),
        style="sheet",
    )


def on_enter(c: Context, arg: Any) -> None:
    c.s["loaded"] = c.cfg["batch"]


def on_end(c: Context, arg: Any) -> None:
    if c.s["loaded"] == c.cfg["batch"]:
        c.toast("There is always more")
    c.s["loaded"] = min(MOST, c.s["loaded"] + c.cfg["batch"])


def do_see(c: Context) -> None:
    c.s["seen"] += 1
    if c.s["seen"] >= c.cfg["nag"] and not c.s["rated"]:
        c.s["seen"] = 0
        c.dialog("rate")


def on_post(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.go("post")
    do_see(c)


def on_turn(c: Context, arg: Any) -> None:
    number = c.s["open"] + arg
    if number < 1:
        c.toast("This is the newest")
    elif number > c.s["loaded"]:
        c.s["loaded"] += c.cfg["batch"]
    else:
        c.s["open"] = number
        do_see(c)


def on_hold(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.dialog("held")


def on_hide(c: Context, arg: Any) -> None:
    c.close()
    topics = c.cfg["topics"]
    if len(c.s["hidden"]) + 2 >= len(topics):
        c.toast("Then nothing is left")
    else:
        c.s["hidden"] += (topics[(c.s["open"] - 1) % len(topics)],)


def on_save(c: Context, arg: Any) -> None:
    c.close()
    if c.s["open"] in c.s["saved"]:
        c.s["saved"] = tuple(n for n in c.s["saved"] if n != c.s["open"])
        c.toast("No longer saved")
    elif len(c.s["saved"]) >= 4:
        c.toast("Read those first")
    else:
        c.s["saved"] += (c.s["open"],)


def on_refresh(c: Context, arg: Any) -> None:
    if c.nav["scroll"]:
        c.nav["scroll"] = 0
    elif c.s["loaded"] > c.cfg["batch"]:
        c.s["loaded"] = c.cfg["batch"]
    else:
        c.toast("Nothing new")


def on_saved(c: Context, arg: Any) -> None:
    if c.s["saved"]:
        c.go("saved")
    elif c.s["hidden"]:
        c.s["hidden"] = ()
        c.toast("You see everything again")
    else:
        c.toast("Nothing saved")


def on_videos(c: Context, arg: Any) -> None:
    c.s["videos"] = not c.s["videos"]


def on_later(c: Context, arg: Any) -> None:
    c.close()


def on_rate(c: Context, arg: Any) -> None:
    c.close()
    c.s["rated"] = True
    if c.s["saved"]:
        c.toast("Five stars, thank you")
    else:
        c.toast("Thank you")
