"""An inbox with folders, filters, selection, replies, a draft and an undo."""

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
    toggle,
)
from jamel.virtual_device.apps.wording import many, pick

TITLES = ("Mail", "Inbox", "Post", "E-mail", "Posteingang", "Почта")
KEEP = ("box", "read", "sent", "drafts", "quiet")
DEFECT = "a forwarded message's address is taken apart unseen"
FOLDERS = ("Inbox", "Sent", "Drafts", "Bin")


def configure(rng: Random) -> dict[str, Any]:
    people, things = many(rng, "people", rng.randint(4, 6)), pick(rng, "things", 6)
    return {
        "mails": tuple(f"{name}: {things[n % 6]}" for n, name in enumerate(people)),
        "own": rng.choice(("me@example.org", "info@example.org")),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "box": cfg["mails"],
        "sent": (),
        "drafts": (),
        "bin": (),
        "folder": "Inbox",
        "unread": False,
        "read": (),
        "marked": (),
        "open": "",
        "t:to": "",
        "t:subject": "",
        "quiet": False,
    }


def page_main(c: Context) -> Page:
    rows = [
        row("mail", text, "on_mail", text, hold="on_mark", selected=text in c.s["marked"])
        for text in _folder(c)
    ]
    icons = (
        icon("folders", "Folders", "on_folders"),
        icon("unread", "Unread only", "on_unread"),
    )
    if c.s["marked"]:
        icons = (icon("bin", "Delete", "on_bin"), icon("done", "Mark as read", "on_read"))
    empty = () if rows else (label("Nothing here", "empty"),)
    fab = icon("compose", "Write", "on_write")
    return Page(c.s["folder"], (listing("mails", *rows), *empty), icons, fab=fab)


def _folder(c: Context) -> tuple[str, ...]:
    match c.s["folder"]:
        case "Inbox" if c.s["unread"]:
            return tuple(mail for mail in c.s["box"] if mail not in c.s["read"])
        case "Inbox":
            return c.s["box"]
        case name:
            return c.s[name.lower()]


def page_mail(c: Context) -> Page:
    return Page(
        c.s["open"],
        (
            label("Kind regards"),
            bar(button("reply", "Reply", "on_reply"), button("forward", "Forward", "on_forward")),
        ),
    )


def page_compose(c: Context) -> Page:
    return Page(
        "Write",
        (
            field("to", "To"),
            field("subject", "Subject"),
            bar(button("close", "Close", "on_close"), button("send", "Send", "on_send")),
        ),
    )


def dialog_folders(c: Context) -> Page:
    rows = [row("folder", name, "on_folder", name) for name in FOLDERS]
    quiet = toggle("quiet", "No notifications", c.s["quiet"], "on_quiet")
    return Page(c.cfg["own"], (*rows, quiet), style="sheet")


def dialog_draft(c: Context) -> Page:
    return Page(
        "Keep a draft?",
        (button("drop", "Discard", "on_drop"), button("keep", "Keep", "on_keep")),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    c.s["marked"] = ()
    if not c.s["quiet"] and len(c.s["read"]) < len(c.s["box"]):
        c.toast("New messages")


def on_folders(c: Context, arg: Any) -> None:
    c.dialog("folders")


def on_folder(c: Context, arg: Any) -> None:
    c.close()
    c.s["folder"] = arg
    c.s["marked"] = ()


def on_quiet(c: Context, arg: Any) -> None:
    c.s["quiet"] = not c.s["quiet"]


def on_unread(c: Context, arg: Any) -> None:
    if c.s["folder"] == "Inbox":
        c.s["unread"] = not c.s["unread"]
    else:
        c.toast("In the inbox alone")


def on_mail(c: Context, arg: Any) -> None:
    if c.s["marked"]:
        on_mark(c, arg)
        return
    c.s["open"] = arg
    if c.s["folder"] == "Drafts":
        c.s["drafts"] = tuple(text for text in c.s["drafts"] if text != arg)
        c.s["t:subject"] = arg
        c.go("compose")
    else:
        if arg not in c.s["read"]:
            c.s["read"] += (arg,)
        c.go("mail")


def on_mark(c: Context, arg: Any) -> None:
    if arg in c.s["marked"]:
        c.s["marked"] = tuple(text for text in c.s["marked"] if text != arg)
    else:
        c.s["marked"] += (arg,)


def on_bin(c: Context, arg: Any) -> None:
    marked, c.s["marked"] = c.s["marked"], ()
    if c.s["folder"] == "Bin":
        c.s["bin"] = tuple(text for text in c.s["bin"] if text not in marked)
        c.toast("Gone for good")
        return
    for key in ("box", "sent", "drafts"):
        c.s[key] = tuple(text for text in c.s[key] if text not in marked)
    c.s["bin"] += marked
    if len(marked) > 2:
        c.toast("A clean inbox")


def on_read(c: Context, arg: Any) -> None:
    fresh = tuple(text for text in c.s["marked"] if text not in c.s["read"])
    c.s["marked"] = ()
    if fresh:
        c.s["read"] += fresh
    else:
        c.toast("You read those")


def on_reply(c: Context, arg: Any) -> None:
    c.s["t:to"] = "reply@example.org"
    c.s["t:subject"] = "Re: " + c.s["open"].partition(": ")[2]
    c.go("compose")


def on_forward(c: Context, arg: Any) -> None:
    c.s["t:to"] = ""
    c.s["t:subject"] = "Fwd: " + c.s["open"]
    c.go("compose")


def on_write(c: Context, arg: Any) -> None:
    c.s["t:to"] = c.s["t:subject"] = ""
    c.go("compose")


def on_close(c: Context, arg: Any) -> None:
    if c.text("subject"):
        c.dialog("draft")
    else:
        c.up()


def on_drop(c: Context, arg: Any) -> None:
    c.close()
    c.up()


def on_keep(c: Context, arg: Any) -> None:
    c.close()
    c.up()
    if c.text("subject") in c.s["drafts"]:
        c.toast("Kept already")
    else:
        c.s["drafts"] = (*c.s["drafts"][-2:], c.text("subject"))


def on_send(c: Context, arg: Any) -> None:
    to, subject = c.text("to"), c.text("subject")
    if not to:
        c.toast("To whom?")
    elif "@" not in to and not (c.defect and subject.startswith("Fwd")):
        c.toast("This is no address")
    elif not subject:
        c.toast("Without a subject?")
    elif to.split("@")[1] == "example.com":
        c.s["sent"] = (*c.s["sent"][-3:], subject)
        c.toast("Sent")
        c.up()
    else:
        c.s["sent"] = (*c.s["sent"][-3:], subject)
        c.toast("Answered")
        c.leave()
        c.go("main")
