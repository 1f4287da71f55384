"""Settings whose toggles depend on each other, with a choice dialog and a reset."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, button, field, label, row, tick, toggle

TITLES = ("Settings", "Preferences", "Options", "Einstellungen", "Настройки", "設定")
KEEP = ("on", "theme", "interval")
GROUPS = (
    ("Notifications", "Sound", "Vibration", "Quiet hours"),
    ("Synchronise", "Only on Wi-Fi", "Photos", "Contacts"),
    ("Location", "Precise location", "History", "Share with friends"),
)
THEMES = ("Light", "Dark", "Contrast")


def configure(rng: Random) -> dict[str, Any]:
    groups = rng.sample(GROUPS, rng.choice((2, 3)))
    return {"groups": tuple(groups), "first_on": rng.random() < 0.5}


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    on = (cfg["groups"][0][0],) if cfg["first_on"] else ()
    return {"on": on, "theme": "Light", "interval": "", "t:interval": "", "changes": 0}


def page_main(c: Context) -> Page:
    nodes = []
    for master, *rest in c.cfg["groups"]:
        live = master in c.s["on"]
        nodes.append(toggle("master", master, live, "on_master", master))
        nodes += [
            toggle("option", name, name in c.s["on"], "on_option", name, enabled=live)
            for name in rest
        ]
    nodes.append(row("theme", "Theme", "on_theme", sub=c.s["theme"]))
    nodes.append(row("interval", "Refresh interval", "on_interval", sub=c.s["interval"]))
    nodes.append(button("reset", "Reset settings", "on_reset"))
    return Page(c.title, tuple(nodes))


def page_interval(c: Context) -> Page:
    return Page(
        "Interval",
        (
            label("Minutes between two refreshes"),
            field("interval", "Minutes"),
            button("save", "Save", "on_save_interval"),
        ),
    )


def dialog_theme(c: Context) -> Page:
    ticks = [tick("choice", name, name == c.s["theme"], "on_choose", name) for name in THEMES]
    return Page("Theme", tuple(ticks), style="dialog")


def dialog_reset(c: Context) -> Page:
    return Page(
        "Reset settings?",
        (
            label("All changes are lost."),
            button("no", "Cancel", "on_close"),
            button("yes", "Reset", "on_reset_sure"),
        ),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if len(c.s["on"]) > 3:
        c.toast("Many options cost battery")


def do_flip(c: Context, name: str) -> bool:
    c.s["changes"] += 1
    if name in c.s["on"]:
        c.s["on"] = tuple(item for item in c.s["on"] if item != name)
        return False
    c.s["on"] += (name,)
    return True


def on_master(c: Context, arg: Any) -> None:
    if do_flip(c, arg):
        match arg:
            case "Notifications":
                c.toast("Notifications are on")
            case "Synchronise":
                c.toast("Synchronising")
            case "Location":
                c.toast("Searching position")
    else:
        do_clear_group(c, arg)


def do_clear_group(c: Context, master: str) -> None:
    for name, *rest in c.cfg["groups"]:
        if name == master:
            kept = tuple(item for item in c.s["on"] if item not in rest)
            if kept != c.s["on"]:
                c.s["on"] = kept


def on_option(c: Context, arg: Any) -> None:
    live = do_flip(c, arg)
    if live and arg == "Quiet hours" and "Sound" in c.s["on"]:
        c.toast("Sound is off at night")
    elif live and arg == "Photos" and "Only on Wi-Fi" not in c.s["on"]:
        c.toast("This may cost data")
    elif live and arg == "Share with friends":
        if "Precise location" in c.s["on"]:
            c.toast("Friends see your house")
        else:
            c.toast("Friends see your town")


def on_theme(c: Context, arg: Any) -> None:
    c.dialog("theme")


def on_choose(c: Context, arg: Any) -> None:
    c.close()
    if arg == c.s["theme"]:
        return
    c.s["theme"] = arg
    c.s["changes"] += 1
    match arg:
        case "Light":
            c.toast("Good morning")
        case "Dark":
            c.toast("Good night")
        case _:
            c.toast("High contrast")


def on_interval(c: Context, arg: Any) -> None:
    c.go("interval")


def on_save_interval(c: Context, arg: Any) -> None:
    text = c.text("interval")
    try:
        minutes = int(text)
    except ValueError:
        if text:
            c.toast("Enter a number")
        else:
            c.toast("Enter the minutes")
        return
    if minutes == 12:
        c.s["interval"] = f"{minutes} min"
        c.up()


def on_reset(c: Context, arg: Any) -> None:
    if c.s["changes"] == 0:
        c.toast("Nothing to reset")
    else:
        c.dialog("reset")


def on_close(c: Context, arg: Any) -> None:
    c.close()


def on_reset_sure(c: Context, arg: Any) -> None:
    c.close()
    c.s["on"] = ()
    c.s["theme"] = "Light"
    c.s["changes"] = 0
    if c.s["interval"]:
        c.s["interval"] = ""
