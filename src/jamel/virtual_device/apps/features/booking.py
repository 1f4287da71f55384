"""Rooms by the night: a date picker for arrival and departure, guests, extras, cancelling."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import (
    Page,
    bar,
    button,
    date_picker,
    icon,
    label,
    listing,
    row,
    tick,
)
from jamel.virtual_device.apps.wording import many

TITLES = ("Hotels", "Stay", "Rooms", "Book a trip", "Reise", "Отели")
KEEP = ("booked", "warned")
DEFECT = "the price a night is divided by nights that may be none"
MONTHS = ("March", "April", "May", "June")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "places": many(rng, "places", rng.randint(4, 8)),
        "closed": rng.randint(2, 27),
        "beds": rng.choice((2, 3, 4)),
        "price": rng.randint(30, 90),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "place": "",
        "month": 0,
        "side": "from",
        "from": (0, 0),
        "to": (0, 0),
        "guests": 1,
        "breakfast": False,
        "booked": (),
        "warned": False,
    }


def page_main(c: Context) -> Page:
    rows = [row("place", name, "on_place", name) for name in c.cfg["places"]]
    return Page(
        c.title, (listing("places", *rows),), (icon("booked", "My bookings", "on_bookings"),)
    )


def page_stay(c: Context) -> Page:
    days = {
        key: f"{c.s[key][1]} {MONTHS[c.s[key][0]]}" * bool(c.s[key][1]) for key in ("from", "to")
    }
    return Page(
        c.s["place"],
        (
            row("arrival", "Arrival", "on_date", "from", sub=days["from"]),
            row("departure", "Departure", "on_date", "to", sub=days["to"]),
            bar(
                button("fewer", "−", "on_guests", -1),
                label(f"{c.s['guests']} guests"),
                button("more", "+", "on_guests", 1),
            ),
            tick("breakfast", "Breakfast", c.s["breakfast"], "on_breakfast"),
            bar(button("price", "Price", "on_price"), button("book", "Book", "on_book")),
        ),
    )


def page_bookings(c: Context) -> Page:
    rows = [row("stay", text, "on_booked", text) for text in c.s["booked"]]
    return Page("My bookings", (listing("stays", *rows),))


def dialog_date(c: Context) -> Page:
    month, day = c.s[c.s["side"]]
    chosen = day if month == c.s["month"] else 0
    return date_picker(MONTHS[c.s["month"]], 30, "on_day", "on_turn", chosen)


def dialog_cancel(c: Context) -> Page:
    return Page(
        "Cancel this stay?",
        (button("no", "No", "on_no"), button("yes", "Yes, cancel", "on_cancel_sure")),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["booked"]:
        c.toast("You are going away soon")


def on_place(c: Context, arg: Any) -> None:
    if arg != c.s["place"]:
        c.s["from"] = c.s["to"] = (0, 0)
    c.s["place"] = arg
    c.go("stay")


def on_date(c: Context, arg: Any) -> None:
    if arg == "to" and not c.s["from"][1]:
        c.toast("When do you arrive?")
        return
    c.s["side"] = arg
    c.s["month"] = c.s[arg][0]
    c.dialog("date")


def on_turn(c: Context, arg: Any) -> None:
    month = c.s["month"] + arg
    if month < 0:
        c.toast("In the past")
    elif month >= len(MONTHS):
        c.toast("Not on sale yet")
    else:
        c.s["month"] = month


def on_day(c: Context, arg: Any) -> None:
    day = (c.s["month"], arg)
    if arg == c.cfg["closed"]:
        c.toast("Fully booked")
        return
    c.close()
    c.s[c.s["side"]] = day
    if c.s["side"] == "from":
        if c.s["to"][1] and c.s["to"] < day:
            c.s["to"] = (0, 0)
    elif day <= c.s["from"]:
        c.s["to"] = (0, 0)
        c.toast("Leave after you arrive")


def on_date_cancel(c: Context, arg: Any) -> None:
    c.close()


def on_guests(c: Context, arg: Any) -> None:
    guests = c.s["guests"] + arg
    if guests < 1:
        c.toast("Nobody?")
    elif guests > c.cfg["beds"]:
        c.toast("Not enough beds")
    else:
        c.s["guests"] = guests


def on_breakfast(c: Context, arg: Any) -> None:
    c.s["breakfast"] = not c.s["breakfast"]


def do_nights(c: Context) -> int:
    if not c.s["to"][1]:
        return 0
    (month, day), (last_month, last_day) = c.s["from"], c.s["to"]
    return (last_month - month) * 30 + last_day - day


def on_price(c: Context, arg: Any) -> None:
    nights = do_nights(c)
    total = nights * c.cfg["price"] * c.s["guests"]
    if not nights and not c.defect:
        c.toast("Choose your dates")
    elif total // nights > c.cfg["price"]:
        c.toast(f"{total} €, a group price")
    else:
        c.toast(f"{total} €")


def on_book(c: Context, arg: Any) -> None:
    nights = do_nights(c)
    if not nights:
        c.toast("Choose your dates")
    elif nights > 14:
        c.toast("Two weeks at most")
    elif len(c.s["booked"]) >= 3:
        c.toast("Enough journeys")
    elif c.s["guests"] > 2 and not c.s["warned"]:
        c.s["warned"] = True
        c.toast("An extra bed will be put in. Book again.")
    else:
        c.s["booked"] += (f"{c.s['place']}, {nights} nights",)
        if c.s["breakfast"]:
            c.toast("Booked with breakfast")
        c.leave()
        c.go("main")


def on_bookings(c: Context, arg: Any) -> None:
    if c.s["booked"]:
        c.go("bookings")
    else:
        c.toast("Nothing booked")


def on_booked(c: Context, arg: Any) -> None:
    c.s["place"] = arg
    c.dialog("cancel")


def on_no(c: Context, arg: Any) -> None:
    c.close()


def on_cancel_sure(c: Context, arg: Any) -> None:
    c.close()
    left = list(c.s["booked"])
    left.remove(c.s["place"])
    c.s["booked"] = tuple(left)
    if not left:
        c.up()
