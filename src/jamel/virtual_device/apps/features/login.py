"""Sign in with validation, a lock after failures, a forgotten password and a profile behind it."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.types import TYPED_TEXTS
from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, button, field, label, row, tick, toggle

TITLES = ("Sign in", "Account", "Log in", "My profile", "Anmelden", "Вход")
KEEP = ("signed_in", "remember", "newsletter")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "email": TYPED_TEXTS[0],
        "secret": TYPED_TEXTS[3],
        "tries": rng.choice((2, 3)),
        "terms": rng.random() < 0.5,
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "t:email": "",
        "t:secret": "",
        "t:reset": "",
        "error": "",
        "failures": 0,
        "signed_in": False,
        "remember": False,
        "terms": False,
        "newsletter": False,
        "shown": False,
    }


def page_main(c: Context) -> Page:
    if c.s["signed_in"]:
        return _profile(c)
    nodes = [field("email", "E-mail"), field("secret", "Password", password=not c.s["shown"])]
    nodes.append(tick("remember", "Keep me signed in", c.s["remember"], "on_remember"))
    if c.cfg["terms"]:
        nodes.append(tick("terms", "I accept the terms", c.s["terms"], "on_terms"))
    if c.s["error"]:
        nodes.append(label(c.s["error"], "error"))
    locked = c.s["failures"] >= c.cfg["tries"]
    nodes.append(button("sign_in", "Sign in", "on_submit", enabled=not locked))
    nodes.append(button("show", "Show password", "on_show"))
    nodes.append(button("forgot", "Forgot password?", "on_forgot"))
    return Page(c.title, tuple(nodes))


def _profile(c: Context) -> Page:
    return Page(
        c.title,
        (
            label(f"Signed in as {c.cfg['email']}"),
            toggle("newsletter", "Newsletter", c.s["newsletter"], "on_newsletter"),
            row("password", "Change password", "on_forgot"),
            button("sign_out", "Sign out", "on_sign_out"),
        ),
    )


def page_forgot(c: Context) -> Page:
    return Page(
        "Reset password",
        (
            field("reset", "E-mail of the account"),
            button("send", "Send link", "on_send_link"),
        ),
    )


def dialog_sign_out(c: Context) -> Page:
    return Page(
        "Sign out?",
        (
            label("You will need your password to come back."),
            button("cancel", "Cancel", "on_stay"),
            button("ok", "Sign out", "on_sign_out_sure"),
        ),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["signed_in"]:
        c.toast("Welcome back")


def on_remember(c: Context, arg: Any) -> None:
    c.s["remember"] = not c.s["remember"]


def on_terms(c: Context, arg: Any) -> None:
    c.s["terms"] = not c.s["terms"]


def on_show(c: Context, arg: Any) -> None:
    if c.text("secret") == "":
        c.toast("Nothing to show")
    else:
        c.s["shown"] = not c.s["shown"]


def on_submit(c: Context, arg: Any) -> None:
    email, secret = c.text("email"), c.text("secret")
    if not email:
        c.s["error"] = "Enter your e-mail"
    elif "@" not in email:
        c.s["error"] = "This is no e-mail address"
    elif not secret:
        c.s["error"] = "Enter your password"
    elif len(secret) < 8:
        c.s["error"] = "The password has at least 8 characters"
    elif c.cfg["terms"] and not c.s["terms"]:
        c.s["error"] = "Accept the terms first"
    elif secret != c.cfg["secret"]:
        do_fail(c)
    else:
        do_sign_in(c)


def do_fail(c: Context) -> None:
    c.s["failures"] += 1
    if c.s["failures"] >= c.cfg["tries"]:
        c.s["error"] = "Too many attempts. Reset your password."
    else:
        c.s["error"] = "Wrong e-mail or password"


def do_sign_in(c: Context) -> None:
    c.s["error"] = ""
    c.s["failures"] = 0
    c.s["signed_in"] = True
    c.shared["signed_in"] = True
    if c.s["remember"]:
        c.toast("You stay signed in")
    else:
        c.s["t:secret"] = ""


def on_forgot(c: Context, arg: Any) -> None:
    c.go("forgot")
    if c.s["signed_in"]:
        c.toast("We send a link to change it")


def on_send_link(c: Context, arg: Any) -> None:
    match c.text("reset"):
        case "":
            c.toast("Enter an e-mail")
        case text if "@" in text:
            c.s["failures"] = 0
            c.s["error"] = ""
            c.toast("Link sent")
            c.up()
        case _:
            c.toast("Unknown account")


def on_newsletter(c: Context, arg: Any) -> None:
    c.s["newsletter"] = not c.s["newsletter"]
    if c.s["newsletter"]:
        c.toast("Subscribed")
    else:
        c.toast("Unsubscribed")


def on_sign_out(c: Context, arg: Any) -> None:
    c.dialog("sign_out")


def on_stay(c: Context, arg: Any) -> None:
    c.close()


def on_sign_out_sure(c: Context, arg: Any) -> None:
    c.close()
    c.s["signed_in"] = False
    c.shared["signed_in"] = False
    if c.s["remember"]:
        c.s["remember"] = False
        c.toast("Forgotten on this device")
