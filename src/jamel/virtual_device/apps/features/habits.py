"""Habits with day counters that look alike, streaks, reminders and a pause."""

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

TITLES = ("Habits", "Routine", "Streaks", "Daily", "Gewohnheiten", "Привычки")
KEEP = ("counts", "names", "remind", "best")
DEFECT = "the share of days is taken of a count that may be zero"
NAMES = ("Water", "Stretching", "Reading", "Walk", "No sugar", "Sleep", "Breathing")


def configure(rng: Random) -> dict[str, Any]:
    names = tuple(rng.sample(NAMES, rng.randint(3, 5)))
    return {"names": names, "goal": rng.choice((4, 5, 6))}


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "names": cfg["names"],
        "counts": (0,) * len(cfg["names"]),
        "open": 0,
        "paused": False,
        "remind": False,
        "best": 0,
        "t:name": "",
    }


def page_main(c: Context) -> Page:
    rows = [
        row("habit", name, "on_habit", n, hold="on_hold", sub=f"{c.s['counts'][n]} days",
            icons=(icon("done", "Done today", "on_done", n),))
        for n, name in enumerate(c.s["names"])
    ]  # fmt: skip
    icons = (icon("pause", "Resume" if c.s["paused"] else "Pause", "on_pause"),)
    return Page(c.title, (listing("habits", *rows),), icons, fab=icon("add", "New", "on_add"))


def page_habit(c: Context) -> Page:
    count = c.s["counts"][c.s["open"]]
    return Page(
        c.s["names"][c.s["open"]],
        (
            label(f"Day {count}", "day"),
            bar(
                button("less", "Take one back", "on_count", -1),
                button("more", "One more", "on_count", 1),
            ),
            toggle("remind", "Remind me", c.s["remind"], "on_remind"),
            button("share", "Compare with the best", "on_share"),
            button("next", "Next habit", "on_next"),
        ),
    )


def page_new(c: Context) -> Page:
    return Page("New habit", (field("name", "Which?"), button("save", "Start", "on_save")))


def dialog_reset(c: Context) -> Page:
    return Page(
        "Start over?",
        (button("no", "No", "on_no"), button("yes", "Start over", "on_reset")),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["paused"]:
        c.toast("You have a break")
    elif c.s["remind"] and not any(c.s["counts"]):
        c.toast("Start today")


def do_set(c: Context, number: int, count: int) -> None:
    counts = list(c.s["counts"])
    counts[number] = count
    c.s["counts"] = tuple(counts)
    if count > c.s["best"]:
        c.s["best"] = count
        if count == c.cfg["goal"]:
            c.toast("Goal reached!")


def on_done(c: Context, arg: Any) -> None:
    if c.s["paused"]:
        c.toast("Not during a break")
    elif c.s["counts"][arg] >= 8:
        c.toast("Enough for today")
    else:
        do_set(c, arg, c.s["counts"][arg] + 1)


def on_habit(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.go("habit")


def on_count(c: Context, arg: Any) -> None:
    count = c.s["counts"][c.s["open"]] + arg
    if count < 0:
        c.toast("Not below zero")
    elif count > 9:
        c.toast("It is a habit now")
    else:
        do_set(c, c.s["open"], count)


def on_hold(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    if c.s["counts"][arg]:
        c.dialog("reset")
    else:
        c.toast("Not begun yet")


def on_no(c: Context, arg: Any) -> None:
    c.close()


def on_reset(c: Context, arg: Any) -> None:
    c.close()
    do_set(c, c.s["open"], 0)


def on_pause(c: Context, arg: Any) -> None:
    if c.s["paused"]:
        c.s["paused"] = False
    elif any(c.s["counts"]):
        c.s["paused"] = True
        c.toast("Enjoy your break")
    else:
        c.toast("Begin first")


def on_remind(c: Context, arg: Any) -> None:
    c.s["remind"] = not c.s["remind"]
    if c.s["remind"]:
        c.toast("Every day at eight")


def on_share(c: Context, arg: Any) -> None:
    if not c.s["best"] and not c.defect:
        c.toast("There is no best yet")
    elif 100 * c.s["counts"][c.s["open"]] // c.s["best"] == 100:
        c.toast("This is your best")
    else:
        c.toast("You can do better")


def on_next(c: Context, arg: Any) -> None:
    if c.s["open"] + 1 < len(c.s["names"]):
        c.s["open"] += 1
    else:
        c.s["open"] = 0


def on_add(c: Context, arg: Any) -> None:
    c.s["t:name"] = ""
    if len(c.s["names"]) >= 6:
        c.toast("Enough habits")
    else:
        c.go("new")


def on_save(c: Context, arg: Any) -> None:
    name = c.text("name")
    if not name:
        c.toast("Which?")
    elif name in c.s["names"]:
        c.toast("You do that already")
    elif name.isdigit():
        c.toast("Say it in words")
    else:
        c.s["names"] += (name,)
        c.s["counts"] += (0,)
        c.up()
