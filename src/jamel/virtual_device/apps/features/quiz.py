"""A quiz: rounds of questions, jokers, points, levels and a table of results."""

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
from jamel.virtual_device.apps.wording import pick

TITLES = ("Quiz", "Trivia", "Vocabulary", "Brain", "Викторина", "クイズ")
KEEP = ("best", "table", "level")


def configure(rng: Random) -> dict[str, Any]:
    rounds = rng.choice((3, 4))
    return {
        "answers": tuple(rng.randrange(3) for _ in range(rounds)),
        "words": pick(rng, "places", 3),
        "typed": rng.choice(TYPED_TEXTS[1:3]),
        "pass": rng.choice((1, 2)),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "round": 0,
        "points": 0,
        "streak": 0,
        "joker": True,
        "gone": -1,
        "best": 0,
        "table": (),
        "level": "easy",
        "t:answer": "",
        "t:player": "",
        "lives": 2,
    }


def page_main(c: Context) -> Page:
    levels = [
        tick("level", name, name == c.s["level"], "on_level", name)
        for name in ("easy", "hard", "expert")
    ]
    return Page(
        c.title,
        (label(f"Best: {c.s['best']}"), *levels, button("play", "Play", "on_play")),
        (icon("table", "Results", "on_table"),),
    )


def page_question(c: Context) -> Page:
    last = c.s["round"] == len(c.cfg["answers"]) - 1
    hearts = label("♥" * c.s["lives"], "lives")
    if last and c.s["level"] != "easy":
        body: tuple = (
            field("answer", "Your answer"),
            button("check", "Check", "on_typed"),
        )
    else:
        body = tuple(
            button("answer", word, "on_answer", number, enabled=number != c.s["gone"])
            for number, word in enumerate(c.cfg["words"])
        )
    return Page(
        f"Question {c.s['round'] + 1}",
        (label(f"{c.s['points']} points"), hearts, *body),
        (icon("joker", "Joker", "on_joker", enabled=c.s["joker"]), icon("quit", "Quit", "on_quit")),
    )


def page_result(c: Context) -> Page:
    return Page(
        "Result",
        (
            label(f"{c.s['points']} points"),
            field("player", "Your name"),
            bar(button("keep", "Save", "on_keep"), button("again", "Again", "on_again")),
        ),
    )


def page_table(c: Context) -> Page:
    rows = [row("line", f"{name}: {points}", "on_line", name) for name, points in c.s["table"]]
    return Page("Results", (listing("lines", *rows), button("wipe", "Delete all", "on_wipe")))


def dialog_quit(c: Context) -> Page:
    return Page(
        "Give up?",
        (button("no", "Go on", "on_go_on"), button("yes", "Give up", "on_quit_sure")),
        style="dialog",
    )


def dialog_wipe(c: Context) -> Page:
    return Page(
        "Delete all results?",
        (button("no", "Keep", "on_go_on"), button("yes", "Delete", "on_wipe_sure")),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["best"] > 2:
        c.toast("Welcome, champion")


def on_level(c: Context, arg: Any) -> None:
    match arg:
        case "expert" if c.s["best"] < c.cfg["pass"]:
            c.toast("Win an easier one first")
        case "expert":
            c.s["level"] = arg
            c.s["lives"] = 1
        case _:
            c.s["level"] = arg


def on_play(c: Context, arg: Any) -> None:
    c.s["round"] = 0
    c.s["points"] = 0
    c.s["streak"] = 0
    c.s["gone"] = -1
    if c.s["level"] == "easy":
        c.s["lives"] = 3
        c.s["joker"] = True
    elif c.s["level"] == "hard":
        c.s["lives"] = 2
        c.s["joker"] = True
    else:
        c.s["lives"] = 1
        c.s["joker"] = False
    c.go("question")


def on_answer(c: Context, arg: Any) -> None:
    if arg == c.cfg["answers"][c.s["round"]]:
        do_right(c)
    else:
        do_wrong(c)


def on_typed(c: Context, arg: Any) -> None:
    text = c.text("answer")
    if not text:
        c.toast("Type an answer")
    elif text == c.cfg["typed"]:
        do_right(c)
    elif text.isdigit():
        c.toast("A word, not a number")
        do_wrong(c)
    else:
        do_wrong(c)


def do_right(c: Context) -> None:
    c.s["points"] += 1
    c.s["streak"] += 1
    if c.s["streak"] == 3:
        c.s["points"] += 1
        c.toast("Three in a row")
    do_advance(c)


def do_wrong(c: Context) -> None:
    c.s["streak"] = 0
    c.s["lives"] -= 1
    if c.s["lives"] <= 0:
        c.toast("No lives left")
        do_finish(c)
    else:
        do_advance(c)


def do_advance(c: Context) -> None:
    c.s["gone"] = -1
    c.s["t:answer"] = ""
    if c.s["round"] + 1 < len(c.cfg["answers"]):
        c.s["round"] += 1
    else:
        do_finish(c)


def do_finish(c: Context) -> None:
    c.up()
    if c.s["points"] == 0:
        c.toast("Not a single one")
    else:
        if c.s["points"] > c.s["best"]:
            c.s["best"] = c.s["points"]
            c.toast("A new record")
        c.go("result")


def on_joker(c: Context, arg: Any) -> None:
    c.s["joker"] = False
    right = c.cfg["answers"][c.s["round"]]
    for number in range(3):
        if number != right:
            c.s["gone"] = number
            break
    if c.s["streak"]:
        c.toast("You did not need that")


def on_quit(c: Context, arg: Any) -> None:
    if c.s["round"] == 0:
        c.up()
    else:
        c.dialog("quit")


def on_go_on(c: Context, arg: Any) -> None:
    c.close()


def on_quit_sure(c: Context, arg: Any) -> None:
    c.close()
    c.s["streak"] = 0
    c.up()


def on_keep(c: Context, arg: Any) -> None:
    name = c.text("player")
    if not name:
        c.toast("Enter your name")
    elif any(name == old for old, _ in c.s["table"]):
        c.toast("You are in the table")
    elif len(c.s["table"]) >= 3:
        c.s["table"] = (*c.s["table"][1:], (name, c.s["points"]))
        c.leave()
    else:
        c.s["table"] += ((name, c.s["points"]),)
        c.up()


def on_again(c: Context, arg: Any) -> None:
    c.up()
    if c.s["points"] >= c.cfg["pass"] and c.s["level"] == "easy":
        c.s["level"] = "hard"
        c.toast("Try a harder one")


def on_table(c: Context, arg: Any) -> None:
    if c.s["table"]:
        c.go("table")
    else:
        c.toast("No results yet")


def on_line(c: Context, arg: Any) -> None:
    if "@" in arg:
        c.toast("That is an e-mail address")
    else:
        c.toast(f"Well done, {arg}")


def on_wipe(c: Context, arg: Any) -> None:
    if len(c.s["table"]) > 1:
        c.dialog("wipe")
    else:
        c.s["table"] = ()
        c.up()


def on_wipe_sure(c: Context, arg: Any) -> None:
    c.close()
    c.s["table"] = ()
    c.s["best"] = 0
    c.up()
