"""Two languages from a long list, a text, a phrase book, downloads and a history."""

from __future__ import annotations

from random import Random
from typing import Any

from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.widgets import Page, bar, button, field, icon, label, listing, row
from jamel.virtual_device.apps.wording import pick

TITLES = ("Translate", "Languages", "Phrases", "Übersetzer", "Interpreter", "Переводчик")
KEEP = ("loaded", "phrases", "past")
DEFECT = "a download is taken off the list without looking"
LANGUAGES = (
    "English", "Deutsch", "Français", "Español", "Italiano", "Português", "Polski", "Čeština",
    "Svenska", "Suomi", "Türkçe", "Ελληνικά", "Русский", "Українська", "العربية", "Magyar",
    "中文", "日本語", "Hrvatski", "Tiếng Việt", "Kiswahili", "Íslenska",
)  # fmt: skip


def configure(rng: Random) -> dict[str, Any]:
    names = tuple(rng.sample(LANGUAGES, rng.randint(12, 22)))
    return {
        "languages": names,
        "rare": rng.choice(names[2:]),
        "words": pick(rng, "words", 5),
        "space": rng.choice((2, 3)),
    }


def initial(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        "from": cfg["languages"][0],
        "to": cfg["languages"][1],
        "side": "from",
        "t:text": "",
        "result": "",
        "phrases": (),
        "past": (),
        "loaded": (),
        "wifi": False,
    }


def page_main(c: Context) -> Page:
    result = (row("result", c.s["result"], "on_result"),) if c.s["result"] else ()
    return Page(
        c.title,
        (
            bar(
                button("from", c.s["from"], "on_side", "from"),
                icon("swap", "Swap", "on_swap"),
                button("to", c.s["to"], "on_side", "to"),
            ),
            field("text", "Text"),
            button("translate", "Translate", "on_translate"),
            *result,
        ),
        (icon("book", "Phrase book", "on_book"), icon("past", "History", "on_past")),
    )


def page_languages(c: Context) -> Page:
    rows = [
        row("language", name, "on_language", name, hold="on_load",
            sub="on this device" * (name in c.s["loaded"]))
        for name in c.cfg["languages"]
    ]  # fmt: skip
    return Page("Language", (listing("languages", *rows),))


def page_book(c: Context) -> Page:
    rows = [row("phrase", text, "on_phrase", text, hold="on_drop") for text in c.s["phrases"]]
    words = [row("word", text, "on_phrase", text) for text in c.cfg["words"]]
    return Page("Phrase book", (listing("phrases", *rows), listing("words", *words)))


def page_past(c: Context) -> Page:
    rows = [row("past", text, "on_again", text) for text in c.s["past"]]
    return Page("History", (listing("past_list", *rows), button("wipe", "Clear", "on_wipe")))


def dialog_load(c: Context) -> Page:
    return Page(
        f"Download {c.s[c.s['side']]}?",
        (
            label("40 MB, by mobile data."),
            button("no", "Later", "on_no"),
            button("yes", "Download", "on_load_sure"),
            button("free", "Remove downloads", "on_free"),
        ),
        style="dialog",
    )


def on_enter(c: Context, arg: Any) -> None:
    if c.s["past"] and not c.s["result"]:
        c.toast("Go on where you were")


def on_side(c: Context, arg: Any) -> None:
    c.s["side"] = arg
    c.go("languages")


def on_language(c: Context, arg: Any) -> None:
    other = "to" if c.s["side"] == "from" else "from"
    c.up()
    if arg == c.s[other]:
        c.s[other] = c.s[c.s["side"]]
        c.toast("Swapped")
    c.s[c.s["side"]] = arg
    c.s["result"] = ""


def on_load(c: Context, arg: Any) -> None:
    if arg in c.s["loaded"]:
        c.toast("You have it")
    else:
        c.s[c.s["side"]] = arg
        c.dialog("load")


def on_no(c: Context, arg: Any) -> None:
    c.close()


def on_load_sure(c: Context, arg: Any) -> None:
    c.close()
    if len(c.s["loaded"]) >= c.cfg["space"]:
        c.toast("No space left")
    else:
        c.s["loaded"] += (c.s[c.s["side"]],)


def on_free(c: Context, arg: Any) -> None:
    c.close()
    if c.s["loaded"] or c.defect:
        loaded = list(c.s["loaded"])
        loaded.pop()
        c.s["loaded"] = tuple(loaded)
    else:
        c.toast("Nothing to remove")


def on_swap(c: Context, arg: Any) -> None:
    c.s["from"], c.s["to"] = c.s["to"], c.s["from"]
    if c.s["result"]:
        c.s["t:text"] = c.s["result"]
        c.s["result"] = ""


def on_translate(c: Context, arg: Any) -> None:
    text = c.text("text")
    if not text:
        c.toast("Nothing to translate")
    elif c.cfg["rare"] in (c.s["from"], c.s["to"]) and c.cfg["rare"] not in c.s["loaded"]:
        c.toast("Download this language first")
    elif text.isdigit():
        c.toast("Numbers stay as they are")
    else:
        c.s["result"] = text[::-1]
        if text not in c.s["past"]:
            c.s["past"] = (*c.s["past"][-3:], text)


def on_result(c: Context, arg: Any) -> None:
    if c.s["result"] in c.s["phrases"]:
        c.toast("It is in your book")
    elif len(c.s["phrases"]) >= 3:
        c.toast("Learn those first")
    else:
        c.s["phrases"] += (c.s["result"],)


def on_book(c: Context, arg: Any) -> None:
    c.go("book")


def on_phrase(c: Context, arg: Any) -> None:
    c.s["t:text"] = arg
    c.s["result"] = ""
    c.up()


def on_drop(c: Context, arg: Any) -> None:
    c.s["phrases"] = tuple(text for text in c.s["phrases"] if text != arg)
    if not c.s["phrases"]:
        c.toast("You know them all")


def on_past(c: Context, arg: Any) -> None:
    if c.s["past"]:
        c.go("past")
    else:
        c.toast("No history")


def on_again(c: Context, arg: Any) -> None:
    c.s["t:text"] = arg
    c.up()


def on_wipe(c: Context, arg: Any) -> None:
    c.s["past"] = ()
    c.up()
