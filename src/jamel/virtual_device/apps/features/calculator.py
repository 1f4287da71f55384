"""A calculator with a memory and a counter beside it."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, bar, button, icon, label, listing, row

TITLES = ("Calculator", "Counter", "Converter", "Rechner", "Калькулятор", "計算機")
KEEP = ("tape", "count")
KEYS = (("7", "8", "9", "÷"), ("4", "5", "6", "×"), ("1", "2", "3", "-"), ("0", "C", "=", "+"))


def configure(rng: Random) -> dict[str, Any]:
    return {
        "keys": KEYS[rng.choice((0, 1)) :],
        "goal": rng.choice((3, 5)),
        "memory": rng.random() < 0.6,
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "shown": "0",
        "first": 0,
        "sign": "",
        "fresh": True,
        "tape": (),
        "stored": 0,
        "count": 0,
        "error": False,
    }


def page_main(c: Context) -> Page:
    keys = [
        bar(*(button("key", key, _handler(key), key) for key in line)) for line in c.cfg["keys"]
    ]
    extra: tuple[Any, ...] = ()
    if c.cfg["memory"]:
        extra = (bar(button("store", "M+", "on_store"), button("recall", "MR", "on_recall")),)
    return Page(
        c.title,
        (label(c.s["shown"], "display"), *keys, *extra),
        (icon("tape", "History", "on_tape"), icon("counter", "Counter", "on_counter")),
    )


def _handler(key: str) -> str:
    if key.isdigit():
        return "on_digit"
    return {"C": "on_clear", "=": "on_equals"}.get(key, "on_sign")


def page_tape(c: Context) -> Page:
    return Page(
        "History",
        (
            listing("tape_list", *(row("line", text, "on_line", text) for text in c.s["tape"])),
            button("wipe", "Clear history", "on_wipe"),
        ),
    )


def page_counter(c: Context) -> Page:
    return Page(
        "Counter",
        (
            label(str(c.s["count"]), "count"),
            bar(button("minus", "-", "on_count", -1), button("plus", "+", "on_count", 1)),
            button("reset", "Reset", "on_reset"),
        ),
    )


def dialog_reset(c: Context) -> Page:
    return Page(
        "Reset to zero?",
        (button("no", "Cancel", "on_no"), button("yes", "OK", "on_yes")),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["tape"]:
        c.s["fresh"] = True


def on_digit(c: Context, arg: Any) -> None:
    if c.s["error"]:
        c.toast("Press C first")
    elif c.s["fresh"]:
        c.s["shown"] = arg
        c.s["fresh"] = False
    elif len(c.s["shown"]) >= 3:
        c.toast("Three digits are enough")
    else:
        c.s["shown"] += arg


def on_sign(c: Context, arg: Any) -> None:
    if c.s["error"]:
        return
    if c.s["sign"] and not c.s["fresh"]:
        do_compute(c)
    c.s["first"] = int(c.s["shown"]) if not c.s["error"] else 0
    c.s["sign"] = arg
    c.s["fresh"] = True


def on_equals(c: Context, arg: Any) -> None:
    if c.s["error"]:
        c.toast("Press C first")
    elif not c.s["sign"]:
        c.toast("Nothing to compute")
    elif c.s["fresh"]:
        c.s["sign"] = ""
    else:
        do_compute(c)


def do_compute(c: Context) -> None:
    a, b = c.s["first"], int(c.s["shown"])
    match c.s["sign"]:
        case "+":
            value = a + b
        case "-":
            value = a - b
        case "×":
            value = a * b
        case _ if b == 0:
            c.s["error"] = True
            c.s["shown"] = "Error"
            return
        case _:
            value = a // b
    if value < 0:
        c.toast("Below zero")
    elif value > 999:
        c.toast("That is a lot")
        value = 999
    c.s["tape"] = (*c.s["tape"][-2:], f"{a} {c.s['sign']} {b} = {value}")
    c.s["shown"] = str(value)
    c.s["sign"] = ""
    c.s["fresh"] = True


def on_clear(c: Context, arg: Any) -> None:
    if c.s["error"]:
        c.s["error"] = False
    elif c.s["shown"] == "0":
        c.s["sign"] = ""
    c.s["shown"] = "0"
    c.s["fresh"] = True


def on_store(c: Context, arg: Any) -> None:
    if c.s["error"] or c.s["shown"] == "0":
        c.toast("Nothing to store")
    else:
        c.s["stored"] = int(c.s["shown"])


def on_recall(c: Context, arg: Any) -> None:
    if c.s["stored"] == 0:
        c.toast("The memory is empty")
    else:
        c.s["shown"] = str(c.s["stored"])
        c.s["fresh"] = False


def on_tape(c: Context, arg: Any) -> None:
    if c.s["tape"]:
        c.go("tape")
    else:
        c.toast("No history")


def on_line(c: Context, arg: Any) -> None:
    c.s["shown"] = arg.rpartition(" ")[2]
    c.s["fresh"] = False
    c.up()


def on_wipe(c: Context, arg: Any) -> None:
    while c.s["tape"]:
        c.s["tape"] = c.s["tape"][1:]
    c.up()


def on_counter(c: Context, arg: Any) -> None:
    c.go("counter")


def on_count(c: Context, arg: Any) -> None:
    c.s["count"] += arg
    if c.s["count"] < 0:
        c.s["count"] = 0
        c.toast("It cannot get less")
    elif c.s["count"] == c.cfg["goal"]:
        c.toast("Goal reached")
    elif c.s["count"] > c.cfg["goal"] + 2:
        c.s["count"] = c.cfg["goal"] + 2
        c.toast("Take a rest")


def on_reset(c: Context, arg: Any) -> None:
    if c.s["count"] >= c.cfg["goal"]:
        c.dialog("reset")
    elif c.s["count"]:
        c.s["count"] = 0
    else:
        c.toast("It is zero")


def on_no(c: Context, arg: Any) -> None:
    c.close()


def on_yes(c: Context, arg: Any) -> None:
    c.close()
    c.s["count"] = 0
