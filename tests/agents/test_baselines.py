"""The agents without learning: valid, repeatable, better than chance on a tiny app, and fast."""

import time

import pytest

from jamel.agents import MODEL_AGENTS, SIMPLE_AGENTS, Agent, arm_of, make_agent
from jamel.agents.graph import labels_of, screen_key, widget_key
from jamel.envs.base import candidates
from jamel.errors import ConfigError
from jamel.rollout import rollout
from jamel.types import Action, ActionKind, Observation
from tests.tiny_env import TinyEnv, element


def explore(name: str, seed: int = 0, budget: int = 12):
    return rollout(
        make_agent(name), TinyEnv(), seed=seed, budget=budget, session_id="a", suite="tiny"
    )


@pytest.mark.parametrize("name", SIMPLE_AGENTS)
def test_keeps_the_contract_and_the_seed(name):
    agent = make_agent(name)
    assert isinstance(agent, Agent)
    assert agent.name == name and agent.version
    session = explore(name, seed=5)
    assert session == explore(name, seed=5)
    for step in session.transitions():
        assert step.action in candidates(step.observation)


@pytest.mark.parametrize("name", ["frontier", "planner"])
def test_finds_every_screen_of_a_tiny_app(name):
    for seed in range(5):
        assert explore(name, seed, budget=20).transitions()[-1].covered == TinyEnv.total_probes


def test_screens_are_the_same_but_for_texts_digits_and_order():
    a, b = element("Inbox 12"), element("Sent")
    one = Observation("p", "main", (a, b), (1, 1))
    two = Observation("p", "main", (b, element("Inbox 3")), (1, 1))
    assert screen_key(one) == screen_key(two)
    assert screen_key(one) != screen_key(one._replace(activity="other"))
    assert screen_key(one) != screen_key(one._replace(elements=(a,)))


def test_a_widget_is_called_by_its_own_or_its_childs_text():
    row = element("")._replace(content_desc="")
    child = element("Sent 3")._replace(parent=0, clickable=False)
    assert labels_of((row, child)) == ["Sent 3", "Sent 3"]
    tap = Action(ActionKind.TAP, 0)
    assert widget_key(tap, row, "Sent 3") == widget_key(tap, row, "Sent 4")
    assert widget_key(tap, row, "Sent") != widget_key(tap, row, "Inbox")
    field = element("hello", cls="android.widget.EditText")
    typed = Action(ActionKind.TYPE, 0, "hello")
    assert widget_key(typed, field, "hello") == widget_key(typed._replace(text="12"), field, "")


def test_a_screen_without_elements_still_has_actions():
    empty = Observation("p", "main", (), (1, 1))
    for name in SIMPLE_AGENTS:
        agent = make_agent(name)
        agent.reset(0)
        for _ in range(5):
            assert agent.act(empty).kind in (ActionKind.BACK, ActionKind.RESTART)
            agent.observe_result(empty, executed=True)


def test_a_decision_of_the_planner_is_quick():
    rows = tuple(element(f"row {chr(97 + i)}") for i in range(30))
    screens = [Observation("p", f"screen{i}", rows, (1, 1)) for i in range(60)]
    agent = make_agent("planner")
    agent.reset(0)
    began = time.process_time()
    for i in range(240):
        agent.act(screens[i % 60])
        agent.observe_result(screens[(i + 1) % 60], executed=True)
    assert (time.process_time() - began) / 240 < 0.004


def test_unknown_names_and_missing_models_are_sentences(tmp_path):
    with pytest.raises(ConfigError, match="one of random"):
        make_agent("nobody")
    with pytest.raises(ConfigError, match="needs a trained model"):
        make_agent("jamel")
    with pytest.raises(ConfigError, match="needs a trained model"):
        make_agent("jamel", tmp_path / "none")


def test_every_trained_arm_can_act_and_an_ablation_runs_jamels_model():
    from jamel.model.configuration import ARMS

    assert set(ARMS) | {"champion"} == {arm_of(name) for name in MODEL_AGENTS}
    assert arm_of("zeroed-memory") == arm_of("shuffled-memory") == "jamel"
    assert arm_of("planner") == "planner"
