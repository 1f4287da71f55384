"""Numbers from observations: what changes them and what must not."""

from __future__ import annotations

import numpy as np

from jamel.envs.base import candidates
from jamel.model.configuration import GRAPH_INPUTS, JamelConfig
from jamel.model.memory import choose_reads
from jamel.model.processing import Featurizer, subtree_labels
from jamel.model.session_graph import SessionGraph
from jamel.types import Element, Observation
from tests.model.sample import recorded


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


def test_reordered_rows_are_the_same_screen_and_keep_their_counts() -> None:
    featurizer, graph = Featurizer(64), SessionGraph()
    first = screen(featurizer, element("Apples"), element("Pears", top=200))
    again = screen(featurizer, element("Pears"), element("Apples", top=200))
    assert first.key == again.key
    graph.visit(first)
    graph.record(first, 0, again)
    graph.visit(again)
    tries = graph.inputs(again)[:, 0]
    assert tries[1] > 0 and tries[0] == 0


def test_labels_come_from_below() -> None:
    elements = [element(""), element("Milk", "TextView", 0), element("2 l", "TextView", 0)]
    assert subtree_labels(elements)[0] == "Milk 2 l"


def test_hashes_do_not_depend_on_the_process() -> None:
    shown = screen(Featurizer(64), element("Apples"))
    assert shown.widget.tolist() == screen(Featurizer(64), element("Apples")).widget.tolist()
    assert int(shown.widget[0]) == 2485375657


def test_graph_inputs_lead_back_to_what_is_untried() -> None:
    featurizer, graph = Featurizer(64), SessionGraph()
    hub = screen(featurizer, element("Open"), element("Empty", top=200))
    rich = screen(featurizer, element("One"), element("Two", top=200), element("Three", top=400))
    graph.visit(hub)
    graph.record(hub, 0, rich)
    graph.visit(rich)
    graph.record(rich, 3, hub)
    graph.visit(hub)
    numbers = graph.inputs(hub)
    assert numbers.shape == (4, GRAPH_INPUTS)
    assert np.isfinite(numbers).all()
    assert numbers[0, 9] > 0 and numbers[1, 9] == 0


def test_graph_inputs_stay_finite_over_a_session() -> None:
    featurizer, graph = Featurizer(64), SessionGraph()
    last = None
    for step in recorded(30):
        actions = candidates(step.observation)
        now = featurizer.screen(step.observation, actions)
        if last is not None:
            graph.record(*last, now)
        graph.visit(now)
        assert np.isfinite(graph.inputs(now)).all()
        last = (now, actions.index(step.action))


def test_reads_are_the_last_and_the_most_similar() -> None:
    config = JamelConfig(width=16, heads=2, memory_recent=2, memory_similar=1)
    sketches = np.eye(6, dtype=np.float32)
    reads, facts = choose_reads(config, sketches, sketches[1])
    assert reads.tolist() == [5, 4, 1]
    assert facts[2, 1] == 1.0 and facts[0, 0] < facts[2, 0]
