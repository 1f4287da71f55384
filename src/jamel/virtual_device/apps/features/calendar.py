"""A calendar: months, days, appointments that may clash, reminders and an agenda."""

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
    tick,
)

TITLES = ("Calendar", "Planner", "Schedule", "Kalender", "Календарь")
KEEP = ("events", "view", "remind")
MONTHS = ("May", "June", "July", "August")
HOURS = ("08:00", "10:00", "14:00", "19:00")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "holiday": rng.randint(1, 10),
        "weeks": rng.choice((2, 3)),
        "hours": HOURS[: rng.choice((3, 4))],
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "month": 1,
        "day": 1,
        "events": (),
        "hour": "",
        "t:what": "",
        "view": "month",
        "repeat": "never",
        "remind": False,
        "edited": -1,
        "hint": "",
    }


def page_main(c: Context) -> Page:
    icons = (icon("view", "Change view", "on_view"), icon("today", "Today", "on_today"))
    if c.s["view"] == "agenda":
        rows = [
            row("event", what, "on_event", number, sub=f"{day} {MONTHS[month]} {hour}")
            for number, (month, day, hour, what) in enumerate(c.s["events"])
        ]
        return Page(c.title, tuple(rows) or (label("Nothing planned", "empty"),), icons)
    days = range(1, c.cfg["weeks"] * 5 + 1)
    cells = [button("day", str(day), "on_day", day) for day in days]
    turn = bar(
        icon("earlier", "Earlier", "on_month", -1),
        label(MONTHS[c.s["month"]], "month"),
        icon("later", "Later", "on_month", 1),
    )
    weeks = [bar(*cells[k : k + 5]) for k in range(0, len(cells), 5)]
    return Page(c.title, (turn, *weeks), icons)


def page_day(c: Context) -> Page:
    here = (c.s["month"], c.s["day"])
    rows = [
        row("event", f"{hour} {what}", "on_event", number)
        for number, (month, day, hour, what) in enumerate(c.s["events"])
        if (month, day) == here
    ]
    return Page(
        f"{c.s['day']} {MONTHS[c.s['month']]}",
        (listing("events", *rows), label("" if rows else "A free day")),
        (icon("next_day", "Next day", "on_next_day"),),
        fab=icon("new", "New", "on_new"),
    )


def page_edit(c: Context) -> Page:
    hours = [tick("hour", text, text == c.s["hour"], "on_hour", text) for text in c.cfg["hours"]]
    hint = (label(c.s["hint"], "hint"),) if c.s["hint"] else ()
    return Page(
        "Appointment",
        (
            field("what", "What?"),
            *hours,
            row("repeat", "Repeat", "on_repeat", sub=c.s["repeat"]),
            tick("remind", "Remind me", c.s["remind"], "on_remind"),
            *hint,
            button("save", "Save", "on_save"),
        ),
        (icon("remove", "Remove", "on_remove"),) if c.s["edited"] >= 0 else (),
    )


def dialog_remove(c: Context) -> Page:
    return Page(
        "Remove?",
        (button("one", "Only this", "on_remove_sure", 1), button("keep", "Keep", "on_keep")),
        style="dialog",
    )


def dialog_clash(c: Context) -> Page:
    return Page(
        "At the same time",
        (
            label("There is something else then."),
            button("anyway", "Anyway", "on_anyway"),
            button("keep", "Change", "on_keep"),
        ),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["remind"] and c.s["events"]:
        c.toast("Do not forget")


def on_view(c: Context, arg: Any) -> None:
    if c.s["view"] == "month":
        c.s["view"] = "agenda"
    else:
        c.s["view"] = "month"


def on_today(c: Context, arg: Any) -> None:
    if c.s["month"] == 1:
        c.s["day"] = 1
        c.go("day")
    else:
        c.s["month"] = 1


def on_month(c: Context, arg: Any) -> None:
    month = c.s["month"] + arg
    if month < 0:
        c.toast("The past is over")
    elif month >= len(MONTHS):
        c.toast("Too far ahead")
    else:
        c.s["month"] = month


def on_day(c: Context, arg: Any) -> None:
    c.s["day"] = arg
    if arg == c.cfg["holiday"]:
        c.toast("A holiday")
    c.go("day")


def on_next_day(c: Context, arg: Any) -> None:
    if c.s["day"] >= c.cfg["weeks"] * 5:
        c.s["day"] = 1
        if c.s["month"] + 1 < len(MONTHS):
            c.s["month"] += 1
        else:
            c.toast("The year is over")
    else:
        c.s["day"] += 1


def on_new(c: Context, arg: Any) -> None:
    c.s["edited"] = -1
    c.s["hint"] = ""
    if len(c.s["events"]) >= 4:
        c.toast("You have enough to do")
    else:
        c.go("edit")


def on_event(c: Context, arg: Any) -> None:
    c.s["edited"] = arg
    c.s["hint"] = ""
    _, _, c.s["hour"], c.s["t:what"] = c.s["events"][arg]
    c.go("edit")


def on_hour(c: Context, arg: Any) -> None:
    c.s["hour"] = arg
    match arg:
        case "08:00":
            c.toast("Early!")
        case "19:00" if c.s["day"] % 5 == 0:
            c.toast("On a Friday night?")


def on_repeat(c: Context, arg: Any) -> None:
    match c.s["repeat"]:
        case "never":
            c.s["repeat"] = "daily"
        case "daily":
            c.s["repeat"] = "weekly"
        case _:
            c.s["repeat"] = "never"


def on_remind(c: Context, arg: Any) -> None:
    c.s["remind"] = not c.s["remind"]
    if c.s["remind"] and not c.s["hour"]:
        c.toast("At what time?")


def on_save(c: Context, arg: Any) -> None:
    if not c.text("what"):
        c.s["hint"] = "What is it?"
    elif not c.s["hour"]:
        c.s["hint"] = "At what time?"
    elif c.s["day"] == c.cfg["holiday"]:
        c.s["hint"] = "Not on a holiday"
    elif do_clashes(c):
        c.dialog("clash")
    else:
        do_keep_event(c)


def do_clashes(c: Context) -> bool:
    for number, (month, day, hour, _) in enumerate(c.s["events"]):
        if number != c.s["edited"] and (month, day, hour) == (
            c.s["month"],
            c.s["day"],
            c.s["hour"],
        ):
            return True
    return False


def do_keep_event(c: Context) -> None:
    event = (c.s["month"], c.s["day"], c.s["hour"], c.text("what"))
    events = list(c.s["events"])
    if c.s["edited"] >= 0:
        events[c.s["edited"]] = event
    else:
        events.append(event)
        if c.s["repeat"] == "daily" and c.s["day"] < c.cfg["weeks"] * 5 and len(events) < 4:
            events.append((event[0], event[1] + 1, *event[2:]))
    c.s["events"] = tuple(events)
    c.s["hint"] = ""
    c.up()


def on_anyway(c: Context, arg: Any) -> None:
    c.close()
    do_keep_event(c)


def on_keep(c: Context, arg: Any) -> None:
    c.close()


def on_remove(c: Context, arg: Any) -> None:
    c.dialog("remove")


def on_remove_sure(c: Context, arg: Any) -> None:
    c.close()
    events = list(c.s["events"])
    del events[c.s["edited"]]
    c.s["events"] = tuple(events)
    c.s["edited"] = -1
    if not events:
        c.toast("Free again")
    c.up()
