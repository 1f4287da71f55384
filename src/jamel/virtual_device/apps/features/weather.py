"""Places with a forecast by the day, units, a position that needs a permission, warnings."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.permissions import Permission
from jamel.virtual_device.apps.widgets import (
    Page,
    button,
    field,
    icon,
    label,
    listing,
    permission,
    row,
    tab,
    tick,
)
from jamel.virtual_device.apps.wording import pick

TITLES = ("Weather", "Forecast", "Sky", "Wetter", "Outside", "Погода")
KEEP = ("places", "unit", "allowed", "alerts")
PERMISSION = Permission("android.permission.ACCESS_FINE_LOCATION", "where")
DEFECT = "the first place is shown when none is left"
TABS = ("Now", "Week", "Map")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "places": pick(rng, "places", rng.randint(2, 4)),
        "more": pick(rng, "places", 3),
        "degrees": tuple(rng.randint(-5, 33) for _ in DAYS),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "places": cfg["places"],
        "at": cfg["places"][0],
        "tab": "Now",
        "unit": "°C",
        "allowed": "",
        "alerts": (),
        "t:place": "",
        "zoom": 1,
        "day": "",
    }


def page_main(c: Context) -> Page:
    tabs = tuple(tab("tab", name, name == c.s["tab"], "on_tab", name) for name in TABS)
    icons = (icon("here", "Where I am", "on_here"), icon("places", "Places", "on_places"))
    match c.s["tab"]:
        case "Now":
            nodes = [
                label(c.s["at"], "city"),
                row("now", f"{do_degrees(c, 0)} {c.s['unit']}", "on_unit"),
                button("first", "Home place", "on_first"),
            ]
        case "Week":
            nodes = [
                row("day", name, "on_day", n, sub=f"{do_degrees(c, n)} {c.s['unit']}")
                for n, name in enumerate(DAYS)
            ]
        case _:
            nodes = [
                label(f"Zoom {c.s['zoom']}"),
                button("in", "+", "on_zoom", 1),
                button("out", "−", "on_zoom", -1),
            ]
    return Page(c.title, tuple(nodes), icons, tabs)


def page_places(c: Context) -> Page:
    rows = [row("city", name, "on_place", name, hold="on_hold") for name in c.s["places"]]
    return Page(
        "Places",
        (listing("cities", *rows), field("place", "Search"), button("find", "Find", "on_find")),
    )


def page_alerts(c: Context) -> Page:
    ticks = [
        tick("alert", name, name in c.s["alerts"], "on_alert", name)
        for name in ("Storm", "Frost", "Heat")
    ]
    return Page(f"{c.s['day']}: warnings", tuple(ticks))


def dialog_where(c: Context) -> Page:
    return permission(c.title, "access this device's location")


def do_degrees(c: Context, day: int) -> int:
    degrees: int = c.cfg["degrees"][day]
    if c.s["unit"] == "°F":
        return degrees * 9 // 5 + 32
    return degrees


def on_enter(c: Context, arg: Any) -> None:
    if c.s["alerts"] and c.cfg["degrees"][0] > 20:
        c.toast("It will be warm")


def on_tab(c: Context, arg: Any) -> None:
    c.s["tab"] = arg
    if arg == "Map" and not c.s["allowed"]:
        c.toast("Your position is not known")


def on_unit(c: Context, arg: Any) -> None:
    c.s["unit"] = "°F" if c.s["unit"] == "°C" else "°C"


def on_first(c: Context, arg: Any) -> None:
    if c.s["places"] or c.defect:
        c.s["at"] = c.s["places"][0]
    else:
        c.toast("No places")


def on_day(c: Context, arg: Any) -> None:
    if c.s["day"] == DAYS[arg]:
        c.go("alerts")
        return
    c.s["day"] = DAYS[arg]
    if do_degrees(c, arg) > do_degrees(c, 0):
        c.toast("Warmer than today")
    else:
        c.toast("Not warmer than today")


def on_alert(c: Context, arg: Any) -> None:
    if arg in c.s["alerts"]:
        c.s["alerts"] = tuple(name for name in c.s["alerts"] if name != arg)
    else:
        c.s["alerts"] = tuple(sorted((*c.s["alerts"], arg)))
        if len(c.s["alerts"]) == 3:
            c.toast("You will hear of everything")


def on_zoom(c: Context, arg: Any) -> None:
    zoom = c.s["zoom"] + arg
    if zoom < 1:
        c.toast("This is the whole world")
    elif zoom > 4:
        c.toast("As near as it gets")
    else:
        c.s["zoom"] = zoom


def on_here(c: Context, arg: Any) -> None:
    match c.s["allowed"]:
        case "":
            c.dialog("where")
        case "deny":
            c.s["allowed"] = ""
            c.toast("Not allowed. Ask again?")
        case "once":
            c.s["allowed"] = ""
            c.s["at"] = c.cfg["more"][0]
        case _:
            c.s["at"] = c.cfg["more"][0]


def on_permission(c: Context, arg: Any) -> None:
    c.close()
    c.s["allowed"] = arg
    if arg != "deny":
        c.s["at"] = c.cfg["more"][0]


def on_places(c: Context, arg: Any) -> None:
    c.go("places")


def on_place(c: Context, arg: Any) -> None:
    c.s["at"] = arg
    c.up()


def on_hold(c: Context, arg: Any) -> None:
    c.s["places"] = tuple(name for name in c.s["places"] if name != arg)
    if arg == c.s["at"]:
        c.toast("You still see it")


def on_find(c: Context, arg: Any) -> None:
    text = c.text("place").lower()
    fresh = [name for name in c.cfg["more"] if name not in c.s["places"]]
    if not text:
        c.toast("Which place?")
    elif not text.isalpha():
        c.toast("There is no such place")
    elif not fresh:
        c.toast("You have them all")
    else:
        c.s["places"] += (fresh[0],)
        c.s["t:place"] = ""
