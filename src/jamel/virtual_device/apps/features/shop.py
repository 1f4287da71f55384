"""A catalogue with a cart: quantities, a voucher, delivery choices, checkout and orders."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.types import TYPED_TEXTS
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
from jamel.virtual_device.apps.wording import many

TITLES = ("Shop", "Store", "Market", "Menu", "Laden", "Магазин")
KEEP = ("cart", "orders", "voucher")


def configure(rng: Random) -> dict[str, Any]:
    goods = many(rng, "goods", rng.randint(4, 10))
    return {
        "goods": goods,
        "sold_out": rng.choice(goods[:8]),
        "code": rng.choice(TYPED_TEXTS[1:]),
        "most": rng.choice((2, 3)),
        "price": rng.randint(3, 40),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "cart": (),
        "open": "",
        "voucher": False,
        "t:code": "",
        "t:address": "",
        "express": "",
        "orders": 0,
        "gift": False,
        "error": "",
    }


def page_main(c: Context) -> Page:
    rows = [
        row("product", name, "on_open", name, sub=f"{c.cfg['price']} €") for name in c.cfg["goods"]
    ]
    return Page(
        c.title,
        (listing("catalogue", *rows),),
        (
            icon("cart", f"Cart, {len(c.s['cart'])} items", "on_cart"),
            icon("orders", "Orders", "on_orders"),
        ),
    )


def page_product(c: Context) -> Page:
    name = c.s["open"]
    gone = name == c.cfg["sold_out"]
    return Page(
        name,
        (
            label(f"{c.cfg['price']} €"),
            label("Sold out" if gone else "In stock"),
            button("add", "Add to cart", "on_add"),
            button("notify", "Tell me when", "on_notify", enabled=gone),
        ),
    )


def page_cart(c: Context) -> Page:
    names = sorted(set(c.s["cart"]))
    rows = [
        row(
            "line",
            name,
            "on_open",
            name,
            sub=f"× {c.s['cart'].count(name)}",
            icons=(icon("less", "Less", "on_less", name), icon("more", "More", "on_more", name)),
        )
        for name in names
    ]
    return Page(
        "Cart",
        (
            listing("lines", *rows),
            field("code", "Voucher"),
            button("redeem", "Redeem", "on_redeem"),
            button("checkout", "Checkout", "on_checkout", enabled=bool(rows)),
        ),
        (icon("empty", "Empty the cart", "on_empty"),),
    )


def page_checkout(c: Context) -> Page:
    error = (label(c.s["error"], "error"),) if c.s["error"] else ()
    ways = [
        tick("way", way, c.s["express"] == way, "on_way", way) for way in ("Standard", "Express")
    ]
    return Page(
        "Checkout",
        (
            field("address", "Address"),
            *ways,
            tick("gift", "Gift wrap", c.s["gift"], "on_gift"),
            *error,
            bar(button("later", "Later", "on_later"), button("pay", "Pay", "on_pay")),
        ),
    )


def page_done(c: Context) -> Page:
    return Page(
        "Thank you", (label(f"Order {c.s['orders']}"), button("home", "Continue", "on_home"))
    )


def dialog_pay(c: Context) -> Page:
    return Page(
        "Pay now?",
        (
            label(f"{do_total(c)} €"),
            button("no", "Cancel", "on_not_now"),
            button("yes", "Pay", "on_pay_sure"),
        ),
        style="dialog",
    )


def dialog_empty(c: Context) -> Page:
    return Page(
        "Empty the cart?",
        (button("no", "Keep", "on_not_now"), button("yes", "Empty", "on_empty_sure")),
        style="dialog",
    )


def do_total(c: Context) -> int:
    total = c.cfg["price"] * len(c.s["cart"])
    if c.s["voucher"]:
        total -= total // 5
    if c.s["express"] == "Express":
        total += 5
    return total


def on_enter(c: Context, arg: Any) -> None:
    if c.s["cart"]:
        c.toast("Your cart is waiting")


def on_open(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.go("product")


def on_add(c: Context, arg: Any) -> None:
    name = c.s["open"]
    if name == c.cfg["sold_out"]:
        c.toast("Sold out")
    elif c.s["cart"].count(name) >= c.cfg["most"]:
        c.toast("No more of these")
    else:
        do_put(c, name)
        c.toast("In your cart")


def do_put(c: Context, name: str) -> None:
    c.s["cart"] = tuple(sorted((*c.s["cart"], name)))
    if len(c.s["cart"]) == 4:
        c.toast("Free delivery")


def on_notify(c: Context, arg: Any) -> None:
    c.toast("We will tell you")


def on_cart(c: Context, arg: Any) -> None:
    if c.s["cart"]:
        c.go("cart")
    else:
        c.toast("Your cart is empty")


def on_more(c: Context, arg: Any) -> None:
    if c.s["cart"].count(arg) >= c.cfg["most"]:
        c.toast("No more of these")
    else:
        do_put(c, arg)


def on_less(c: Context, arg: Any) -> None:
    cart = list(c.s["cart"])
    cart.remove(arg)
    c.s["cart"] = tuple(cart)
    if not cart:
        c.toast("That was the last one")
        c.up()


def on_redeem(c: Context, arg: Any) -> None:
    code = c.text("code")
    if c.s["voucher"]:
        c.toast("Only one voucher")
    elif not code:
        c.toast("Enter a code")
    elif code == c.cfg["code"]:
        c.s["voucher"] = True
        c.toast("20 % off")
    else:
        c.s["t:code"] = ""
        c.toast("Unknown code")


def on_empty(c: Context, arg: Any) -> None:
    if len(c.s["cart"]) > 1:
        c.dialog("empty")
    else:
        c.s["cart"] = ()
        c.up()


def on_empty_sure(c: Context, arg: Any) -> None:
    for _ in c.s["cart"]:
        c.s["cart"] = c.s["cart"][1:]
    c.close()
    c.up()


def on_not_now(c: Context, arg: Any) -> None:
    c.close()


def on_checkout(c: Context, arg: Any) -> None:
    c.s["error"] = ""
    c.go("checkout")


def on_way(c: Context, arg: Any) -> None:
    c.s["express"] = arg
    if arg == "Express":
        c.toast("5 € more")


def on_gift(c: Context, arg: Any) -> None:
    c.s["gift"] = not c.s["gift"]


def on_later(c: Context, arg: Any) -> None:
    c.leave()


def on_pay(c: Context, arg: Any) -> None:
    address = c.text("address")
    if not address:
        c.s["error"] = "Where to?"
    elif address.isdigit():
        c.s["error"] = "A street, please"
    elif not c.s["express"]:
        c.s["error"] = "Choose a delivery"
    else:
        c.s["error"] = ""
        c.dialog("pay")


def on_pay_sure(c: Context, arg: Any) -> None:
    c.close()
    total = do_total(c)
    if total > 100:
        c.toast("A big order")
    elif c.s["gift"]:
        c.toast("Wrapped with care")
    c.s["orders"] += 1
    c.s["cart"] = ()
    c.leave()
    c.go("done")


def on_home(c: Context, arg: Any) -> None:
    c.up()


def on_orders(c: Context, arg: Any) -> None:
    match c.s["orders"]:
        case 0:
            c.toast("No orders yet")
        case 1:
            c.toast("One order is on its way")
        case _:
            c.toast("Thank you for your loyalty")
