"""Tasks with priorities, a due day, filters, an undo and a swipeless archive."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import (
    Page,
    button,
    chooser,
    date_picker,
    field,
    icon,
    label,
    row,
    tab,
    tick,
)
from jamel.virtual_device.apps.wording import pick

TITLES = ("To do", "Checklist", "Errands", "Plan", "Erledigen", "Дела")
KEEP = ("tasks", "done", "archive")
DEFECT = "undo does not ask whether anything was done"
RANKS = ("Low", "Normal", "High")
TABS = ("All", "High", "Done")


def configure(rng: Random) -> dict[str, Any]:
    names = pick(rng, "things", rng.randint(4, 9))
    return {"tasks": tuple((name, rng.choice(RANKS)) for name in names), "days": 28}


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "tasks": cfg["tasks"],
        "done": (),
        "archive": 0,
        "tab": "All",
        "t:name": "",
        "rank": "Normal",
        "due": 0,
        "last": (),
    }


def page_main(c: Context) -> Page:
    shown = [
        (name, rank)
        for name, rank in c.s["tasks"]
        if c.s["tab"] == "All" or (c.s["tab"] == "Done") == (name in c.s["done"])
    ]
    ticks = [tick("task", f"{name} ({rank})", name in c.s["done"], "on_task", name)
             for name, rank in shown if c.s["tab"] != "High" or rank == "High"]  # fmt: skip
    tabs = tuple(tab("filter", name, name == c.s["tab"], "on_tab", name) for name in TABS)
    icons = (icon("undo", "Undo", "on_undo"), icon("sweep", "Archive", "on_sweep"))
    empty = () if ticks else (label("Nothing here", "empty"),)
    return Page(c.title, (*ticks, *empty), icons, tabs, icon("add", "New task", "on_add"))


def page_new(c: Context) -> Page:
    return Page(
        "New task",
        (
            field("name", "What is to be done?"),
            row("rank", "Priority", "on_rank", sub=c.s["rank"]),
            row("due", "Due", "on_due", sub=str(c.s["due"] or "no day")),
            button("save", "Save", "on_save"),
        ),
    )


def dialog_rank(c: Context) -> Page:
    return chooser("Priority", RANKS, "on_choose_rank", c.s["rank"])


def dialog_due(c: Context) -> Page:
    return date_picker("This month", c.cfg["days"], "on_day", "on_turn", c.s["due"])


def on_enter(c: Context, arg: Any) -> None:
    if c.s["tasks"] and len(c.s["done"]) == len(c.s["tasks"]):
        c.toast("All done")


def on_tab(c: Context, arg: Any) -> None:
    c.s["tab"] = arg
    if arg == "Done" and not c.s["done"]:
        c.toast("Not one yet")


def on_task(c: Context, arg: Any) -> None:
    if arg in c.s["done"]:
        c.s["done"] = tuple(name for name in c.s["done"] if name != arg)
    else:
        c.s["done"] += (arg,)
        c.s["last"] += (arg,)
        match len(c.s["done"]):
            case 3:
                c.toast("Keep going")
            case count if count == len(c.s["tasks"]):
                c.toast("All done!")


def on_undo(c: Context, arg: Any) -> None:
    if not c.s["last"] and not c.defect:
        c.toast("Nothing to undo")
        return
    name = c.s["last"][-1]
    c.s["last"] = c.s["last"][:-1]
    if name in c.s["done"]:
        c.s["done"] = tuple(other for other in c.s["done"] if other != name)
    else:
        c.toast("It is open already")


def on_sweep(c: Context, arg: Any) -> None:
    if not c.s["done"]:
        c.toast("Nothing to put away")
        return
    for _ in c.s["done"]:
        c.s["archive"] += 1
    c.s["tasks"] = tuple(task for task in c.s["tasks"] if task[0] not in c.s["done"])
    c.s["done"] = c.s["last"] = ()
    if c.s["archive"] > 3:
        c.toast(f"{c.s['archive']} put away so far")


def on_add(c: Context, arg: Any) -> None:
    c.s["t:name"] = ""
    c.s["rank"], c.s["due"] = "Normal", 0
    if len(c.s["tasks"]) > 10:
        c.toast("Do something first")
    else:
        c.go("new")


def on_rank(c: Context, arg: Any) -> None:
    c.dialog("rank")


def on_choose_rank(c: Context, arg: Any) -> None:
    c.close()
    c.s["rank"] = arg


def on_due(c: Context, arg: Any) -> None:
    c.dialog("due")


def on_day(c: Context, arg: Any) -> None:
    c.close()
    c.s["due"] = arg
    if arg % 7 == 0:
        c.toast("On a Sunday?")


def on_turn(c: Context, arg: Any) -> None:
    if arg < 0:
        c.toast("Too late")
    else:
        c.toast("One month at a time")


def on_date_cancel(c: Context, arg: Any) -> None:
    c.close()


def on_save(c: Context, arg: Any) -> None:
    name = c.text("name")
    if not name:
        c.toast("What?")
    elif any(name == other for other, _ in c.s["tasks"]):
        c.toast("You have that already")
    elif c.s["rank"] == "High" and not c.s["due"]:
        c.toast("By when?")
    else:
        c.s["tasks"] += ((name, c.s["rank"]),)
        c.up()
