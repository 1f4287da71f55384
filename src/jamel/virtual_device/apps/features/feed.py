"""Tabs and a drawer: articles by topic, likes, comments and a refresh."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import (
    Page,
    button,
    field,
    icon,
    label,
    listing,
    row,
    tab,
    toggle,
)
from jamel.virtual_device.apps.wording import length, pick

TITLES = ("News", "Feed", "Magazine", "Community", "Nachrichten", "Новости")
KEEP = ("liked", "read", "compact", "comments")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "tabs": pick(rng, "topics", rng.choice((3, 4))),
        "stories": length(rng, rng.randint(3, 6)),
        "drawer": rng.random() < 0.6,
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "tab": cfg["tabs"][0],
        "liked": (),
        "read": (),
        "open": "",
        "compact": False,
        "t:comment": "",
        "comments": (),
        "fresh": 0,
        "muted": (),
    }


def page_main(c: Context) -> Page:
    topic = c.s["tab"]
    stories = [f"{topic}: part {n + 1}" for n in range(c.cfg["stories"] + c.s["fresh"])]
    if c.s["compact"]:
        stories = stories[:3]
    rows = [
        row("story", name, "on_story", name, hold="on_quick", sub="read" * (name in c.s["read"]))
        for name in stories
    ]
    icons: tuple[Any, ...] = (icon("refresh", "Refresh", "on_refresh"),)
    if c.cfg["drawer"]:
        icons = (icon("drawer", "Open drawer", "on_drawer"), *icons)
    tabs = tuple(tab("tab", name, name == topic, "on_tab", name) for name in c.cfg["tabs"])
    quiet = (label("You muted this topic"),) if topic in c.s["muted"] else (listing("feed", *rows),)
    return Page(c.title, quiet, icons, tabs)


def page_story(c: Context) -> Page:
    said = tuple(label(text, "comment_line") for text in c.s["comments"])
    return Page(
        c.s["open"],
        (
            label("Three minutes to read"),
            button("like", "Unlike" if c.s["open"] in c.s["liked"] else "Like", "on_like"),
            button("share", "Share", "on_share"),
            field("comment", "Say something"),
            button("send", "Comment", "on_comment"),
            *said,
        ),
        (icon("next", "Next", "on_next"),),
    )


def dialog_drawer(c: Context) -> Page:
    return Page(
        "Topics",
        (
            *(row("topic", name, "on_tab", name) for name in c.cfg["tabs"]),
            toggle("compact", "Compact list", c.s["compact"], "on_compact"),
            row("likes", "My likes", "on_likes"),
        ),
        style="sheet",
    )


def dialog_quick(c: Context) -> Page:
    return Page(
        c.s["open"],
        (
            row("q_like", "Like", "on_like"),
            row("q_share", "Share", "on_share"),
            row("q_mute", "Mute topic", "on_mute"),
        ),
        style="menu",
    )


def dialog_share(c: Context) -> Page:
    ways = [row("way", name, "on_share_to", name) for name in ("Mail", "Message", "Copy link")]
    return Page("Share with", tuple(ways), style="sheet")


def on_enter(c: Context, arg: Any) -> None:
    if len(c.s["read"]) > 2:
        c.toast("You read a lot today")


def on_tab(c: Context, arg: Any) -> None:
    c.close()
    if arg == c.s["tab"]:
        c.nav["scroll"] = 0
        c.toast("You are here")
    else:
        c.s["tab"] = arg
        c.s["fresh"] = 0


def on_drawer(c: Context, arg: Any) -> None:
    c.dialog("drawer")


def on_compact(c: Context, arg: Any) -> None:
    c.s["compact"] = not c.s["compact"]
    if c.s["compact"]:
        c.close()


def on_likes(c: Context, arg: Any) -> None:
    c.close()
    match len(c.s["liked"]):
        case 0:
            c.toast("You like nothing yet")
        case 1:
            c.s["open"] = c.s["liked"][0]
            c.go("story")
        case count:
            c.toast(f"You like {count} stories")


def on_refresh(c: Context, arg: Any) -> None:
    if c.s["fresh"] >= 2:
        c.toast("All caught up")
    else:
        c.s["fresh"] += 1


def on_story(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.s["t:comment"] = ""
    if arg not in c.s["read"]:
        c.s["read"] = (*c.s["read"][-3:], arg)
    c.go("story")


def on_quick(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.dialog("quick")


def on_like(c: Context, arg: Any) -> None:
    c.close()
    name = c.s["open"]
    if name in c.s["liked"]:
        c.s["liked"] = tuple(item for item in c.s["liked"] if item != name)
    else:
        c.s["liked"] = (*c.s["liked"][-2:], name)
        if len(c.s["liked"]) == 3:
            c.toast("Fan!")


def on_share(c: Context, arg: Any) -> None:
    c.dialog("share")


def on_share_to(c: Context, arg: Any) -> None:
    c.close()
    match arg:
        case "Mail":
            c.toast("No mail app")
        case "Message":
            c.toast("Sent")
        case "Copy link":
            c.toast("Copied")


def on_mute(c: Context, arg: Any) -> None:
    c.close()
    if c.s["muted"]:
        c.toast("One topic at a time")
    else:
        c.s["muted"] = (c.s["tab"],)


def on_comment(c: Context, arg: Any) -> None:
    text = c.text("comment")
    if not text:
        c.toast("Say something first")
    elif "@" in text:
        c.toast("No addresses, please")
    elif text in c.s["comments"]:
        c.toast("You said that already")
    elif text.isdigit():
        c.s["comments"] = ()
        c.toast("Comments hidden")
    else:
        c.s["comments"] = (*c.s["comments"][-1:], text)
        c.s["t:comment"] = ""


def on_next(c: Context, arg: Any) -> None:
    head, _, number = c.s["open"].rpartition(" ")
    last = c.cfg["stories"] + c.s["fresh"]
    if int(number) >= last:
        c.toast("This is the last one")
        c.up()
    else:
        c.s["open"] = f"{head} {int(number) + 1}"
