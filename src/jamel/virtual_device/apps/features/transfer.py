"""A bank account: balance, transfers to payees with a limit and a code, standing orders."""

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
    listing,
    row,
    tick,
)
from jamel.virtual_device.apps.wording import pick

TITLES = ("Bank", "Transfer", "Money", "Konto", "Wallet", "Банк")
KEEP = ("balance", "past", "orders", "payees")
DEFECT = "an amount is taken for a number unseen"
RHYTHMS = ("Once", "Monthly", "Yearly")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "payees": pick(rng, "people", rng.randint(3, 6)),
        "balance": rng.choice((20, 30, 45)),
        "limit": rng.choice((10, 100)),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "balance": cfg["balance"],
        "payees": cfg["payees"],
        "to": "",
        "t:amount": "",
        "t:reason": "",
        "t:code": "",
        "rhythm": "Once",
        "past": (),
        "orders": (),
        "hidden": False,
        "wrong": 0,
        "urgent": False,
    }


def page_main(c: Context) -> Page:
    shown = "•••" if c.s["hidden"] else f"{c.s['balance']},00 €"
    past = [row("booking", text, "on_past", text) for text in c.s["past"]]
    return Page(
        c.title,
        (
            row("balance", "Balance", "on_balance", sub=shown),
            bar(button("send", "Send", "on_send"), button("orders", "Orders", "on_orders")),
            listing("past", *past),
        ),
    )


def page_payee(c: Context) -> Page:
    rows = [row("payee", name, "on_payee", name, hold="on_drop") for name in c.s["payees"]]
    return Page("To whom?", (listing("payees", *rows),))


def page_amount(c: Context) -> Page:
    return Page(
        c.s["to"],
        (
            field("amount", "Amount"),
            field("reason", "Reason"),
            row("rhythm", "Rhythm", "on_rhythm", sub=c.s["rhythm"]),
            tick("urgent", "Urgent", c.s["urgent"], "on_urgent"),
            button("next", "Next", "on_next"),
        ),
    )


def page_orders(c: Context) -> Page:
    rows = [row("order", text, "on_order", text) for text in c.s["orders"]]
    return Page("Orders", (listing("order_list", *rows),))


def dialog_rhythm(c: Context) -> Page:
    return chooser("Rhythm", RHYTHMS, "on_choose_rhythm", c.s["rhythm"])


def dialog_code(c: Context) -> Page:
    return Page(
        "Enter your code",
        (
            field("code", "Code", password=True),
            button("cancel", "Cancel", "on_cancel"),
            button("confirm", "Confirm", "on_confirm"),
        ),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["balance"] < 10:
        c.toast("Your balance is low")


def on_balance(c: Context, arg: Any) -> None:
    c.s["hidden"] = not c.s["hidden"]


def on_send(c: Context, arg: Any) -> None:
    if c.s["wrong"] >= 3:
        c.toast("Locked. Call us.")
    elif c.s["balance"] < 10:
        c.toast("There is nothing left")
    else:
        c.s["t:amount"] = c.s["t:reason"] = c.s["t:code"] = ""
        c.go("payee")


def on_payee(c: Context, arg: Any) -> None:
    c.s["to"] = arg
    c.go("amount")


def on_drop(c: Context, arg: Any) -> None:
    if len(c.s["payees"]) == 1:
        c.toast("Keep one")
    else:
        c.s["payees"] = tuple(name for name in c.s["payees"] if name != arg)


def on_rhythm(c: Context, arg: Any) -> None:
    c.dialog("rhythm")


def on_choose_rhythm(c: Context, arg: Any) -> None:
    c.close()
    if arg != "Once" and c.s["urgent"]:
        c.toast("Urgent orders happen once")
    else:
        c.s["rhythm"] = arg


def on_urgent(c: Context, arg: Any) -> None:
    c.s["urgent"] = not c.s["urgent"]
    if c.s["urgent"]:
        c.s["rhythm"] = "Once"


def on_next(c: Context, arg: Any) -> None:
    text = c.text("amount")
    if not text:
        c.toast("How much?")
    elif not text.isdigit() and not c.defect:
        c.toast("Figures only")
    elif int(text) > c.s["balance"]:
        c.toast("You have not got that much")
    elif int(text) > c.cfg["limit"] and not c.text("reason"):
        c.toast("What for?")
    else:
        c.dialog("code")


def on_cancel(c: Context, arg: Any) -> None:
    c.close()


def on_confirm(c: Context, arg: Any) -> None:
    code = c.text("code")
    if not code:
        c.toast("Enter the code")
    elif not code.isdigit():
        c.s["wrong"] += 1
        c.s["t:code"] = ""
        if c.s["wrong"] >= 3:
            c.leave()
            c.close()
    else:
        c.close()
        do_book(c, int(c.text("amount")))


def do_book(c: Context, amount: int) -> None:
    c.s["wrong"] = 0
    c.s["balance"] -= amount
    c.s["past"] = (f"{c.s['to']} −{amount} €", *c.s["past"][:3])
    match c.s["rhythm"]:
        case "Once" if c.s["urgent"]:
            c.s["balance"] = max(0, c.s["balance"] - 1)
            c.toast("Sent at once")
        case "Once":
            c.toast("Sent")
        case rhythm:
            c.s["orders"] = (*c.s["orders"][-2:], f"{rhythm}: {c.s['to']}")
    c.up()
    c.up()


def on_past(c: Context, arg: Any) -> None:
    if c.s["hidden"]:
        c.toast("Hidden")
    else:
        c.s["to"] = arg.partition(" ")[0]
        c.go("amount")


def on_orders(c: Context, arg: Any) -> None:
    if c.s["orders"]:
        c.go("orders")
    else:
        c.toast("No standing orders")


def on_order(c: Context, arg: Any) -> None:
    c.s["orders"] = tuple(text for text in c.s["orders"] if text != arg)
    if not c.s["orders"]:
        c.up()
