"""A page a day with moods, a picture that needs a permission, tags, a search and a look back."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.permissions import Permission
from jamel.virtual_device.apps.widgets import (
    Page,
    bar,
    button,
    chooser,
    date_picker,
    field,
    icon,
    label,
    listing,
    permission,
    picture,
    row,
)

TITLES = ("Diary", "Journal", "Memories", "Tagebuch", "My days", "Дневник")
KEEP = ("entries", "allowed")
PERMISSION = Permission("android.permission.CAMERA", "camera")
DEFECT = "a look back does not ask whether there is anything"
MOODS = ("Awful", "So-so", "Fine", "Great")


def configure(rng: Random) -> dict[str, Any]:
    return {"moods": MOODS[rng.choice((0, 1)) :], "today": rng.randint(9, 20)}


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "entries": (),
        "day": cfg["today"],
        "mood": "Fine",
        "photo": False,
        "allowed": "",
        "t:text": "",
        "t:find": "",
        "open": 0,
    }


def page_main(c: Context) -> Page:
    rows = [
        row("entry", text, "on_entry", n, hold="on_hold", sub=f"Day {day} · {mood}")
        for n, (day, mood, text) in enumerate(c.s["entries"])
    ]
    icons = (icon("find", "Search", "on_find"), icon("back_then", "Look back", "on_look_back"))
    empty = () if rows else (label("Dear diary…", "empty"),)
    fab = icon("write", "Write", "on_write")
    return Page(c.title, (listing("days", *rows), *empty), icons, fab=fab)


def page_write(c: Context) -> Page:
    photo = (picture("photo", "A photo"),) if c.s["photo"] else ()
    return Page(
        f"Day {c.s['day']}",
        (
            row("date", "Another day", "on_date"),
            field("text", "What happened?"),
            *photo,
            row("mood", "Mood", "on_mood", sub=c.s["mood"]),
            bar(button("camera", "Photo", "on_photo"), button("save", "Keep it", "on_save")),
        ),
    )


def page_entry(c: Context) -> Page:
    day, mood, text = c.s["entries"][c.s["open"]]
    return Page(
        f"Day {day}",
        (
            label(text, "story"),
            label(mood, "mood"),
            bar(button("older", "Older", "on_page", -1), button("newer", "Newer", "on_page", 1)),
        ),
    )


def page_find(c: Context) -> Page:
    return Page("Search", (field("find", "A word"), button("go", "Search", "on_search")))


def dialog_mood(c: Context) -> Page:
    return chooser("How was it?", c.cfg["moods"], "on_choose_mood", c.s["mood"])


def dialog_date(c: Context) -> Page:
    return date_picker("October", 31, "on_day", "on_turn", c.s["day"])


def dialog_camera(c: Context) -> Page:
    return permission(c.title, "take pictures and record video")


def dialog_tear(c: Context) -> Page:
    return Page(
        "Tear it out?",
        (button("no", "No", "on_no"), button("yes", "Tear it out", "on_tear")),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if any(day == c.cfg["today"] for day, _, _ in c.s["entries"]):
        c.toast("You have written today")


def on_write(c: Context, arg: Any) -> None:
    c.s["t:text"] = ""
    c.s["photo"] = False
    c.s["day"] = c.cfg["today"]
    c.go("write")


def on_date(c: Context, arg: Any) -> None:
    c.dialog("date")


def on_turn(c: Context, arg: Any) -> None:
    if arg > 0:
        c.toast("Nobody knows the future")
    else:
        c.toast("That is long ago")


def on_day(c: Context, arg: Any) -> None:
    if arg > c.cfg["today"]:
        c.toast("Nobody knows the future")
        return
    c.close()
    c.s["day"] = arg


def on_date_cancel(c: Context, arg: Any) -> None:
    c.close()


def on_mood(c: Context, arg: Any) -> None:
    c.dialog("mood")


def on_choose_mood(c: Context, arg: Any) -> None:
    c.close()
    c.s["mood"] = arg
    match arg:
        case "Awful":
            c.toast("Tomorrow will be better")
        case "Great":
            c.toast("Nice!")


def on_photo(c: Context, arg: Any) -> None:
    if c.s["photo"]:
        c.s["photo"] = False
    elif c.s["allowed"] in ("", "deny"):
        c.dialog("camera")
    else:
        do_shoot(c)


def do_shoot(c: Context) -> None:
    c.s["photo"] = True
    if c.s["allowed"] == "once":
        c.s["allowed"] = ""


def on_permission(c: Context, arg: Any) -> None:
    c.close()
    if arg == "deny" and c.s["allowed"] == "deny":
        c.toast("Then never")
    c.s["allowed"] = arg
    if arg != "deny":
        do_shoot(c)


def on_save(c: Context, arg: Any) -> None:
    text = c.text("text")
    if not text and not c.s["photo"]:
        c.toast("Nothing happened?")
    elif any(c.s["day"] == day for day, _, _ in c.s["entries"]):
        c.toast("That day is full")
    else:
        entries = (*c.s["entries"][-4:], (c.s["day"], c.s["mood"], text or "A photo"))
        c.s["entries"] = tuple(sorted(entries))
        c.up()
        if len(entries) == 3:
            c.toast("Three days. Keep writing!")


def on_entry(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.go("entry")


def on_page(c: Context, arg: Any) -> None:
    number = c.s["open"] + arg
    if number < 0:
        c.toast("It begins here")
    elif number >= len(c.s["entries"]):
        c.toast("The rest is unwritten")
    else:
        c.s["open"] = number


def on_hold(c: Context, arg: Any) -> None:
    c.s["open"] = arg
    c.dialog("tear")


def on_no(c: Context, arg: Any) -> None:
    c.close()


def on_tear(c: Context, arg: Any) -> None:
    c.close()
    entries = list(c.s["entries"])
    del entries[c.s["open"]]
    c.s["entries"] = tuple(entries)
    if not entries:
        c.toast("A blank book")


def on_find(c: Context, arg: Any) -> None:
    c.s["t:find"] = ""
    c.go("find")


def on_search(c: Context, arg: Any) -> None:
    word = c.text("find")
    if not word:
        c.toast("Which word?")
        return
    for number, entry in enumerate(c.s["entries"]):
        if word in entry[2]:
            c.s["open"] = number
            c.up()
            c.go("entry")
            return
    c.toast("You never wrote that")


def on_look_back(c: Context, arg: Any) -> None:
    if c.s["entries"] or c.defect:
        _, mood, _ = c.s["entries"][0]
        if mood in ("Great", "Fine"):
            c.toast("Good times")
        else:
            c.toast("Hard times")
    else:
        c.toast("There is nothing to look back on")
