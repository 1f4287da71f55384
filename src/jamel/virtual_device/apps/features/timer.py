"""Alarms, a stopwatch with laps and a countdown, in three tabs."""

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
    tab,
    toggle,
)

TITLES = ("Clock", "Alarms", "Training", "Uhr", "Часы")
KEEP = ("alarms", "live")
DAYS = ("Mon", "Wed", "Sat")


def configure(rng: Random) -> dict[str, Any]:
    hours = rng.sample(range(5, 11), rng.choice((2, 3, 4)))
    return {"alarms": tuple(f"{hour:02d}:30" for hour in sorted(hours)), "most": len(hours) + 1}


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "tab": "alarms",
        "alarms": cfg["alarms"],
        "live": (),
        "open": "",
        "days": (),
        "running": False,
        "laps": 0,
        "steps": 0,
        "t:minutes": "",
        "left": 0,
        "t:label": "",
    }


def page_main(c: Context) -> Page:
    names = ("alarms", "stopwatch", "countdown")
    tabs = tuple(tab("tab", name, name == c.s["tab"], "on_tab", name) for name in names)
    match c.s["tab"]:
        case "alarms":
            nodes = tuple(
                row(
                    "alarm",
                    text,
                    "on_alarm",
                    text,
                    hold="on_hold",
                    icons=(
                        icon("switch", "On" if text in c.s["live"] else "Off", "on_live", text),
                    ),
                )
                for text in c.s["alarms"]
            )
            fab = icon("add", "New alarm", "on_add")
            return Page(c.title, (listing("alarm_list", *nodes),), (), tabs, fab)
        case "stopwatch":
            first = "Stop" if c.s["running"] else "Start"
            laps = [label(f"Lap {n + 1}", "lap_line") for n in range(c.s["laps"])]
            return Page(
                c.title,
                (
                    bar(button("go", first, "on_go"), button("lap", "Lap", "on_lap")),
                    button("zero", "Reset", "on_zero"),
                    *laps,
                ),
                tabs=tabs,
            )
        case _:
            return Page(
                c.title,
                (
                    label(f"{c.s['left']} minutes left"),
                    field("minutes", "Minutes"),
                    bar(button("begin", "Begin", "on_begin"), button("tick", "−1", "on_minute")),
                ),
                tabs=tabs,
            )


def page_alarm(c: Context) -> Page:
    days = [toggle("day", name, name in c.s["days"], "on_day", name) for name in DAYS]
    return Page(
        c.s["open"],
        (
            *days,
            field("label", "Label"),
            bar(
                button("earlier", "Earlier", "on_shift", -1),
                button("later", "Later", "on_shift", 1),
            ),
            button("save", "Save", "on_save"),
        ),
    )


def dialog_delete(c: Context) -> Page:
    return Page(
        f"Delete {c.s['open']}?",
        (button("no", "Keep", "on_close"), button("yes", "Delete", "on_delete")),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    match len(c.s["live"]):
        case 0:
            pass
        case 1:
            c.toast("One alarm is on")
        case _:
            c.toast("Several alarms are on")


def on_tab(c: Context, arg: Any) -> None:
    if arg == c.s["tab"]:
        c.toast("You are here")
    elif c.s["running"]:
        c.s["tab"] = arg
        c.toast("The stopwatch runs on")
    else:
        c.s["tab"] = arg


def on_live(c: Context, arg: Any) -> None:
    if arg in c.s["live"]:
        c.s["live"] = tuple(text for text in c.s["live"] if text != arg)
    else:
        c.s["live"] = tuple(sorted((*c.s["live"], arg)))
        if len(c.s["live"]) == len(c.s["alarms"]):
            c.toast("All alarms are on")


def on_alarm(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.s["days"] = ()
    c.go("alarm")


def on_hold(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    if arg in c.s["live"]:
        c.toast("Switch it off first")
    else:
        c.dialog("delete")


def on_close(c: Context, arg: Any) -> None:
    c.close()


def on_delete(c: Context, arg: Any) -> None:
    c.close()
    c.s["alarms"] = tuple(text for text in c.s["alarms"] if text != c.s["open"])
    if not c.s["alarms"]:
        c.toast("Sleep well")


def on_add(c: Context, arg: Any) -> None:
    if len(c.s["alarms"]) >= c.cfg["most"]:
        c.toast("No more alarms")
    elif "12:00" in c.s["alarms"]:
        c.toast("Change the one at noon first")
    else:
        c.s["alarms"] += ("12:00",)


def on_day(c: Context, arg: Any) -> None:
    if arg in c.s["days"]:
        c.s["days"] = tuple(name for name in c.s["days"] if name != arg)
    else:
        c.s["days"] = tuple(sorted((*c.s["days"], arg)))
        if arg == "Sat" and len(c.s["days"]) == 1:
            c.toast("Only at the weekend")
        elif len(c.s["days"]) == 3:
            c.toast("Busy week")


def on_shift(c: Context, arg: Any) -> None:
    hour = int(c.s["open"][:2]) + arg
    moved = f"{hour:02d}{c.s['open'][2:]}"
    if hour < 4:
        c.toast("Nobody is awake then")
    elif hour > 13:
        c.toast("That is no morning")
    elif moved in c.s["alarms"]:
        c.toast("There is one at that time")
    else:
        c.s["alarms"] = tuple(moved if t == c.s["open"] else t for t in c.s["alarms"])
        c.s["live"] = tuple(t for t in c.s["live"] if t != c.s["open"])
        c.s["open"] = moved


def on_save(c: Context, arg: Any) -> None:
    text = c.text("label")
    if text and not c.s["days"]:
        c.toast("On which days?")
        return
    if text.isdigit():
        c.toast("Words wake better than numbers")
    elif text:
        c.toast(f"{text}!")
    if c.s["days"] and c.s["open"] not in c.s["live"]:
        c.s["live"] = tuple(sorted((*c.s["live"], c.s["open"])))
    c.up()


def on_go(c: Context, arg: Any) -> None:
    c.s["running"] = not c.s["running"]
    if not c.s["running"] and c.s["laps"] == 0:
        c.toast("No laps")


def on_lap(c: Context, arg: Any) -> None:
    if not c.s["running"]:
        c.toast("Start it first")
    elif c.s["laps"] >= 3:
        c.toast("Three laps are enough")
    else:
        c.s["laps"] += 1


def on_zero(c: Context, arg: Any) -> None:
    if c.s["running"]:
        c.toast("Stop it first")
    else:
        for _ in range(c.s["laps"]):
            c.s["laps"] -= 1


def on_begin(c: Context, arg: Any) -> None:
    text = c.text("minutes")
    if c.s["left"]:
        c.toast("It is running")
    elif not text:
        c.toast("How long?")
    elif not text.isdigit():
        c.toast("Enter a number")
    elif int(text) > 10:
        c.s["left"] = 3
        c.toast("At most three minutes")
    else:
        c.s["left"] = int(text)


def on_minute(c: Context, arg: Any) -> None:
    if c.s["left"] == 0:
        c.toast("Nothing is running")
        return
    c.s["left"] -= 1
    if c.s["left"] == 0:
        c.toast("Time is up")
        c.s["t:minutes"] = ""
