"""A messenger: conversations, messages that get answers, reactions, muting and blocking."""

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
from jamel.virtual_device.apps.wording import many

TITLES = ("Messages", "Chat", "Talk", "Nachrichten", "Чат", "メッセージ")
KEEP = ("said", "muted", "blocked", "archive")


def configure(rng: Random) -> dict[str, Any]:
    people = many(rng, "people", rng.randint(4, 9))
    return {"people": people, "bot": people[rng.randrange(3)], "groups": rng.random() < 0.6}


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "with": "",
        "said": (),
        "t:text": "",
        "t:group": "",
        "muted": (),
        "blocked": (),
        "archive": (),
        "held": -1,
        "members": (),
        "quote": "",
        "group": "",
    }


def page_main(c: Context) -> Page:
    rows = [
        row("talk", name, "on_talk", name, hold="on_hold", sub="muted" * (name in c.s["muted"]))
        for name in c.cfg["people"]
        if name not in c.s["archive"]
    ]
    group = (row("group", c.s["group"], "on_talk", c.s["group"]),) if c.s["group"] else ()
    icons: tuple = (icon("archive", "Archive", "on_archive"),)
    if c.cfg["groups"]:
        icons = (*icons, icon("new_group", "New group", "on_new_group"))
    return Page(c.title, (*group, listing("talks", *rows)), icons)


def page_talk(c: Context) -> Page:
    lines = [
        row("message", text, "on_message", number, hold="on_hold_message")
        for number, (who, text) in enumerate(c.s["said"])
        if who == c.s["with"]
    ]
    quote = (label(f"> {c.s['quote']}", "quote"),) if c.s["quote"] else ()
    return Page(
        c.s["with"],
        (
            *lines,
            *quote,
            field("text", "Message"),
            bar(icon("attach", "Attach", "on_attach"), icon("send", "Send", "on_send")),
        ),
        (icon("info", "Contact", "on_contact"),),
    )


def page_contact(c: Context) -> Page:
    name = c.s["with"]
    return Page(
        "Contact",
        (
            label(name),
            toggle("mute", "Mute", name in c.s["muted"], "on_mute"),
            toggle("block", "Block", name in c.s["blocked"], "on_block"),
            row("clear", "Clear messages", "on_clear"),
        ),
    )


def page_archive(c: Context) -> Page:
    return Page("Archive", tuple(row("old", name, "on_restore", name) for name in c.s["archive"]))


def page_group(c: Context) -> Page:
    people = [
        row("member", name, "on_member", name, selected=name in c.s["members"])
        for name in c.cfg["people"][:5]
    ]
    return Page(
        "New group", (field("group", "Name"), *people, button("create", "Create", "on_create"))
    )


def dialog_talk_menu(c: Context) -> Page:
    return Page(
        c.s["with"],
        (row("m_archive", "Archive", "on_put_away"), row("m_mute", "Mute", "on_mute")),
        style="menu",
    )


def dialog_message_menu(c: Context) -> Page:
    return Page(
        "Message",
        (
            row("m_reply", "Reply", "on_reply"),
            row("m_delete", "Delete", "on_delete"),
            row("m_copy", "Copy", "on_copy"),
        ),
        style="menu",
    )


def dialog_attach(c: Context) -> Page:
    ways = [row("what", name, "on_attach_this", name) for name in ("Picture", "Place", "File")]
    return Page("Attach", tuple(ways), style="sheet")


