"""First steps shown when the app starts for the first time, and again from the app itself."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, bar, button, field, label, picture, row, tick
from jamel.virtual_device.apps.wording import pick

TITLES = ("Tour", "Getting started", "Introduction", "Einführung", "Знакомство")
KEEP = ("finished", "likes", "name")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "slides": rng.choice((2, 3, 4)),
        "topics": pick(rng, "topics", rng.choice((4, 6))),
        "least": rng.choice((1, 2)),
        "auto": rng.random() < 0.7,
        "skippable": rng.random() < 0.6,
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {"slide": 0, "finished": False, "likes": (), "t:name": "", "name": "", "hint": ""}


def page_main(c: Context) -> Page:
    if c.s["finished"]:
        who = c.s["name"] or "friend"
        return Page(
            c.title,
            (
                label(f"Hello, {who}"),
                row("replay", "Show again", "on_replay"),
                row("interests", "Interests", "on_interests"),
                row("rename", "Change name", "on_rename"),
            ),
        )
    skip = (button("skip", "Skip", "on_skip"),) if c.cfg["skippable"] else ()
    return Page(
        "Welcome",
        (
            picture("slide", f"Slide {c.s['slide'] + 1}"),
            label("●" * (c.s["slide"] + 1)),
            bar(button("back", "Previous", "on_previous"), button("next", "Next", "on_next")),
            *skip,
        ),
    )


def page_interests(c: Context) -> Page:
    ticks = [
        tick("topic", name, name in c.s["likes"], "on_topic", name) for name in c.cfg["topics"]
    ]
    return Page("What do you like?", (*ticks, button("go_on", "Continue", "on_continue")))


def page_name(c: Context) -> Page:
    hint = (label(c.s["hint"], "hint"),) if c.s["hint"] else ()
    return Page(
        "Your name",
        (
            field("name", "Name"),
            *hint,
            button("finish", "Finish", "on_finish"),
            button("later", "Later", "on_later"),
        ),
    )


def dialog_skip(c: Context) -> Page:
    return Page(
        "Skip the tour?",
        (button("no", "Stay", "on_stay"), button("yes", "Skip", "on_skip_sure")),
        style="dialog",
    )


def on_start(c: Context, arg: Any) -> None:
    if c.cfg["auto"] and not c.s["finished"]:
        c.open(c.index)


def on_enter(c: Context, arg: Any) -> None:
    c.s["slide"] = 0


def on_next(c: Context, arg: Any) -> None:
    if c.s["slide"] + 1 < c.cfg["slides"]:
        c.s["slide"] += 1
    elif len(c.s["likes"]) >= c.cfg["least"]:
        c.go("name")
    else:
        c.go("interests")


def on_previous(c: Context, arg: Any) -> None:
    if c.s["slide"] == 0:
        c.toast("This is the beginning")
    else:
        c.s["slide"] -= 1


def on_skip(c: Context, arg: Any) -> None:
    if c.s["slide"] == 0:
        c.dialog("skip")
    else:
        c.go("name")


def on_stay(c: Context, arg: Any) -> None:
    c.close()


def on_skip_sure(c: Context, arg: Any) -> None:
    c.close()
    do_finish(c)


def do_finish(c: Context) -> None:
    if c.s["finished"]:
        c.toast("As you were")
    c.s["finished"] = True
    c.s["hint"] = ""
    c.leave()


def on_topic(c: Context, arg: Any) -> None:
    if arg in c.s["likes"]:
        c.s["likes"] = tuple(name for name in c.s["likes"] if name != arg)
    elif len(c.s["likes"]) >= 3:
        c.toast("Three are enough")
    else:
        c.s["likes"] = tuple(sorted((*c.s["likes"], arg)))


def on_continue(c: Context, arg: Any) -> None:
    missing = c.cfg["least"] - len(c.s["likes"])
    if missing > 0:
        c.toast(f"Choose {missing} more")
    elif c.s["finished"]:
        c.up()
    else:
        c.go("name")


def on_finish(c: Context, arg: Any) -> None:
    name = c.text("name")
    if not name:
        c.s["hint"] = "How may we call you?"
    elif name.isdigit():
        c.s["hint"] = "A name has letters"
    elif "@" in name:
        c.s["name"] = name.partition("@")[0]
        do_finish(c)
    else:
        c.s["name"] = name
        do_finish(c)


def on_later(c: Context, arg: Any) -> None:
    if c.s["likes"]:
        do_finish(c)
    else:
        c.s["hint"] = "Then tell us what you like"
        c.go("interests")


def on_replay(c: Context, arg: Any) -> None:
    c.s["finished"] = False
    c.s["slide"] = 0


def on_interests(c: Context, arg: Any) -> None:
    c.go("interests")


def on_rename(c: Context, arg: Any) -> None:
    if c.s["name"]:
        c.s["t:name"] = c.s["name"]
    c.go("name")
