"""A scanner behind a permission dialog: ask, refuse, refuse for good, then scan and keep."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.permissions import Permission
from jamel.virtual_device.apps.widgets import (
    Page,
    bar,
    button,
    icon,
    label,
    listing,
    picture,
    row,
    toggle,
)

TITLES = ("Scanner", "Camera", "Tickets", "Scan & pay", "Kamera", "スキャン")
KEEP = ("permission", "refused", "kept", "beep")
PERMISSION = Permission("android.permission.CAMERA", "permission", "permission", "app", "none")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "refusals": rng.choice((1, 2)),
        "reads_on": rng.choice((2, 3)),
        "explains": rng.random() < 0.5,
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "permission": "none",
        "refused": 0,
        "torch": False,
        "tries": 0,
        "last": "",
        "kept": (),
        "beep": False,
        "zoom": 1,
        "mode": "code",
    }


def page_main(c: Context) -> Page:
    if c.s["permission"] in ("none", "denied"):
        return Page(
            c.title,
            (
                label("The camera is needed to scan."),
                button("allow", "Use camera", "on_ask"),
                row("manual", "Enter by hand", "on_manual"),
                row("why", "Why?", "on_why"),
            ),
        )
    modes = [
        button("mode", name, "on_mode", name, enabled=name != c.s["mode"])
        for name in ("code", "photo", "text")
    ]
    return Page(
        c.title,
        (
            picture("preview", f"Zoom {c.s['zoom']}"),
            bar(*modes),
            bar(
                icon("torch", "Torch", "on_torch"),
                icon("shoot", "Scan", "on_scan"),
                icon("zoom", "Zoom", "on_zoom"),
            ),
        ),
        (icon("kept", "Kept", "on_kept"), icon("options", "Options", "on_options")),
    )


def page_result(c: Context) -> Page:
    return Page(
        "Result",
        (
            label(c.s["last"]),
            button("keep", "Keep", "on_keep"),
            button("again", "Scan again", "on_again"),
        ),
    )


def page_kept(c: Context) -> Page:
    rows = [row("code", text, "on_code", text, hold="on_drop") for text in c.s["kept"]]
    return Page("Kept", (listing("codes", *rows),))


def page_options(c: Context) -> Page:
    return Page(
        "Options",
        (
            toggle("beep", "Beep", c.s["beep"], "on_beep"),
            row("revoke", "Withdraw permission", "on_revoke"),
        ),
    )


def dialog_permission(c: Context) -> Page:
    return Page(
        f"Allow {c.title} to take pictures?",
        (
            button(
                "permission_allow_foreground_only_button", "While using the app", "on_allow", "app"
            ),
            button("permission_allow_one_time_button", "Only this time", "on_allow", "once"),
            button("permission_deny_button", "Don't allow", "on_deny"),
        ),
        style="dialog",
    )


def dialog_why(c: Context) -> Page:
    return Page(
        "Why?",
        (label("Pictures never leave this device."), button("ok", "OK", "on_ok")),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["permission"] == "once":
        c.s["permission"] = "none"
        c.toast("The permission has ended")


def on_why(c: Context, arg: Any) -> None:
    c.dialog("why")


def on_ok(c: Context, arg: Any) -> None:
    c.close()


def on_manual(c: Context, arg: Any) -> None:
    if c.s["permission"] == "denied":
        c.s["last"] = "Entered by hand"
        c.go("result")
    else:
        c.toast("Try the camera first")


def on_ask(c: Context, arg: Any) -> None:
    if c.s["permission"] == "denied":
        c.toast("Allow it in the system settings")
    elif c.s["refused"] and c.cfg["explains"]:
        c.dialog("why")
        c.s["refused"] = 0
    else:
        c.dialog("permission")


def on_allow(c: Context, arg: Any) -> None:
    c.close()
    c.s["permission"] = arg
    if arg == "once":
        c.toast("Only this time")


def on_deny(c: Context, arg: Any) -> None:
    c.close()
    c.s["refused"] += 1
    if c.s["refused"] >= c.cfg["refusals"]:
        c.s["permission"] = "denied"
        c.toast("Scanning is off")


def on_mode(c: Context, arg: Any) -> None:
    c.s["mode"] = arg
    c.s["tries"] = 0
    match arg:
        case "photo":
            c.toast("Smile")
        case "text":
            c.toast("Hold still")


def on_torch(c: Context, arg: Any) -> None:
    c.s["torch"] = not c.s["torch"]
    if c.s["torch"] and c.s["mode"] == "photo":
        c.toast("The flash is on")


def on_zoom(c: Context, arg: Any) -> None:
    if c.s["zoom"] < 4:
        c.s["zoom"] *= 2
    else:
        c.s["zoom"] = 1


def on_scan(c: Context, arg: Any) -> None:
    c.s["tries"] += 1
    if c.s["mode"] == "photo":
        c.s["last"] = "Photo"
        c.go("result")
    elif c.s["mode"] == "text" and not c.s["torch"]:
        c.toast("Too dark")
    elif c.s["mode"] == "text" and c.s["zoom"] == 1:
        c.toast("Too far away")
    elif c.s["tries"] < c.cfg["reads_on"]:
        c.toast("Nothing found, hold still")
    else:
        c.s["tries"] = 0
        c.s["last"] = f"{c.s['mode']} {len(c.s['kept']) + 1}"
        if c.s["beep"]:
            c.toast("Beep")
        c.go("result")


def on_keep(c: Context, arg: Any) -> None:
    if c.s["last"] in c.s["kept"]:
        c.toast("You have this already")
    elif len(c.s["kept"]) >= 3:
        c.toast("There is room for three")
    else:
        c.s["kept"] += (c.s["last"],)
        c.up()


def on_again(c: Context, arg: Any) -> None:
    c.up()


def on_kept(c: Context, arg: Any) -> None:
    if c.s["kept"]:
        c.go("kept")
    else:
        c.toast("Nothing kept")


def on_code(c: Context, arg: Any) -> None:
    c.s["last"] = arg
    if arg == "Photo":
        c.toast("A picture")
    else:
        c.go("result")


def on_drop(c: Context, arg: Any) -> None:
    c.s["kept"] = tuple(text for text in c.s["kept"] if text != arg)
    if not c.s["kept"]:
        c.up()


def on_options(c: Context, arg: Any) -> None:
    c.go("options")


def on_beep(c: Context, arg: Any) -> None:
    c.s["beep"] = not c.s["beep"]


def on_revoke(c: Context, arg: Any) -> None:
    c.s["permission"] = "none"
    c.s["refused"] = 0
    if c.s["torch"]:
        c.s["torch"] = False
    c.up()
