"""Intents as `am` and `pm` read them from a command line, and which activity of the app takes one.

Options as Intent.parseCommandArgs knows them, printed as Intent.toString prints them. Knows no
device.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from jamel.virtual_device.apk import ApkManifest

MAIN, VIEW = "android.intent.action.MAIN", "android.intent.action.VIEW"
LAUNCHER, HOME = "android.intent.category.LAUNCHER", "android.intent.category.HOME"
_OF_LINKS = {"android.intent.category.DEFAULT", "android.intent.category.BROWSABLE"}
_WITH_VALUE = {"-a": "act", "-d": "dat", "-t": "typ", "-p": "pkg", "-f": "flg", "-n": "cmp"}
_ALONE = ("-D", "-N", "-W", "-S", "--brief", "--activity-brought-to-front", "--activity-clear-top",
          "--activity-clear-task", "--activity-new-task", "--activity-no-history",
          "--activity-single-top", "--grant-read-uri-permission", "--include-stopped-packages",
          "--receiver-foreground")  # fmt: skip
_EXTRA = re.compile(r"-e|--e(s|sn|i|l|f|d|z|u|cn|ia|la|fa|sa|ial|lal|fal|sal)")


class Intent(NamedTuple):
    """What is asked for; fields that were not given are empty."""

    action: str = ""
    data: str = ""
    kind: str = ""
    categories: tuple[str, ...] = ()
    package: str = ""
    flags: str = ""
    component: str = ""
    has_extras: bool = False

    def __str__(self) -> str:
        parts = {
            "act": self.action, "dat": self.data, "typ": self.kind,
            "cat": f"[{','.join(self.categories)}]" if self.categories else "",
            "flg": self.flags, "pkg": self.package, "cmp": self.component,
        }  # fmt: skip
        said = [f"{name}={value}" for name, value in parts.items() if value]
        return " ".join([*said, *(["(has extras)"] if self.has_extras else [])])


def parse_intent(args: list[str]) -> Intent:
    """The intent of a command line; a lone address, component or package is taken as am takes it.

    Raises:
        ValueError: an option is unknown.
    """
    fields: dict[str, str] = {}
    categories, loose, extras, rest = list[str](), "", False, iter(args)
    for arg in rest:
        if arg in _WITH_VALUE:
            fields[_WITH_VALUE[arg]] = next(rest, "")
        elif arg == "-c":
            categories.append(next(rest, ""))
        elif arg in ("--user", "--display", "--windowingMode", "-P", "-R"):
            next(rest, "")
        elif _EXTRA.fullmatch(arg):
            for _ in range(1 if arg == "--esn" else 2):
                next(rest, "")
            extras = True
        elif arg.startswith("-") and arg not in _ALONE:
            raise ValueError(arg)
        elif not arg.startswith("-"):
            loose = arg
    intent = Intent(
        fields.get("act", ""), fields.get("dat", ""), fields.get("typ", ""), tuple(categories),
        fields.get("pkg", ""), fields.get("flg", ""), fields.get("cmp", ""), extras,
    )  # fmt: skip
    return _with_loose(intent, loose) if loose else intent


def _with_loose(intent: Intent, loose: str) -> Intent:
    if "://" in loose:
        return intent._replace(action=intent.action or VIEW, data=intent.data or loose)
    if "/" in loose:
        return intent._replace(action=intent.action or MAIN, component=loose)
    if intent.action or intent.data:
        return intent._replace(package=loose)
    return intent._replace(action=MAIN, categories=(LAUNCHER,), package=loose)


def full_component(component: str) -> tuple[str, str]:
    """A component's package and its activity's full name."""
    package, _, activity = component.partition("/")
    return package, package + activity if activity.startswith(".") else activity


def activity_for(intent: Intent, manifest: ApkManifest) -> str:
    """The activity of an app that takes an implicit intent, "" for none."""
    if intent.package not in ("", manifest.package):
        return ""
    if intent.data:
        wanted = intent.action in ("", VIEW) and set(intent.categories) <= _OF_LINKS
        taking = (link.activity for link in manifest.links if link.takes(intent.data))
        return next(taking, "") if wanted else ""
    launch = intent.action == MAIN and set(intent.categories) <= {LAUNCHER}
    return manifest.activity if launch and (intent.categories or intent.package) else ""
