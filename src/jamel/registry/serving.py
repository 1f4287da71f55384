"""Ranking actions with a saved model, given a screen and a session so far.

Knows the model's agent. It is what the served model and the check before registering both run. All
that an answer depends on is in its question; what is kept in between saves reading it again.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np

from jamel.agents.learned import ModelPolicy, SessionMemory
from jamel.calibration import Calibration, read_calibration
from jamel.envs.base import candidates
from jamel.errors import RequestError
from jamel.registry.wire import (
    MAX_REMEMBERED,
    Question,
    Ranked,
    Remembered,
    first_observation,
    read_memory,
    read_observation,
)
from jamel.types import Action, ActionKind, Element, Observation

KEPT_STEPS = 10_000
"""Sessions of so many steps together are gone on with: 200 MB, at two for a hundred steps."""
JSON_SPACE = " \t\n\r"


class Asked(NamedTuple):
    """A question: what was told of the session, and the screen.

    `told` is the session's JSON without its last bracket, as its length in bytes and its digest.
    """

    told: tuple[int, bytes]
    observation: Observation


class Kept(NamedTuple):
    """A session that was asked about: what is remembered of it, and its number of steps."""

    memory: SessionMemory
    steps: int


class Ranker(ModelPolicy):
    """A policy that is told the session instead of having lived it."""

    calibration: Calibration | None = None
    """What the model's worth stands for, where that was fitted."""

    def rank(self, question: Question) -> list[Ranked]:
        """Every candidate with its log-probability and its worth, best first.

        Equals stay in screen order.
        """
        memory = self.start(seed=0)
        self.replay(memory, question.memory)
        return self.ranked(memory, question.observation)

    def ranked(self, memory: SessionMemory, observation: Observation) -> list[Ranked]:
        """The same of a session that was replayed; the screen counts as seen."""
        offered = candidates(observation)
        logits_NC = self.scores([memory], [observation]).logits
        assert logits_NC is not None
        scores_C = _log_softmax(logits_NC.numpy()[0, : len(offered)].astype(np.float64))
        order = np.argsort(-scores_C, kind="stable")
        worth_C = [self._stands_for(float(figure)) for figure in memory.worth]
        return [Ranked(offered[i], float(scores_C[i]), worth_C[i]) for i in order]

    def _stands_for(self, worth: float) -> float:
        # A figure that is no number must not pass for a worth of nothing.
        known = self.calibration is not None and math.isfinite(worth)
        return self.calibration.worth(worth) if known else worth  # type: ignore[union-attr]

    def replay(self, memory: SessionMemory, steps: Iterable[Remembered]) -> None:
        """See the screens and note the actions, as if the policy had chosen them itself."""
        for step in steps:
            self.scores([memory], [step.observation])
            _chose(memory, step)


class SessionRanker:
    """Answers questions in JSON, each as `Ranker.rank` does, and goes on with sessions it knows.

    A session is known again by its text: it begins with what was told with an earlier question, and
    the first step after that is on the screen which was asked about. Any other is read from its
    start. Threads may ask at once; their questions are answered one after the other, for what a
    policy has met is numbered in the order of its coming.
    """

    def __init__(self, ranker: Ranker) -> None:
        self.ranker = ranker
        self._kept: OrderedDict[Asked, Kept] = OrderedDict()
        self._lock = Lock()

    def answer(self, observation: str, session: str = "[]") -> list[Ranked]:
        """Rank the actions on a screen.

        Args:
            observation: the screen, as `wire.to_json` writes it.
            session: the steps before it, as `wire.memory_to_json` does.

        Raises:
            RequestError: the question is ill-formed.
        """
        screen = read_observation(observation)
        text = session.rstrip(JSON_SPACE)
        told = text.removesuffix("]").encode(errors="surrogatepass")
        with self._lock:
            kept = self._known(told) if text.endswith("]") else None
            if kept is None:
                steps = read_memory(session)
                kept = Kept(self.ranker.start(seed=0), len(steps))
                self.ranker.replay(kept.memory, steps)
            ranked = self.ranker.ranked(kept.memory, screen)
            self._keep(Asked((len(told), blake2b(told).digest()), screen), kept)
        return ranked

    def _keep(self, asked: Asked, kept: Kept) -> None:
        self._kept[asked] = kept
        self._kept.move_to_end(asked)
        # The question counts as a step: its screen is remembered.
        while sum(1 + each.steps for each in self._kept.values()) > KEPT_STEPS:
            self._kept.popitem(last=False)

    def _known(self, told: bytes) -> Kept | None:
        """The session of an earlier question, with the steps since then."""
        for begun in self._begun(told):
            since = _told_since(begun[0], told)
            screen = first_observation(since)
            if screen is None or (asked := Asked(begun, screen)) not in self._kept:
                continue
            # What is ill-formed is told by whoever reads the session from its start.
            with suppress(RequestError):
                first, *more = read_memory(f"[{since}]")
                count = self._kept[asked].steps + 1 + len(more)
                if count <= MAX_REMEMBERED:
                    memory = self._kept.pop(asked).memory
                    _chose(memory, first)
                    self.ranker.replay(memory, more)
                    return Kept(memory, count)
        return None

    def _begun(self, told: bytes) -> list[tuple[int, bytes]]:
        """What was told earlier of which this is a continuation, the longest first."""
        kept = {asked.told for asked in self._kept}
        found, digest, at = [], blake2b(), 0
        for length in sorted({length for length, _ in kept if length < len(told)}):
            digest.update(told[at:length])
            at = length
            if (begun := (length, digest.digest())) in kept:
                found.append(begun)
        return found[::-1]


