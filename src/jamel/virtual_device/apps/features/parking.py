"""A parking meter: zones, a plate, time in steps, paying, prolonging and a fine."""

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
    tick,
)
from jamel.virtual_device.apps.wording import pick

TITLES = ("Parking", "Park & pay", "Meter", "Parken", "Car park", "Парковка")
KEEP = ("plate", "left", "spent", "past", "card")
DEFECT = "the number on the plate is read before it is checked"
TABS = ("Meter", "Plate", "Receipts")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "zones": pick(rng, "places", rng.randint(3, 5)),
        "step": rng.choice((15, 30)),
        "most": rng.choice((60, 90)),
        "resident": rng.random() < 0.5,
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "tab": "Meter",
        "zone": "",
        "minutes": 0,
        "plate": "",
        "t:plate": "",
        "left": 0,
        "spent": 0,
        "past": (),
        "card": "",
        "resident": False,
    }


def page_main(c: Context) -> Page:
    tabs = tuple(tab("tab", name, name == c.s["tab"], "on_tab", name) for name in TABS)
    match c.s["tab"]:
        case "Meter" if c.s["left"]:
            nodes = [
                label(f"{c.s['left']} minutes left", "left"),
                label(c.s["zone"], "zone"),
                bar(button("prolong", "Prolong", "on_prolong"), button("wait", "Wait", "on_wait")),
                button("stop", "Drive away", "on_stop"),
            ]
        case "Meter":
            nodes = [
                row("zone", "Zone", "on_zone", sub=c.s["zone"]),
                bar(
                    button("less", "−", "on_minutes", -1),
                    label(f"{c.s['minutes']} minutes", "minutes"),
                    button("more", "+", "on_minutes", 1),
                ),
                button("pay", "Park", "on_park"),
            ]
        case "Plate":
            nodes = [
                label(c.s["plate"] or "No plate", "plate_line"),
                field("plate", "Plate"),
                button("keep", "Keep", "on_plate"),
                tick("resident", "I live here", c.s["resident"], "on_resident"),
            ]
        case _:
            rows = [row("receipt", text, "on_receipt", text) for text in c.s["past"]]
            nodes = [label(f"{c.s['spent']} € so far"), listing("receipts", *rows)]
    return Page(c.title, tuple(nodes), (icon("card", "Payment", "on_card"),), tabs)


def dialog_zone(c: Context) -> Page:
    rows = [row("zone", name, "on_choose_zone", name) for name in c.cfg["zones"]]
    return Page("Zone", tuple(rows), style="sheet")


def dialog_card(c: Context) -> Page:
    ways = [
        tick("way", name, name == c.s["card"], "on_way", name)
        for name in ("Card", "Coins", "Invoice")
    ]
    return Page("Pay by", tuple(ways), style="dialog")


def dialog_fine(c: Context) -> Page:
    return Page(
        "You got a fine",
        (
            label("Your time was over."),
            button("pay", "Pay 9 €", "on_fine", "pay"),
            button("object", "Object", "on_fine", "object"),
        ),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["left"]:
        c.toast("Your car is parked")
    elif not c.s["plate"]:
        c.toast("Enter your plate")


def on_tab(c: Context, arg: Any) -> None:
    c.s["tab"] = arg


def on_zone(c: Context, arg: Any) -> None:
    c.dialog("zone")


def on_choose_zone(c: Context, arg: Any) -> None:
    c.close()
    c.s["zone"] = arg
    if arg == c.cfg["zones"][0]:
        c.toast("Half an hour at most here")
        c.s["minutes"] = min(30, c.s["minutes"])


def on_minutes(c: Context, arg: Any) -> None:
    minutes = c.s["minutes"] + arg * c.cfg["step"]
    if minutes < 0:
        c.toast("Time does not run backwards")
    elif minutes > c.cfg["most"]:
        c.toast("No longer here")
    elif minutes > 30 and c.s["zone"] == c.cfg["zones"][0]:
        c.toast("Not in this zone")
    else:
        c.s["minutes"] = minutes


def on_card(c: Context, arg: Any) -> None:
    c.dialog("card")


def on_way(c: Context, arg: Any) -> None:
    match arg:
        case "Coins":
            c.toast("There is no slot for them")
        case "Invoice" if not c.s["plate"]:
            c.toast("To whom?")
        case _:
            c.s["card"] = arg
            c.close()


def on_plate(c: Context, arg: Any) -> None:
    text = c.text("plate")
    if c.s["left"]:
        c.toast("Not while you park")
    elif not text:
        c.s["plate"] = ""
    elif not any(letter.isdigit() for letter in text) and not c.defect:
        c.toast("A plate has a number")
    else:
        number = int("".join(letter for letter in text if letter.isdigit()))
        if number < 10:
            c.toast("An old plate")
        c.s["plate"] = f"AB {number}"


def on_resident(c: Context, arg: Any) -> None:
    if c.s["resident"]:
        c.s["resident"] = False
    elif c.cfg["resident"] and c.s["plate"]:
        c.s["resident"] = True
    else:
        c.toast("We do not know your plate")


def on_park(c: Context, arg: Any) -> None:
    if not c.s["plate"]:
        c.s["tab"] = "Plate"
    elif not c.s["zone"]:
        c.dialog("zone")
    elif not c.s["minutes"]:
        c.toast("For how long?")
    elif not c.s["card"] and not c.s["resident"]:
        c.dialog("card")
    else:
        do_pay(c, c.s["minutes"])


def do_pay(c: Context, minutes: int) -> None:
    c.s["left"] += minutes
    if c.s["resident"]:
        c.toast("Free for you")
    else:
        c.s["spent"] += minutes // 15
        c.s["past"] = (*c.s["past"][-3:], f"{c.s['zone']}: {minutes // 15} €")


def on_prolong(c: Context, arg: Any) -> None:
    if c.s["left"] + c.cfg["step"] > c.cfg["most"]:
        c.toast("Not any longer")
    else:
        do_pay(c, c.cfg["step"])


def on_wait(c: Context, arg: Any) -> None:
    c.s["left"] = max(0, c.s["left"] - 30)
    if c.s["left"] == 0:
        c.dialog("fine")


def on_stop(c: Context, arg: Any) -> None:
    if c.s["left"] >= 30:
        c.toast("You paid for more")
    c.s["left"] = 0
    c.s["minutes"] = 0


def on_fine(c: Context, arg: Any) -> None:
    c.close()
    if arg == "pay":
        c.s["spent"] += 9
    elif c.s["spent"] > 8:
        c.toast("You win, this time")
    else:
        c.toast("Refused")
        c.s["spent"] += 9


def on_receipt(c: Context, arg: Any) -> None:
    c.s["past"] = tuple(text for text in c.s["past"] if text != arg)
    if not c.s["past"]:
        c.toast("No receipts")
