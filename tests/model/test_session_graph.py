"""The session's graph: what counts as the same, and what lies behind a candidate."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jamel.envs.base import candidates
from jamel.model.configuration import GRAPH_INPUTS
from jamel.model.ledger import DISCOUNT, LEDGER_INPUTS, MAX_SWEEPS, WALK, Ledger
from jamel.model.processing import Featurizer, Screen
from jamel.model.session_graph import SessionGraph
from jamel.types import Element, Observation
from tests.model.sample import recorded

TRIES, UNTRIED, KNOWN, BEST_BEHIND, NEAR_BEHIND, FRESH_BEHIND = 0, 1, 2, 5, 6, 7
EXPECTED, EXPECTED_BEHIND, LAST = 10, 11, 14
EXACT, ALIKE, SHAPE = (4 + LEDGER_INPUTS * place for place in range(3))
BACK, RESTART = -2, -1


def button(text: str, top: int = 0, resource_id: str = "app:id/row") -> Element:
    flags = (True, False, False, False, False, True, False, False, False)
    return Element("Button", text, resource_id, "", (0, top, 500, top + 100), *flags, -1)


def screen(featurizer: Featurizer, *labels: str, activity: str = "app.Main") -> Screen:
    elements = tuple(button(label, 200 * place) for place, label in enumerate(labels))
    observation = Observation("app", activity, elements, (1000, 2000))
    return featurizer.screen(observation, candidates(observation))


def test_reordered_rows_are_the_same_screen_and_keep_their_counts() -> None:
    featurizer, graph = Featurizer(64), SessionGraph()
    first, again = screen(featurizer, "Apples", "Pears"), screen(featurizer, "Pears", "Apples")
    graph.visit(first)
    graph.record(first, 0, again)
    assert graph.visit(again)
    tries = graph.inputs(again)[:, EXACT + TRIES]
    assert tries[1] > 0 and tries[0] == 0


def test_a_screen_with_another_label_is_another_one_exactly_and_the_same_by_its_shape() -> None:
    featurizer, graph = Featurizer(64), SessionGraph()
    first, other = screen(featurizer, "Apples", "Pears"), screen(featurizer, "Apples", "Plums")
    graph.visit(first)
    graph.record(first, 1, other)
    assert not graph.visit(other)
    numbers = graph.inputs(other)
    assert numbers[1, EXACT + TRIES] == 0
    assert numbers[1, SHAPE + TRIES] == np.float32(np.log1p(1))


def test_screens_of_other_activities_never_look_alike() -> None:
    featurizer, graph = Featurizer(64), SessionGraph()
    here = screen(featurizer, "Apples", "Pears", "Plums", "Figs", "Dates", "Limes")
    there = screen(
        featurizer, "Apples", "Pears", "Plums", "Figs", "Dates", "Nuts", activity="app.Other"
    )
    beside = screen(featurizer, "Apples", "Pears", "Plums", "Figs", "Dates", "Nuts")
    graph.visit(here)
    graph.record(here, 0, there)
    graph.visit(there)
    assert graph.inputs(there)[0, ALIKE + TRIES] == 0
    graph.record(there, BACK, beside)
    graph.visit(beside)
    assert graph.inputs(beside)[0, ALIKE + TRIES] > 0
    assert graph.inputs(beside)[0, EXACT + TRIES] == 0


def test_inputs_lead_back_to_what_is_untried() -> None:
    featurizer, graph = Featurizer(64), SessionGraph()
    hub, rich = screen(featurizer, "Open", "Empty"), screen(featurizer, "One", "Two", "Three")
    graph.visit(hub)
    graph.record(hub, 0, rich)
    graph.visit(rich)
    graph.record(rich, BACK, hub)
    graph.visit(hub)
    numbers = graph.inputs(hub)
    assert numbers.shape == (4, GRAPH_INPUTS)
    for column in (BEST_BEHIND, NEAR_BEHIND, FRESH_BEHIND):
        assert numbers[0, EXACT + column] > 0 and numbers[1, EXACT + column] == 0
    assert numbers[0, EXACT + FRESH_BEHIND] == np.float32(np.log1p(4))


def test_a_restart_is_known_to_lead_to_the_first_screen() -> None:
    featurizer, graph = Featurizer(64), SessionGraph()
    first, second = screen(featurizer, "Open"), screen(featurizer, "One", "Two")
    graph.visit(first)
    graph.record(first, 0, second)
    graph.visit(second)
    known = graph.inputs(second)[:, EXACT + KNOWN]
    assert known[RESTART] == 1 and known[BACK] == 0


def test_what_was_expected_of_a_screen_is_found_behind_the_way_there() -> None:
    featurizer, graph = Featurizer(64), SessionGraph()
    hub, rich = screen(featurizer, "Open", "Empty"), screen(featurizer, "One", "Two")
    graph.visit(hub)
    graph.expect(hub, np.float32([3, 1, 0, 0]))
    graph.record(hub, 0, rich)
    graph.visit(rich)
    graph.expect(rich, np.float32([0, 8, 0, 0]))
    graph.record(rich, BACK, hub)
    graph.visit(hub)
    numbers = graph.inputs(hub)
    behind = numbers[:, EXACT + EXPECTED_BEHIND]
    assert behind[0] == np.float32(np.log1p(np.float32(WALK * 8))) and behind[1] == 0
    # Nothing is expected of what was tried until its screen is judged again.
    assert numbers[0, EXACT + EXPECTED] == 0 and numbers[1, EXACT + EXPECTED] > 0
    graph.record(hub, 0, rich)
    graph.record(rich, 1, rich)
    graph.visit(hub)
    # What is left there is the way back, to what is still expected here.
    left = graph.inputs(hub)[0, EXACT + EXPECTED_BEHIND]
    assert np.isclose(left, np.log1p(WALK * WALK * 1))


def test_inputs_stay_finite_over_a_session() -> None:
    featurizer, graph = Featurizer(64), SessionGraph()
    last = None
    for step in recorded(30):
        actions = candidates(step.observation)
        now = featurizer.screen(step.observation, actions)
        if last is not None:
            graph.record(*last, now)
        graph.visit(now)
        graph.expect(now, np.ones(len(actions), np.float32))
        assert np.isfinite(graph.inputs(now)).all()
        last = (now, actions.index(step.action))


MOVES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 5), st.integers(0, 9)),
    min_size=1,
    max_size=60,
)


@given(MOVES)
def test_a_ledger_that_keeps_its_sums_says_what_counting_all_again_would(moves: list) -> None:
    """Six nodes of four slots, two of a kind; each move tries one slot and expects something."""
    ledger = Ledger()
    for _ in range(6):
        ledger.add_node()
    slots = [ledger.slots(node, range(4), (0, 0, 1, 2)) for node in range(6)]
    tries, expected, edges = np.zeros((6, 4)), np.zeros((6, 4)), {}
    for step, (node, slot, target, worth) in enumerate(moves):
        ledger.expect(node, slots[node], np.full(4, worth, np.float32))
        expected[node] = worth
        ledger.record(node, int(slots[node][slot]), target, same=False, news=0.0, step=step)
        tries[node, slot] += 1
        expected[node, slot] = 0
        edges[node, slot] = target
    alike = np.stack([tries[:, :2].sum(1), tries[:, :2].sum(1), tries[:, 2], tries[:, 3]], 1)
    own = (1 + tries) ** -6 / (1 + alike)
    best, near, more = own.max(1), (tries == 0).any(1).astype(float), expected.max(1)
    for _ in range(MAX_SWEEPS):
        ahead = [(source, best[to], near[to], more[to]) for (source, _), to in edges.items()]
        for source, value, distance, promised in ahead:
            best[source] = max(best[source], DISCOUNT * value)
            near[source] = max(near[source], DISCOUNT * distance)
            more[source] = max(more[source], WALK * promised)
    for node in range(6):
        columns = np.stack(ledger.inputs(node, slots[node], len(moves)), 1)
        for slot in range(4):
            target = edges.get((node, slot), 0 if slot == 3 else -1)
            assert columns[slot, KNOWN] == (target >= 0)
            found = columns[slot, [TRIES, UNTRIED, BEST_BEHIND, NEAR_BEHIND, EXPECTED_BEHIND]]
            wanted = [np.log1p(tries[node, slot]), tries[node, slot] == 0, 0, 0, 0]
            if target >= 0:
                wanted[2:] = DISCOUNT * best[target], near[target], np.log1p(WALK * more[target])
            assert np.allclose(found, wanted, rtol=1e-4, atol=1e-6)
    assert sum(ledger.inputs(moves[-1][0], slots[moves[-1][0]], len(moves))[LAST]) == 1
