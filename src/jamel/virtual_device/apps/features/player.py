"""A media player: a playlist, transport buttons, repeat, speed, a queue and a sleep timer."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import (
    Page,
    bar,
    button,
    icon,
    label,
    listing,
    picture,
    row,
    tick,
)
from jamel.virtual_device.apps.wording import many

TITLES = ("Music", "Podcasts", "Radio", "Player", "Musik", "Музыка")
KEEP = ("loved", "repeat", "speed")


def configure(rng: Random) -> dict[str, Any]:
    return {
        "songs": many(rng, "songs", rng.randint(4, 10)),
        "speeds": rng.random() < 0.6,
        "premium": rng.random() < 0.4,
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "playing": False,
        "at": 0,
        "repeat": "off",
        "shuffle": False,
        "speed": 1,
        "queue": (),
        "loved": (),
        "skips": 0,
        "timer": 0,
        "volume": 2,
    }


def page_main(c: Context) -> Page:
    rows = [
        row(
            "song",
            name,
            "on_song",
            number,
            hold="on_enqueue",
            sub="loved" * (number in c.s["loved"]),
        )
        for number, name in enumerate(c.cfg["songs"])
    ]
    return Page(
        c.title,
        (listing("playlist", *rows),),
        (icon("now", "Now playing", "on_now"), icon("queue", "Queue", "on_queue")),
    )


def page_player(c: Context) -> Page:
    speed = (button("speed", f"Speed {c.s['speed']}×", "on_speed"),) if c.cfg["speeds"] else ()
    return Page(
        "Now playing",
        (
            picture("cover", c.cfg["songs"][c.s["at"]]),
            bar(
                icon("previous", "Previous", "on_previous"),
                icon("play", "Pause" if c.s["playing"] else "Play", "on_play"),
                icon("next", "Next", "on_next"),
            ),
            bar(
                icon("repeat", f"Repeat {c.s['repeat']}", "on_repeat"),
                icon("shuffle", "Shuffle", "on_shuffle"),
                icon("love", "Love", "on_love"),
            ),
            bar(
                icon("quieter", "Quieter", "on_volume", -1),
                label(f"Volume {c.s['volume']}"),
                icon("louder", "Louder", "on_volume", 1),
            ),
            *speed,
            button("timer", "Sleep timer", "on_timer"),
        ),
    )


def page_queue(c: Context) -> Page:
    rows = [row("queued", c.cfg["songs"][number], "on_unqueue", number) for number in c.s["queue"]]
    return Page("Queue", (listing("queue_list", *rows), button("clear", "Clear", "on_clear")))


def dialog_timer(c: Context) -> Page:
    choices = [
        tick("minutes", f"{m} minutes" if m else "Off", c.s["timer"] == m, "on_minutes", m)
        for m in (0, 15, 30, 60)
    ]
    return Page("Sleep timer", tuple(choices), style="dialog")


def dialog_premium(c: Context) -> Page:
    return Page(
        "Premium",
        (
            label("Skip as often as you like."),
            button("no", "Not now", "on_no"),
            button("yes", "Try", "on_try"),
        ),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["playing"]:
        c.toast(f"Playing {c.cfg['songs'][c.s['at']]}")


def on_song(c: Context, arg: Any) -> None:
    if arg == c.s["at"] and c.s["playing"]:
        c.go("player")
    else:
        c.s["at"] = arg
        c.s["playing"] = True
        c.go("player")


def on_enqueue(c: Context, arg: Any) -> None:
    if arg in c.s["queue"]:
        c.toast("Queued already")
    elif len(c.s["queue"]) >= 3:
        c.toast("The queue is full")
    else:
        c.s["queue"] += (arg,)


def on_unqueue(c: Context, arg: Any) -> None:
    c.s["queue"] = tuple(number for number in c.s["queue"] if number != arg)
    if not c.s["queue"]:
        c.up()


def on_clear(c: Context, arg: Any) -> None:
    for number in c.s["queue"]:
        if number in c.s["loved"]:
            c.toast("Loved ones stay loved")
    c.s["queue"] = ()
    c.up()


def on_now(c: Context, arg: Any) -> None:
    if c.s["playing"]:
        c.go("player")
    else:
        c.toast("Nothing is playing")


def on_queue(c: Context, arg: Any) -> None:
    if c.s["queue"]:
        c.go("queue")
    else:
        c.toast("The queue is empty")


def on_play(c: Context, arg: Any) -> None:
    c.s["playing"] = not c.s["playing"]
    if not c.s["playing"] and c.s["timer"]:
        c.s["timer"] = 0
        c.toast("Timer stopped")


def on_next(c: Context, arg: Any) -> None:
    c.s["skips"] += 1
    if c.cfg["premium"] and c.s["skips"] > 3:
        c.s["skips"] = 3
        c.dialog("premium")
    elif c.s["queue"]:
        c.s["at"] = c.s["queue"][0]
        c.s["queue"] = c.s["queue"][1:]
    elif c.s["repeat"] == "one":
        c.toast("This one again")
    elif c.s["at"] + 1 < len(c.cfg["songs"]):
        c.s["at"] += 1
        c.s["skips"] = min(c.s["skips"], 4)
    elif c.s["repeat"] == "all":
        c.s["at"] = 0
    else:
        c.s["playing"] = False
        c.toast("End of the list")


def on_previous(c: Context, arg: Any) -> None:
    if c.s["at"] == 0:
        c.toast("This is the first one")
    elif c.s["shuffle"]:
        c.s["at"] = (c.s["at"] * 3 + 1) % len(c.cfg["songs"])
    else:
        c.s["at"] -= 1


def on_repeat(c: Context, arg: Any) -> None:
    match c.s["repeat"]:
        case "off":
            c.s["repeat"] = "all"
        case "all":
            c.s["repeat"] = "one"
        case _:
            c.s["repeat"] = "off"


def on_shuffle(c: Context, arg: Any) -> None:
    c.s["shuffle"] = not c.s["shuffle"]
    if c.s["shuffle"] and c.s["queue"]:
        c.s["queue"] = c.s["queue"][::-1]


def on_love(c: Context, arg: Any) -> None:
    at = c.s["at"]
    if at in c.s["loved"]:
        c.s["loved"] = tuple(number for number in c.s["loved"] if number != at)
    else:
        c.s["loved"] += (at,)


def on_volume(c: Context, arg: Any) -> None:
    level = c.s["volume"] + arg
    if level < 0:
        c.toast("Muted")
    elif level > 4:
        c.toast("Mind your ears")
    else:
        c.s["volume"] = level


def on_speed(c: Context, arg: Any) -> None:
    if c.s["speed"] >= 3:
        c.s["speed"] = 1
    else:
        c.s["speed"] += 1


def on_timer(c: Context, arg: Any) -> None:
    c.dialog("timer")


def on_minutes(c: Context, arg: Any) -> None:
    c.close()
    c.s["timer"] = arg
    if arg == 0:
        c.toast("No timer")
    elif not c.s["playing"]:
        c.toast("It starts when you play")
    elif arg > 30:
        c.toast("Good night")


def on_no(c: Context, arg: Any) -> None:
    c.close()


def on_try(c: Context, arg: Any) -> None:
    c.close()
    c.s["skips"] = 0
    if c.shared["signed_in"]:
        c.toast("Thank you")
    else:
        c.toast("One free skip")
