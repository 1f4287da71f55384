"""A form of several steps with choices, typed values, a summary and a way to cancel."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.types import TYPED_TEXTS
from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, bar, button, field, icon, label, tick
from jamel.virtual_device.apps.wording import pick

TITLES = ("Book a table", "New claim", "Open an account", "Report a fault", "Buchung", "予約")
KEEP = ("sent",)
STEPS = ("who", "what", "when", "extra")


def configure(rng: Random) -> dict[str, Any]:
    steps = STEPS[: rng.choice((3, 4, 4))]
    return {
        "steps": steps,
        "choices": pick(rng, "topics", rng.randint(3, 5)),
        "number": TYPED_TEXTS[1],
        "needs_mail": rng.random() < 0.5,
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "step": 0,
        "t:name": "",
        "t:count": "",
        "t:note": "",
        "choice": "",
        "agreed": False,
        "slot": "",
        "sent": 0,
        "error": "",
    }


def page_main(c: Context) -> Page:
    again = (label(f"{c.s['sent']} sent"),) if c.s["sent"] else ()
    return Page(
        c.title, (label("It takes two minutes."), *again, button("start", "Start", "on_start_form"))
    )


def page_form(c: Context) -> Page:
    step = c.cfg["steps"][c.s["step"]]
    match step:
        case "who":
            nodes = [field("name", "E-mail" if c.cfg["needs_mail"] else "Name")]
        case "what":
            nodes = [
                tick("choice", name, c.s["choice"] == name, "on_choice", name)
                for name in c.cfg["choices"]
            ]
        case "when":
            slots = [button("slot", text, "on_slot", text) for text in ("09:00", "12:30", "18:00")]
            nodes = [field("count", "How many?"), bar(*slots), label(c.s["slot"] or "no time yet")]
        case _:
            nodes = [field("note", "Remarks"), tick("agree", "I agree", c.s["agreed"], "on_agree")]
    error = (label(c.s["error"], "error"),) if c.s["error"] else ()
    number, last = c.s["step"] + 1, len(c.cfg["steps"])
    return Page(
        f"Step {number} of {last}",
        (
            *nodes,
            *error,
            bar(button("previous", "Back", "on_previous"), button("next", "Next", "on_next")),
        ),
        (icon("cancel", "Cancel", "on_cancel"),),
    )


def page_summary(c: Context) -> Page:
    return Page(
        "Summary",
        (
            label(c.text("name"), "name_line"),
            label(c.s["choice"], "choice_line"),
            label(f"{c.text('count')} · {c.s['slot']}", "when_line"),
            button("change", "Change", "on_change"),
            button("send", "Send", "on_send"),
        ),
    )


def dialog_cancel(c: Context) -> Page:
    return Page(
        "Discard?",
        (
            label("What you entered is lost."),
            button("keep", "Keep", "on_keep"),
            button("discard", "Discard", "on_discard"),
        ),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["step"] > 0:
        c.toast("You have a draft")


def on_start_form(c: Context, arg: Any) -> None:
    c.s["error"] = ""
    if c.s["sent"] >= 2:
        c.toast("One at a time, please")
    else:
        c.go("form")


def on_choice(c: Context, arg: Any) -> None:
    if c.s["choice"] == arg:
        c.s["choice"] = ""
    else:
        c.s["choice"] = arg


def on_slot(c: Context, arg: Any) -> None:
    match arg:
        case "12:30" if c.s["sent"]:
            c.s["error"] = "12:30 is taken"
        case "18:00":
            c.s["slot"] = arg
            c.toast("Busy at that time")
        case _:
            c.s["slot"] = arg


def on_agree(c: Context, arg: Any) -> None:
    c.s["agreed"] = not c.s["agreed"]


def on_next(c: Context, arg: Any) -> None:
    match c.cfg["steps"][c.s["step"]]:
        case "who":
            error = do_check_who(c)
        case "what":
            error = "" if c.s["choice"] else "Choose one"
        case "when":
            error = do_check_when(c)
        case _:
            error = do_check_extra(c)
    c.s["error"] = error
    if error:
        return
    if c.s["step"] + 1 < len(c.cfg["steps"]):
        c.s["step"] += 1
    else:
        c.go("summary")


def do_check_who(c: Context) -> str:
    name = c.text("name")
    if not name:
        return "This is needed"
    if c.cfg["needs_mail"] and "@" not in name:
        return "Enter an e-mail address"
    if name.isdigit():
        return "Numbers are no names"
    return ""


def do_check_when(c: Context) -> str:
    count = c.text("count")
    if not count:
        return "How many?"
    if not count.isdigit():
        return "Enter a number"
    if not c.s["slot"]:
        return "Choose a time"
    if int(count) > 8 and c.s["slot"] == "18:00":
        return "Too many for that time"
    return ""


def do_check_extra(c: Context) -> str:
    if not c.s["agreed"]:
        return "You have to agree"
    if len(c.text("note")) > 12:
        return "Keep it short"
    return ""


def on_previous(c: Context, arg: Any) -> None:
    c.s["error"] = ""
    if c.s["step"] == 0:
        c.up()
    else:
        c.s["step"] -= 1


def on_cancel(c: Context, arg: Any) -> None:
    if c.text("name") or c.s["step"]:
        c.dialog("cancel")
    else:
        c.up()


def on_keep(c: Context, arg: Any) -> None:
    c.close()


def on_discard(c: Context, arg: Any) -> None:
    c.close()
    do_empty(c)
    c.up()


def do_empty(c: Context) -> None:
    for key in ("t:name", "t:count", "t:note", "choice", "slot", "error"):
        c.s[key] = ""
    c.s["step"] = 0
    c.s["agreed"] = False


def on_change(c: Context, arg: Any) -> None:
    c.up()
    c.s["step"] = 0


def on_send(c: Context, arg: Any) -> None:
    c.s["sent"] += 1
    do_empty(c)
    c.leave()
    if c.s["sent"] > 1:
        c.toast("Sent again")
    else:
        c.toast("Sent")
