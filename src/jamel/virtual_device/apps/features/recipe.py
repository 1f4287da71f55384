"""Dishes with portions, ingredients to tick off, steps to page through and a kitchen timer."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, bar, button, icon, label, listing, row, tick
from jamel.virtual_device.apps.wording import many

TITLES = ("Recipes", "Kitchen", "Cookbook", "Kochen", "Dishes", "Рецепты")
KEEP = ("cooked", "loved", "portions")
DEFECT = "the next step is looked up past the last"
PARTS = ("Salt", "Oil", "Onions", "Flour", "Butter", "Rice")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "dishes": many(rng, "dishes", rng.randint(4, 8)),
        "parts": tuple(rng.sample(PARTS, rng.randint(3, 5))),
        "steps": tuple(rng.sample(("Chop", "Boil", "Fry", "Stir", "Bake"), rng.choice((3, 4)))),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "open": "",
        "portions": 2,
        "have": (),
        "step": 0,
        "timer": 0,
        "cooked": (),
        "loved": (),
        "only": False,
    }


def page_main(c: Context) -> Page:
    names = c.s["loved"] if c.s["only"] else c.cfg["dishes"]
    rows = [
        row("dish", name, "on_dish", name, sub="cooked" * (name in c.s["cooked"])) for name in names
    ]
    icons = (icon("loved", "Favourites", "on_only"), icon("random", "Surprise me", "on_random"))
    return Page(c.title, (listing("dishes", *rows),), icons)


def page_dish(c: Context) -> Page:
    ticks = [
        tick("part", f"{c.s['portions'] * 50} g {name}", name in c.s["have"], "on_part", name)
        for name in c.cfg["parts"]
    ]
    return Page(
        c.s["open"],
        (
            bar(
                button("fewer", "−", "on_portions", -1),
                label(f"{c.s['portions']} portions"),
                button("more", "+", "on_portions", 1),
            ),
            *ticks,
            button("cook", "Cook", "on_cook"),
        ),
        (icon("love", "Love it", "on_love"),),
    )


def page_step(c: Context) -> Page:
    number = c.s["step"]
    return Page(
        f"Step {number + 1} of {len(c.cfg['steps'])}",
        (
            label(c.cfg["steps"][number], "step"),
            label(f"{c.s['timer']} minutes" if c.s["timer"] else "", "timer"),
            bar(button("back", "Back", "on_back"), button("next", "Next", "on_next")),
            button("timer", "Five minutes more", "on_timer"),
        ),
    )


def dialog_missing(c: Context) -> Page:
    return Page(
        "Something is missing",
        (button("shop", "Go shopping", "on_shop"), button("anyway", "Cook anyway", "on_anyway")),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["timer"]:
        c.toast("Something is on the stove")


def on_dish(c: Context, arg: Any) -> None:
    if arg != c.s["open"]:
        c.s["have"] = ()
        c.s["step"] = 0
    c.s["open"] = arg
    c.go("dish")


def on_only(c: Context, arg: Any) -> None:
    if c.s["only"]:
        c.s["only"] = False
    elif c.s["loved"]:
        c.s["only"] = True
    else:
        c.toast("You love nothing yet")


def on_random(c: Context, arg: Any) -> None:
    new = [name for name in c.cfg["dishes"] if name not in c.s["cooked"]]
    if new:
        c.s["open"] = new[len(new) // 2]
        c.go("dish")
    else:
        c.toast("You have cooked them all")


def on_portions(c: Context, arg: Any) -> None:
    portions = c.s["portions"] + arg
    if portions < 1:
        c.toast("Not hungry?")
    elif portions > 6:
        c.toast("Your pot is too small")
    else:
        c.s["portions"] = portions


def on_part(c: Context, arg: Any) -> None:
    if arg in c.s["have"]:
        c.s["have"] = tuple(name for name in c.s["have"] if name != arg)
    else:
        c.s["have"] = tuple(sorted((*c.s["have"], arg)))
        if len(c.s["have"]) == len(c.cfg["parts"]):
            c.toast("You have everything")


def on_love(c: Context, arg: Any) -> None:
    if c.s["open"] in c.s["loved"]:
        c.s["loved"] = tuple(name for name in c.s["loved"] if name != c.s["open"])
    else:
        c.s["loved"] = (*c.s["loved"][-3:], c.s["open"])


def on_cook(c: Context, arg: Any) -> None:
    if len(c.s["have"]) < len(c.cfg["parts"]):
        c.dialog("missing")
    else:
        c.go("step")


def on_shop(c: Context, arg: Any) -> None:
    c.close()
    c.leave()


def on_anyway(c: Context, arg: Any) -> None:
    c.close()
    if c.s["have"]:
        c.go("step")
    else:
        c.toast("With nothing at all?")


def on_timer(c: Context, arg: Any) -> None:
    match c.cfg["steps"][c.s["step"]]:
        case "Chop":
            c.toast("Chopping takes no timer")
        case "Stir" if c.s["timer"]:
            c.toast("Do not stop stirring")
        case _:
            c.s["timer"] = min(15, c.s["timer"] + 5)


def on_back(c: Context, arg: Any) -> None:
    c.s["timer"] = 0
    if c.s["step"] == 0:
        c.up()
    else:
        c.s["step"] -= 1


def on_next(c: Context, arg: Any) -> None:
    c.s["timer"] = 0
    if c.s["step"] + 1 < len(c.cfg["steps"]) or (c.defect and c.s["portions"] > 2):
        c.s["step"] += 1
        if c.cfg["steps"][c.s["step"]] == "Bake":
            c.toast("Mind the oven")
        return
    c.s["step"] = 0
    if c.s["open"] in c.s["cooked"]:
        c.toast("Again!")
    else:
        c.s["cooked"] += (c.s["open"],)
    c.leave()
    c.go("main")
