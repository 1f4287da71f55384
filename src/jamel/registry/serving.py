"""Ranking actions with a saved model, given a screen and a session so far; no state in between.

Knows the model's agent. It is what the served model and the check before registering both run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jamel.agents.learned import ModelPolicy, Pending, SessionMemory
from jamel.calibration import Calibration, read_calibration
from jamel.envs.base import candidates
from jamel.registry.wire import Question, Ranked, Remembered
from jamel.types import Action, ActionKind, Element, Observation


class Ranker(ModelPolicy):
    """A policy that is told the session instead of having lived it."""

    calibration: Calibration | None = None
    """What the model's worth stands for, where that was fitted."""

    def rank(self, question: Question) -> list[Ranked]:
        """Every candidate with its log-probability and its worth, best first.

        Equals stay in screen order.
        """
        memory = self.start(seed=0)
        for step in question.memory:
            self._replay(memory, step)
        offered = candidates(question.observation)
        logits_NC = self.scores([memory], [question.observation]).logits
        assert logits_NC is not None
        scores_C = _log_softmax(logits_NC.numpy()[0, : len(offered)].astype(np.float64))
        order = np.argsort(-scores_C, kind="stable")
        worth_C = [self._stands_for(float(figure)) for figure in memory.worth]
        return [Ranked(offered[i], float(scores_C[i]), worth_C[i]) for i in order]

    def _stands_for(self, worth: float) -> float:
        # A figure that is no number must not pass for a worth of nothing.
        known = self.calibration is not None and math.isfinite(worth)
        return self.calibration.worth(worth) if known else worth  # type: ignore[union-attr]

    def _replay(self, memory: SessionMemory, step: Remembered) -> None:
        """See the screen and note the action, as if the policy had chosen it itself."""
        offered = candidates(step.observation)
        choice = _place(offered, step.action)
        _, screens, embedded = self._look([memory], [step.observation], [offered])
        if choice is None:
            return
        memory.tracker.chose(screens[0], choice, step.executed)
        memory.pending = Pending(embedded[0][0][choice], embedded[1][0])


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


def _place(offered: Sequence[Action], action: Action) -> int | None:
    """The candidate that was done; typing any other text counts as typing into that field."""
    if action in offered:
        return offered.index(action)
    alike = (index for index, item in enumerate(offered) if item[:2] == action[:2])
    return next(alike, None)


def _log_softmax(logits_C: np.ndarray) -> np.ndarray:
    shifted = logits_C - logits_C.max()
    return shifted - np.log(np.exp(shifted).sum())