def _told_since(length: int, told: bytes) -> str:
    """The steps that were told after so many bytes, in JSON; nothing where none can follow."""
    since = told[length:].decode(errors="surrogatepass").lstrip(JSON_SPACE)
    if told[:length].strip(JSON_SPACE.encode()) == b"[":
        return since
    return since[1:].lstrip(JSON_SPACE) if since.startswith(",") else ""


def load_ranker(path: Path | str) -> Ranker:
    """A ranker over what `save_pretrained` wrote, calibrated where the model is.

    Raises:
        OSError: it is no model.
        EvaluationError: its calibration is ill-formed.
    """
    from transformers.utils.logging import disable_progress_bar

    from jamel.model.modeling import JamelModel

    disable_progress_bar()
    ranker = Ranker(JamelModel.from_pretrained(str(path)))
    ranker.calibration = read_calibration(Path(path))
    return ranker


def example_questions() -> list[Question]:
    """Three fixed screens of a session: enough to tell two models apart, and to need the memory."""
    home = _screen(".Main", ("Notes", "Settings", "About"))
    notes = _screen(".Notes", ("Add", "Search", "Sort"), field=True)
    first = Remembered(home, Action(ActionKind.TAP, 0))
    second = Remembered(notes, Action(ActionKind.BACK))
    return [Question(home), Question(notes, (first,)), Question(home, (first, second))]


def _screen(activity: str, labels: Sequence[str], field: bool = False) -> Observation:
    elements = [_element("Button", label, 200 * index) for index, label in enumerate(labels)]
    if field:
        elements.append(_element("EditText", "", 1200))
    return Observation("com.example", activity, tuple(elements), (1080, 1920))


def _element(widget: str, label: str, top_px: int) -> Element:
    return Element(
        cls=f"android.widget.{widget}",
        text=label,
        resource_id=f"com.example:id/{label.lower() or 'field'}",
        content_desc="",
        bounds_px=(0, top_px, 1080, top_px + 180),
        clickable=True,
        long_clickable=False,
        scrollable=False,
        checkable=False,
        checked=False,
        enabled=True,
        focused=False,
        selected=False,
        password=False,
        parent=-1,
    )


def _chose(memory: SessionMemory, step: Remembered) -> None:
    """Note what was done on the screen seen last; what nobody offered there is passed over."""
    choice = _place(candidates(step.observation), step.action)
    if choice is not None:
        memory.chose(choice)
        memory.tracker.note_executed(step.executed)


def _place(offered: Sequence[Action], action: Action) -> int | None:
    """The candidate that was done; typing any other text counts as typing into that field."""
    if action in offered:
        return offered.index(action)
    alike = (index for index, item in enumerate(offered) if item[:2] == action[:2])
    return next(alike, None)


def _log_softmax(logits_C: np.ndarray) -> np.ndarray:
    shifted = logits_C - logits_C.max()
    return shifted - np.log(np.exp(shifted).sum())
