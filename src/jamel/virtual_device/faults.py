"""What the embedded device does wrong on demand: by count, or by a plan of seed, rate and step.

`Faults` is asked by the device wherever it answers; `FaultPlan` says what happens at which step.
A step is a command that touches the screen or starts the app. Knows nothing of learning, and
nothing of what a client does about it.

    never_idle, null_root      uiautomator's two errors, which exit with 0 and leave an old file
    stale_xml                  uiautomator succeeds, with the screen before the last touch
    empty_webview              a web page that does not tell yet what it shows
    black_screenshot           the picture of a display that shows nothing
    truncated_, empty_,        the coverage file as its first part (more at each reading, as one
    other_build_coverage       still being written), as nothing, or as another build wrote it
    anr_dialog, crash_dialog   a system dialog over the app, which swallows touches
    keyboard                   the soft keyboard over the lower part, which swallows touches
    slow                       one answer takes `slow_s`
    process_death              the app's process is killed for its memory
    framework_restart          Android's services end, and every app; the connection stays
    vanish                     the connection drops, as when a cable is pulled; it comes back
    offline, unauthorized      it drops and comes back in that state, and well a little later
    reboot                     it drops, and the device boots: the app's process is gone
    death                      the device ends and does not come back
    adb_killed                 the adb server ends
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, get_args
from xml.etree import ElementTree

from jamel.config import FaultKind, FaultsConfig
from jamel.coverage import ProbeSet
from jamel.coverage.jacoco import read_exec, write_exec

KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
BREAKS = ("vanish", "offline", "unauthorized", "reboot", "death", "adb_killed")
"""The kinds that end the connection; they strike before, during or after a step's touch."""
ENDINGS = ("process_death", "framework_restart")
"""The kinds that end the app's process; they strike as those before, and the connection stays."""
WINDOWS = ("anr_dialog", "crash_dialog", "keyboard")
SPOILED_COVERAGE = ("truncated_coverage", "empty_coverage", "other_build_coverage")
MOMENTS = ("before", "during", "after")
WEB_VIEW = "android.webkit.WebView"
STUBBORN_SHARE = 0.05
"""How many of the faults that can last outlast any client's patience."""
_STUBBORN_ANSWERS = {"never_idle": 4, "null_root": 4, **dict.fromkeys(SPOILED_COVERAGE, 14)}
_STEP = re.compile(r"\b(?:input (?:tap|swipe|text|keyevent|draganddrop)|am start|monkey -p)\b")
_TOUCHES = ("input", "am", "monkey")


class VanishedError(Exception):
    """The connection has to drop now."""


class Fault(NamedTuple):
    """What happens at a step: the kind, how many answers it spoils, and when it strikes."""

    kind: FaultKind
    answers: int
    moment: str


class FaultPlan:
    """Which fault happens at which step: a pure function of seed, name and step.

    Args:
        config: rate, kinds and seed.
        name: tells the plans of different devices with one seed apart.
        kinds: instead of those of the configuration.
    """

    def __init__(
        self, config: FaultsConfig, name: str = "", kinds: Sequence[FaultKind] = ()
    ) -> None:
        self.rate, self.slow_s = config.rate, config.slow_s
        self.kinds = tuple(kinds) or config.kinds or KINDS
        self._seed = f"{config.seed}/{name}"

    def at(self, step: int) -> Fault | None:
        """The fault of a step, counted from 1; None for most."""
        draw = random.Random(f"{self._seed}/{step}")
        if draw.random() >= self.rate:
            return None
        kind = draw.choice(self.kinds)
        answers = 1
        if kind in _STUBBORN_ANSWERS:
            answers = 1 + int(draw.random() < 0.3)
            if draw.random() < STUBBORN_SHARE:
                answers = _STUBBORN_ANSWERS[kind]
        return Fault(kind, answers, draw.choice(MOMENTS))


@dataclass
class Faults:
    """How the device misbehaves: each count is of answers still to be spoiled.

    `slow_s` delays every command; `window` is what covers the app; `ended` is what has to end the
    app now, for the device to see to; `log` lists (step, kind) of all that the plan brought about.
    """

    never_idle: int = 0
    null_root: int = 0
    stale_xml: int = 0
    empty_webview: int = 0
    black_screenshot: int = 0
    truncated_coverage: int = 0
    empty_coverage: int = 0
    other_build_coverage: int = 0
    anr_dialog: int = 0
    crash_dialog: int = 0
    keyboard: int = 0
    slow: int = 0
    process_death: int = 0
    framework_restart: int = 0
    vanish: int = 0
    offline: int = 0
    unauthorized: int = 0
    reboot: int = 0
    death: int = 0
    adb_killed: int = 0
    slow_s: float = 0.0
    plan: FaultPlan | None = None
    window: str = ""
    ended: str = ""
    moment: str = "during"
    struck: str = "vanish"
    step: int = 0
    last_xml: str = ""
    log: list[tuple[int, str]] = field(default_factory=list)
    _cuts: int = 0

    def take(self, name: str) -> bool:
        """Whether this fault is due now."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0

    def begin(self, script: str) -> None:
        """A script arrived. Raises VanishedError where the connection ends before it runs."""
        if self.plan is None or not _STEP.search(script):
            return
        self.step += 1
        fault = self.plan.at(self.step)
        if fault is None:
            return
        self.log.append((self.step, fault.kind))
        setattr(self, fault.kind, fault.answers)
        self.moment = fault.moment
        if fault.moment == "before":
            self._break()

    def on_command(self, name: str) -> None:
        """A command is about to run. Raises VanishedError where the connection ends now."""
        if name in _TOUCHES:
            if self.take("slow"):
                time.sleep(self.plan.slow_s if self.plan else self.slow_s)
            if self.moment != "after":
                self._strike()
        elif name == "uiautomator":
            if self.moment == "after":
                self._strike()
            for kind in WINDOWS:
                if self.take(kind):
                    self.window = kind

    def dumped(self, xml: str) -> str:
        """What uiautomator says the screen is."""
        if self.last_xml and self.take("stale_xml"):
            return self.last_xml
        self.last_xml = xml
        return _without_page(xml) if self.take("empty_webview") else xml

    def coverage(self, data: bytes) -> bytes:
        """What a reading of the app's coverage file gives."""
        if self.take("empty_coverage"):
            return b""
        if self.take("other_build_coverage"):
            return _of_another_build(data)
        if self.take("truncated_coverage"):
            self._cuts += 1
            return data[: len(data) * self._cuts // (self._cuts + 1)]
        self._cuts = 0
        return data

    def _strike(self) -> None:
        self.ended = next((kind for kind in ENDINGS if self.take(kind)), "")
        self._break()

    def _break(self) -> None:
        for kind in BREAKS:
            if self.take(kind):
                self.struck, self.moment = kind, "during"
                raise VanishedError


def _without_page(xml: str) -> str:
    """The dump with what lies below its first WebView left out."""
    root = ElementTree.fromstring(xml.encode())
    page = next((node for node in root.iter("node") if node.get("class") == WEB_VIEW), None)
    if page is None:
        return xml
    page[:] = []
    return "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>" + ElementTree.tostring(
        root, encoding="unicode"
    )


def _of_another_build(data: bytes) -> bytes:
    """The same probes of classes with other ids, as a rebuilt app has."""
    mask = 0x5A5A5A5A
    return write_exec(ProbeSet({key ^ mask: c for key, c in read_exec(data).classes.items()}))
