"""Numbers from observations: what changes them and what must not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jamel.envs.base import candidates
from jamel.model.configuration import JamelConfig
from jamel.model.memory import Past, choose_reads
from jamel.model.processing import (
    ACTION_SKETCH_SIZE,
    SKETCH_SIZE,
    Featurizer,
    Screen,
    subtree_labels,
)
from jamel.types import Element, Observation


def element(text: str, cls: str = "Button", parent: int = -1, top: int = 0) -> Element:
    flags = (cls == "Button", False, False, False, False, True, False, False, False)
    return Element(cls, text, "app:id/row", "", (0, top, 500, top + 100), *flags, parent)


def screen(featurizer: Featurizer, *elements: Element):
    observation = Observation("app", "app.Main", elements, (1000, 2000))
    return featurizer.screen(observation, candidates(observation))


def test_a_clock_or_a_counter_does_not_change_a_screen() -> None:
    featurizer = Featurizer(64)
    before = screen(featurizer, element("Inbox (3)"), element("12:41", "TextView"))
    after = screen(featurizer, element("Inbox (12)"), element("12:42", "TextView"))
    assert before.key == after.key
    assert np.array_equal(before.widget, after.widget)
    assert np.allclose(before.sketch, after.sketch)


def test_labels_come_from_below() -> None:
    elements = [element(""), element("Milk", "TextView", 0), element("2 l", "TextView", 0)]
    assert subtree_labels(elements)[0] == "Milk 2 l"


def test_hashes_do_not_depend_on_the_process() -> None:
    shown = screen(Featurizer(64), element("Apples"))
    assert shown.widget.tolist() == screen(Featurizer(64), element("Apples")).widget.tolist()
    assert int(shown.widget[0]) == 2485375657


def past_of(sketches: np.ndarray, actions: np.ndarray) -> tuple[Past, Callable[..., Screen]]:
    """Steps on screens with these sketches, and a maker of screens to decide on."""
    none = np.zeros(1, np.int64)

    def screen(sketch: np.ndarray, action: np.ndarray) -> Screen:
        return Screen(0, 0, none, none, sketch, action[None], none, none, 0)

    past = Past()
    for sketch, action in zip(sketches, actions, strict=True):
        past.add(screen(sketch, action), 0)
    return past, screen


def test_reads_are_the_last_the_most_similar_and_those_that_did_alike() -> None:
    config = JamelConfig(width=16, heads=2, memory_recent=2, memory_similar=1, memory_alike=1)
    sketches = np.eye(6, SKETCH_SIZE, dtype=np.float32)
    actions = np.eye(6, ACTION_SKETCH_SIZE, dtype=np.float32)
    past, screen = past_of(sketches, actions)
    reads, facts = choose_reads(config, past, screen(sketches[1], actions[2]))
    assert reads.tolist() == [5, 4, 1, 2]
    assert facts[2, 1] == 1.0 and facts[0, 0] < facts[2, 0]


def test_a_step_on_a_similar_screen_is_not_read_twice() -> None:
    config = JamelConfig(width=16, heads=2, memory_recent=2, memory_similar=1, memory_alike=1)
    sketches = np.eye(6, SKETCH_SIZE, dtype=np.float32)
    actions = np.eye(6, ACTION_SKETCH_SIZE, dtype=np.float32)
    past, screen = past_of(sketches, actions)
    reads, _ = choose_reads(config, past, screen(sketches[1], actions[1]))
    assert sorted(reads.tolist()) == sorted(set(reads.tolist())) and len(reads) == 4


def test_raw_history_reads_every_part_of_a_step() -> None:
    config = JamelConfig(width=16, heads=2, memory="append", raw_history=True)
    sketches = np.eye(3, SKETCH_SIZE, dtype=np.float32)
    past, screen = past_of(sketches, np.eye(3, ACTION_SKETCH_SIZE, dtype=np.float32))
    reads, facts = choose_reads(config, past, screen(sketches[0], np.zeros(ACTION_SKETCH_SIZE)))
    assert reads.tolist() == [6, 7, 8, 3, 4, 5, 0, 1, 2]
    assert facts[6:, 1].tolist() == [1.0] * 3
