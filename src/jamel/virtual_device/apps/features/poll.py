"""Surveys: single and several choices, a scale, a skip rule, results and own questions."""

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
    tick,
    toggle,
)
from jamel.virtual_device.apps.wording import pick

TITLES = ("Poll", "Survey", "Votes", "Umfrage", "Opinions", "Опрос")
KEEP = ("voted", "own", "points")
DEFECT = "the scale is read before anything was chosen on it"


def configure(rng: Random) -> dict[str, Any]:
    return {
        "options": pick(rng, "topics", rng.choice((3, 4))),
        "many": pick(rng, "dishes", rng.choice((3, 4))),
        "most": 2,
        "scale": rng.choice((5, 7)),
        "skip": rng.random() < 0.6,
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "step": 0,
        "one": "",
        "several": (),
        "scale": "",
        "voted": 0,
        "own": (),
        "anonymous": True,
        "t:question": "",
        "points": 0,
        "t:age": "",
    }


def page_main(c: Context) -> Page:
    own = [row("own", text, "on_own", text, hold="on_drop") for text in c.s["own"]]
    return Page(
        c.title,
        (
            label(f"{c.s['points']} points"),
            row("survey", "This week's survey", "on_survey"),
            row("results", "Results", "on_results"),
            listing("own_list", *own),
        ),
        fab=icon("ask", "Ask something", "on_ask"),
    )


def page_survey(c: Context) -> Page:
    match c.s["step"]:
        case 0:
            nodes = [
                tick("one", name, name == c.s["one"], "on_one", name) for name in c.cfg["options"]
            ]
        case 1:
            nodes = [
                tick("several", name, name in c.s["several"], "on_several", name)
                for name in c.cfg["many"]
            ]
        case 2:
            scale = [
                button("grade", str(n + 1), "on_scale", str(n + 1)) for n in range(c.cfg["scale"])
            ]
            nodes = [label("How likely?"), bar(*scale), label(c.s["scale"], "chosen")]
        case _:
            nodes = [
                field("age", "Your age"),
                toggle("anonymous", "Anonymous", c.s["anonymous"], "on_anonymous"),
            ]
    turn = bar(button("previous", "Previous", "on_previous"), button("next", "Next", "on_next"))
    return Page(f"Question {c.s['step'] + 1}", (*nodes, turn))


def page_ask(c: Context) -> Page:
    return Page("Ask", (field("question", "Your question"), button("post", "Post", "on_post")))


def dialog_quit(c: Context) -> Page:
    return Page(
        "Leave the survey?",
        (button("stay", "Stay", "on_stay"), button("leave", "Leave", "on_quit")),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["own"] and c.s["voted"]:
        c.toast("Somebody answered you")


def on_survey(c: Context, arg: Any) -> None:
    if c.s["voted"] >= 2:
        c.toast("Next week there is another")
    else:
        c.s["step"] = 0
        c.go("survey")


def on_one(c: Context, arg: Any) -> None:
    if c.s["one"] == arg:
        c.s["one"] = ""
    else:
        c.s["one"] = arg


def on_several(c: Context, arg: Any) -> None:
    if arg in c.s["several"]:
        c.s["several"] = tuple(name for name in c.s["several"] if name != arg)
    elif len(c.s["several"]) >= c.cfg["most"]:
        c.toast("Two at most")
    else:
        c.s["several"] = tuple(sorted((*c.s["several"], arg)))


def on_scale(c: Context, arg: Any) -> None:
    c.s["scale"] = arg
    match int(arg):
        case 1:
            c.toast("What went wrong?")
        case grade if grade == c.cfg["scale"]:
            c.toast("Thank you!")


def on_anonymous(c: Context, arg: Any) -> None:
    c.s["anonymous"] = not c.s["anonymous"]


def on_previous(c: Context, arg: Any) -> None:
    if c.s["step"]:
        c.s["step"] -= 1
    elif c.s["one"]:
        c.dialog("quit")
    else:
        c.up()


def on_stay(c: Context, arg: Any) -> None:
    c.close()


def on_quit(c: Context, arg: Any) -> None:
    c.close()
    c.s["one"] = c.s["scale"] = ""
    c.s["several"] = ()
    c.up()


def on_next(c: Context, arg: Any) -> None:
    match c.s["step"]:
        case 0 if not c.s["one"]:
            c.toast("Choose one")
        case 0 if c.cfg["skip"] and c.s["one"] == c.cfg["options"][0]:
            c.s["step"] = 2
        case 1 if not c.s["several"]:
            c.toast("Choose one or two")
        case 2:
            do_grade(c)
        case 3:
            do_finish(c)
        case step:
            c.s["step"] = step + 1


def do_grade(c: Context) -> None:
    if not c.s["scale"] and not c.defect:
        c.toast("Choose a number")
    elif int(c.s["scale"]) < 3 and not c.s["several"]:
        c.s["step"] = 1
        c.toast("Tell us more")
    else:
        c.s["step"] = 3


def do_finish(c: Context) -> None:
    age = c.text("age")
    if not c.s["anonymous"] and not age:
        c.toast("Your age, or stay anonymous")
    elif age and not age.isdigit():
        c.toast("In years")
    else:
        if age and int(age) < 18:
            c.toast("Thank you, young friend")
        c.s["voted"] += 1
        c.s["points"] += 5
        c.s["one"] = c.s["scale"] = ""
        c.s["several"] = ()
        c.up()


def on_results(c: Context, arg: Any) -> None:
    match c.s["voted"]:
        case 0:
            c.toast("Vote first")
        case 1:
            c.toast("You are with the majority")
        case _:
            c.toast("You are with the minority")


def on_ask(c: Context, arg: Any) -> None:
    if c.s["points"] < 5:
        c.toast("That costs 5 points")
    else:
        c.s["t:question"] = ""
        c.go("ask")


def on_post(c: Context, arg: Any) -> None:
    text = c.text("question")
    if len(text) < 4:
        c.toast("Too short")
    elif text in c.s["own"]:
        c.toast("You asked that")
    else:
        c.s["points"] -= 5
        c.s["own"] += (text,)
        c.up()


def on_own(c: Context, arg: Any) -> None:
    if "@" in arg:
        c.toast("Removed by a moderator")
    else:
        c.toast("No answers yet")


def on_drop(c: Context, arg: Any) -> None:
    c.s["own"] = tuple(text for text in c.s["own"] if text != arg)