def dialog_block(c: Context) -> Page:
    return Page(
        "Block?",
        (button("no", "Cancel", "on_close"), button("yes", "Block", "on_block_sure")),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["said"]:
        c.toast("New messages")


def on_talk(c: Context, arg: Any) -> None:
    c.s["with"] = arg
    c.s["t:text"] = ""
    c.s["quote"] = ""
    if arg in c.s["blocked"]:
        c.toast("You blocked this contact")
    c.go("talk")


def on_hold(c: Context, arg: Any) -> None:
    c.s["with"] = arg
    c.dialog("talk_menu")


def on_put_away(c: Context, arg: Any) -> None:
    c.close()
    if len(c.s["archive"]) >= 2:
        c.toast("The archive is full")
    else:
        c.s["archive"] += (c.s["with"],)


def on_archive(c: Context, arg: Any) -> None:
    if c.s["archive"]:
        c.go("archive")
    else:
        c.toast("Nothing archived")


def on_restore(c: Context, arg: Any) -> None:
    c.s["archive"] = tuple(name for name in c.s["archive"] if name != arg)
    if not c.s["archive"]:
        c.up()


def on_send(c: Context, arg: Any) -> None:
    text, name = c.text("text"), c.s["with"]
    if not text:
        c.toast("Write something")
    elif name in c.s["blocked"]:
        c.toast("Unblock first")
    else:
        do_say(c, text)
        c.s["t:text"] = ""
        if name == c.cfg["bot"]:
            do_answer(c, text)


def do_say(c: Context, text: str) -> None:
    if c.s["quote"]:
        text = f"{text} (to {c.s['quote'][:6]})"
        c.s["quote"] = ""
    c.s["said"] = (*c.s["said"][-2:], (c.s["with"], text))


def do_answer(c: Context, text: str) -> None:
    match text:
        case "hello":
            do_say(c, "Hello to you")
        case "12":
            do_say(c, "Twelve what?")
        case _ if "@" in text:
            do_say(c, "I will write you")
        case _:
            c.toast("No answer")


def on_message(c: Context, arg: Any) -> None:
    text = c.s["said"][arg][1]
    if text.startswith("["):
        c.toast("Opening")
    elif "@" in text:
        c.toast("No mail app")


def on_hold_message(c: Context, arg: Any) -> None:
    c.s["held"] = arg
    c.dialog("message_menu")


def on_reply(c: Context, arg: Any) -> None:
    c.close()
    c.s["quote"] = c.s["said"][c.s["held"]][1]


def on_delete(c: Context, arg: Any) -> None:
    c.close()
    said = list(c.s["said"])
    del said[c.s["held"]]
    c.s["said"] = tuple(said)
    if not said:
        c.toast("Nothing was said")


def on_copy(c: Context, arg: Any) -> None:
    c.close()
    c.s["t:text"] = c.s["said"][c.s["held"]][1]


def on_attach(c: Context, arg: Any) -> None:
    if c.s["with"] in c.s["blocked"]:
        c.toast("Unblock first")
    else:
        c.dialog("attach")


def on_attach_this(c: Context, arg: Any) -> None:
    c.close()
    match arg:
        case "Picture":
            do_say(c, "[picture]")
        case "Place":
            do_say(c, "[place]")
        case _:
            c.toast("No files here")


def on_contact(c: Context, arg: Any) -> None:
    if c.s["with"] == c.s["group"]:
        c.toast(f"{len(c.s['members'])} members")
    else:
        c.go("contact")


def on_mute(c: Context, arg: Any) -> None:
    c.close()
    name = c.s["with"]
    if name in c.s["muted"]:
        c.s["muted"] = tuple(item for item in c.s["muted"] if item != name)
    else:
        c.s["muted"] = (*c.s["muted"][-1:], name)


def on_block(c: Context, arg: Any) -> None:
    name = c.s["with"]
    if name in c.s["blocked"]:
        c.s["blocked"] = tuple(item for item in c.s["blocked"] if item != name)
        c.toast("Unblocked")
    else:
        c.dialog("block")


def on_block_sure(c: Context, arg: Any) -> None:
    c.close()
    c.s["blocked"] = (c.s["with"],)


def on_close(c: Context, arg: Any) -> None:
    c.close()


def on_clear(c: Context, arg: Any) -> None:
    kept = []
    for who, text in c.s["said"]:
        if who != c.s["with"]:
            kept.append((who, text))
    if len(kept) == len(c.s["said"]):
        c.toast("Nothing to clear")
    else:
        c.s["said"] = tuple(kept)
        c.up()


def on_new_group(c: Context, arg: Any) -> None:
    if c.s["group"]:
        c.toast("One group is enough")
    else:
        c.go("group")


def on_member(c: Context, arg: Any) -> None:
    if arg in c.s["members"]:
        c.s["members"] = tuple(name for name in c.s["members"] if name != arg)
    else:
        c.s["members"] = tuple(sorted((*c.s["members"], arg)))


def on_create(c: Context, arg: Any) -> None:
    if len(c.s["members"]) < 2:
        c.toast("Choose two at least")
    elif not c.text("group"):
        c.toast("Give it a name")
    else:
        c.s["group"] = c.text("group")
        c.up()
