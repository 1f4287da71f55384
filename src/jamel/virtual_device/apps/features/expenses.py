"""What was spent: categories, a budget, a month at a time, a report and an export."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import (
    Page,
    bar,
    button,
    chooser,
    field,
    icon,
    label,
    listing,
    row,
)
from jamel.virtual_device.apps.wording import pick

TITLES = ("Expenses", "Budget", "Spending", "Ausgaben", "Costs", "Расходы")
KEEP = ("items", "budget")
DEFECT = "the average of nothing is computed"
GROUPS = ("Food", "Home", "Trips", "Fun")
MONTHS = ("January", "February", "March")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "names": pick(rng, "goods", 6),
        "groups": GROUPS[: rng.choice((3, 4))],
        "budget": rng.choice((20, 30)),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "items": (),
        "month": 1,
        "group": "Food",
        "only": "",
        "t:sum": "",
        "t:note": "",
        "budget": cfg["budget"],
        "open": 0,
    }


def page_main(c: Context) -> Page:
    rows = [
        row("expense", note, "on_item", n, hold="on_hold", sub=f"{total} € {group}")
        for n, (month, group, total, note) in enumerate(c.s["items"])
        if month == c.s["month"] and c.s["only"] in ("", group)
    ]
    head = bar(
        icon("before", "Before", "on_month", -1),
        label(MONTHS[c.s["month"]], "month"),
        icon("after", "After", "on_month", 1),
    )
    icons = (icon("filter", "Filter", "on_filter"), icon("report", "Report", "on_report"))
    return Page(
        c.title, (head, listing("expenses", *rows)), icons, fab=icon("add", "Add", "on_add")
    )


def page_add(c: Context) -> Page:
    return Page(
        "New expense",
        (
            field("sum", "How much?"),
            row("group", "Category", "on_group", sub=c.s["group"]),
            field("note", "Note"),
            button("save", "Save", "on_save"),
        ),
    )


def page_report(c: Context) -> Page:
    return Page(
        "Report",
        (
            label(f"{do_total(c)} € of {c.s['budget']} €"),
            button("average", "Average", "on_average"),
            button("raise", "Raise the budget", "on_raise"),
            button("export", "Export", "on_export"),
        ),
    )


def dialog_group(c: Context) -> Page:
    return chooser("Category", c.cfg["groups"], "on_choose_group", c.s["group"])


def dialog_filter(c: Context) -> Page:
    return chooser("Show", ("All", *c.cfg["groups"]), "on_only", c.s["only"] or "All")


def dialog_delete(c: Context) -> Page:
    return Page(
        "Delete?",
        (button("no", "Keep", "on_no"), button("yes", "Delete", "on_delete")),
        style="dialog",
    )


def do_total(c: Context) -> int:
    total = 0
    for item in c.s["items"]:
        if item[0] == c.s["month"]:
            total += item[2]
    return total


def on_enter(c: Context, arg: Any) -> None:
    if do_total(c) > c.s["budget"]:
        c.toast("Over budget")


def on_month(c: Context, arg: Any) -> None:
    month = c.s["month"] + arg
    if 0 <= month < len(MONTHS):
        c.s["month"] = month
    elif arg > 0:
        c.toast("That is the future")
    else:
        c.toast("Nothing older")


def on_filter(c: Context, arg: Any) -> None:
    if c.s["items"]:
        c.dialog("filter")
    else:
        c.toast("Nothing to filter")


def on_only(c: Context, arg: Any) -> None:
    c.close()
    if arg == "All":
        c.s["only"] = ""
    else:
        c.s["only"] = arg
        if all(arg != item[1] for item in c.s["items"]):
            c.toast("Nothing in there")


def on_add(c: Context, arg: Any) -> None:
    c.s["t:sum"] = c.s["t:note"] = ""
    if len(c.s["items"]) >= 8:
        c.toast("Stop spending")
    else:
        c.go("add")


def on_group(c: Context, arg: Any) -> None:
    c.dialog("group")


def on_choose_group(c: Context, arg: Any) -> None:
    c.close()
    c.s["group"] = arg


def on_save(c: Context, arg: Any) -> None:
    text, note = c.text("sum"), c.text("note")
    if not text:
        c.toast("How much?")
    elif not text.isdigit():
        c.toast("A number, please")
    elif c.s["group"] == "Fun" and not note:
        c.toast("What was it?")
    else:
        note = note or c.cfg["names"][len(c.s["items"]) % 6]
        c.s["items"] += ((c.s["month"], c.s["group"], int(text), note),)
        c.up()
        if do_total(c) > c.s["budget"]:
            c.toast("Over budget")


def on_item(c: Context, arg: Any) -> None:
    _, c.s["group"], total, c.s["t:note"] = c.s["items"][arg]
    c.s["t:sum"] = str(total)
    c.go("add")


def on_hold(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.dialog("delete")


def on_no(c: Context, arg: Any) -> None:
    c.close()


def on_delete(c: Context, arg: Any) -> None:
    c.close()
    items = list(c.s["items"])
    del items[c.s["open"]]
    c.s["items"] = tuple(items)


def on_report(c: Context, arg: Any) -> None:
    c.go("report")


def on_average(c: Context, arg: Any) -> None:
    count = len([item for item in c.s["items"] if item[0] == c.s["month"]])
    if count or c.defect:
        c.toast(f"{do_total(c) // count} €")
    else:
        c.toast("Nothing was spent")


def on_raise(c: Context, arg: Any) -> None:
    if c.s["budget"] >= 50:
        c.toast("Enough is enough")
    elif do_total(c) == 0:
        c.toast("What for?")
    else:
        c.s["budget"] += 10


def on_export(c: Context, arg: Any) -> None:
    match len(c.s["items"]):
        case 0:
            c.toast("Nothing to export")
        case 1:
            c.toast("One line exported")
        case count:
            c.toast(f"{count} lines exported")
