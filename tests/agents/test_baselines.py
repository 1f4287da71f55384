"""The agents without learning: valid, repeatable, better than chance on a tiny app, and fast."""

import pytest

from jamel.agents import MODEL_AGENTS, OTHER_MODELS, SIMPLE_AGENTS, Agent, arm_of, make_agent
from jamel.agents.graph import labels_of, screen_key, widget_key
from jamel.config import AgentsConfig
from jamel.envs.android import make_env
from jamel.envs.base import candidates
from jamel.errors import ConfigError
from jamel.rollout import rollout
from jamel.suites import app_spec
from jamel.types import NO_ACTION, Action, ActionKind, Observation
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
        if name != "monkey":
            assert step.action in candidates(step.observation)


@pytest.mark.parametrize(("name", "budget"), [("frontier", 20), ("planner", 20), ("fastbot", 60)])
def test_finds_every_screen_of_a_tiny_app(name, budget):
    for seed in range(5):
        assert explore(name, seed, budget).transitions()[-1].covered == TinyEnv.total_probes


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
    for name in set(SIMPLE_AGENTS) - {"monkey"}:
        agent = make_agent(name)
        agent.reset(0)
        for _ in range(5):
            assert agent.act(empty).kind in (ActionKind.BACK, ActionKind.RESTART)
            agent.observe_result(empty, executed=True)


def test_settings_change_choices_and_the_version_and_defaults_do_not():
    for name, changed in {
        "planner": {"planner": {"power": 0.1, "alike": 0.0}},
        "frontier": {"frontier": {"tried": "anywhere"}},
        "least-tried": {"least_tried": {"tried": "anywhere"}},
        "fastbot": {"fastbot": {"temperature": 10.0, "epsilon": 0.5}},
        "monkey": {"monkey": {"tap": 0, "swipe": 0, "long_press": 0}},
    }.items():
        usual, other = make_agent(name), make_agent(name, settings=AgentsConfig(**changed))
        assert usual.version == make_agent(name, settings=AgentsConfig()).version
        assert usual.version != other.version
        assert actions(usual) != actions(other), name


def actions(agent: Agent) -> list[Action]:
    env = make_env(app_spec("valid/0"))
    session = rollout(agent, env, seed=0, budget=60, session_id="a", suite="valid")
    return [step.action for step in session.transitions()]


def test_a_monkey_touches_anywhere_and_every_event_is_a_step():
    env = make_env(app_spec("valid/1"))
    session = rollout(make_agent("monkey"), env, seed=0, budget=300, session_id="a", suite="valid")
    steps = session.transitions()
    touched = [step.action for step in steps if step.action.touch_px]
    width, height = steps[0].observation.size_px
    assert len(steps) == 300 and len(touched) > 200
    assert all(0 <= action.touch_px[0] < width for action in touched)
    assert len({action.touch_px for action in touched}) > 200
    assert max(action.touch_px[1] for action in touched) > height // 2
    assert {step.action.kind for step in steps} >= {ActionKind.SCROLL_DOWN, ActionKind.BACK}
    unheard = [step for step in steps if not step.executed]
    assert unheard and all(step.action == NO_ACTION for step in unheard)


def test_fastbot_prefers_what_leads_to_activities_seen_seldom():
    agent = make_agent(
        "fastbot",
        settings=AgentsConfig(fastbot={"epsilon": 0, "alpha": 1e-9, "temperature": 0.001}),
    )
    agent.reset(0)
    hub = Observation("p", "hub", (element("often"), element("seldom")), (1, 1))
    led = {0: "hub", 1: "rare", -1: "hub"}
    went = []
    for _ in range(40):
        action = agent.act(hub)
        went.append(action.element)
        agent.observe_result(hub._replace(activity=led[action.element], elements=()), True)
    assert sorted(went[:2]) == [0, 1]
    assert went[4:12].count(1) > 4, "until it was seen as often"


def test_unknown_names_and_missing_models_are_sentences(tmp_path):
    with pytest.raises(ConfigError, match="one of random"):
        make_agent("nobody")
    with pytest.raises(ConfigError, match="needs a trained model"):
        make_agent("jamel")
    with pytest.raises(ConfigError, match="needs a trained model"):
        make_agent("jamel", tmp_path / "none")


def test_every_trained_arm_can_act_and_an_ablation_runs_jamels_model():
    from jamel.model.configuration import ARMS

    assert set(ARMS) | set(OTHER_MODELS) == {arm_of(name) for name in MODEL_AGENTS}
    assert arm_of("zeroed-memory") == arm_of("shuffled-memory") == "jamel"
    assert arm_of("planner") == "planner"
