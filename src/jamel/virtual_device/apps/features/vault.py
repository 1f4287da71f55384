"""Secrets behind a PIN that is set first and typed after; a lock, a reveal and a wipe."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, bar, button, field, icon, label, listing, row
from jamel.virtual_device.apps.wording import pick

TITLES = ("Vault", "Passwords", "Safe", "Private", "Tresor", "Сейф")
KEEP = ("pin", "secrets", "fails")
DEFECT = "the last secret is copied even if there is none"


def configure(rng: Random) -> dict[str, Any]:
    return {
        "digits": 2,
        "keys": tuple(rng.sample("1234567890", rng.choice((3, 4)))),
        "names": pick(rng, "things", rng.randint(2, 4)),
        "fails": rng.choice((2, 3)),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "pin": "",
        "typed": "",
        "first": "",
        "open": False,
        "secrets": cfg["names"],
        "shown": "",
        "fails": 0,
        "t:what": "",
        "t:value": "",
    }


def page_main(c: Context) -> Page:
    if c.s["open"]:
        return _secrets(c)
    keys = [button("key", key, "on_key", key) for key in c.cfg["keys"]]
    ask = "Enter your PIN" if c.s["pin"] else "Repeat it" if c.s["first"] else "Choose a PIN"
    return Page(
        c.title,
        (
            label(ask, "ask"),
            label("•" * len(c.s["typed"]), "dots"),
            bar(*keys),
            bar(button("erase", "⌫", "on_erase"), button("enter", "OK", "on_pin")),
        ),
    )


def _secrets(c: Context) -> Page:
    rows = [
        row("secret", name, "on_secret", name, hold="on_hold", sub="h7!k" * (name == c.s["shown"]))
        for name in c.s["secrets"]
    ]
    return Page(
        c.title,
        (listing("secrets", *rows), button("copy", "Copy the last one", "on_copy")),
        (icon("lock", "Lock", "on_lock"), icon("wipe", "Wipe", "on_wipe")),
        fab=icon("add", "Add a secret", "on_add"),
    )


def page_add(c: Context) -> Page:
    return Page(
        "New secret",
        (
            field("what", "Where?"),
            field("value", "Password", password=True),
            button("save", "Save", "on_save"),
        ),
    )


def dialog_wipe(c: Context) -> Page:
    return Page(
        "Wipe everything?",
        (button("no", "No", "on_no"), button("yes", "Wipe", "on_wipe_sure")),
        style="dialog",
    )


def dialog_delete(c: Context) -> Page:
    return Page(c.s["shown"], (row("delete", "Delete", "on_delete"),), style="menu")


def on_enter(c: Context, arg: Any) -> None:
    c.s["open"] = False
    c.s["typed"] = c.s["first"] = c.s["shown"] = ""


def on_key(c: Context, arg: Any) -> None:
    if len(c.s["typed"]) >= c.cfg["digits"]:
        c.toast("Press OK")
    else:
        c.s["typed"] += arg


def on_erase(c: Context, arg: Any) -> None:
    if c.s["typed"]:
        c.s["typed"] = c.s["typed"][:-1]
    else:
        c.s["first"] = ""


def on_pin(c: Context, arg: Any) -> None:
    typed, c.s["typed"] = c.s["typed"], ""
    if len(typed) < c.cfg["digits"]:
        c.toast("Too short")
    elif c.s["pin"]:
        do_unlock(c, typed)
    elif not c.s["first"]:
        c.s["first"] = typed
    elif typed == c.s["first"]:
        c.s["pin"] = typed
        c.s["open"] = True
        c.toast("Remember it well")
    else:
        c.s["first"] = ""
        c.toast("Not the same")


def do_unlock(c: Context, typed: str) -> None:
    if typed == c.s["pin"]:
        c.s["fails"] = 0
        c.s["open"] = True
    elif c.s["fails"] + 1 >= c.cfg["fails"]:
        c.s["fails"] = 0
        c.s["secrets"] = ()
        c.s["pin"] = c.s["first"] = ""
        c.toast("Everything was wiped")
    else:
        c.s["fails"] += 1
        c.toast("Wrong")


def on_lock(c: Context, arg: Any) -> None:
    c.s["open"] = False
    c.s["shown"] = ""


def on_secret(c: Context, arg: Any) -> None:
    if c.s["shown"] == arg:
        c.s["shown"] = ""
    else:
        c.s["shown"] = arg


def on_hold(c: Context, arg: Any) -> None:
    c.s["shown"] = arg
    c.dialog("delete")


def on_delete(c: Context, arg: Any) -> None:
    c.close()
    c.s["secrets"] = tuple(name for name in c.s["secrets"] if name != c.s["shown"])
    if not c.s["secrets"]:
        c.toast("The vault is empty")


def on_copy(c: Context, arg: Any) -> None:
    if c.s["secrets"] or c.defect:
        c.s["shown"] = c.s["secrets"][-1]
        c.toast("Copied")
    else:
        c.toast("Nothing to copy")


def on_add(c: Context, arg: Any) -> None:
    c.s["t:what"] = c.s["t:value"] = ""
    if len(c.s["secrets"]) >= 5:
        c.toast("The vault is full")
    else:
        c.go("add")


def on_save(c: Context, arg: Any) -> None:
    what, value = c.text("what"), c.text("value")
    if not what or not value:
        c.toast("Fill in both")
    elif what in c.s["secrets"]:
        c.toast("There is one for that")
    elif len(value) < 8:
        c.toast("Too weak")
    else:
        if not any(letter.isdigit() for letter in value):
            c.toast("Digits would be safer")
        c.s["secrets"] += (what,)
        c.up()


def on_wipe(c: Context, arg: Any) -> None:
    c.dialog("wipe")


def on_no(c: Context, arg: Any) -> None:
    c.close()


def on_wipe_sure(c: Context, arg: Any) -> None:
    c.close()
    c.s["secrets"] = ()
    c.s["pin"] = c.s["first"] = ""
    c.s["open"] = False
