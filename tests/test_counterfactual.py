"""Labels with remembered effects against labels for which every try is made."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.agents import make_agent
from jamel.config import LabelConfig
from jamel.counterfactual import label_session
from jamel.envs.android import make_env
from jamel.oracles import make_oracle
from jamel.rollout import rollout
from jamel.suites import app_spec
from jamel.types import Session
from jamel.virtual_device.apps import App, AppSpec, build_app
from tests.plain_labels import plain_labels

SPECS = st.builds(
    build_app,
    st.integers(0, 30),
    noise=st.sampled_from(("none", "real", "heavy")),
    new_kinds=st.booleans(),
)


def session_of(spec: AppSpec, agent: str, seed: int, steps: int) -> Session:
    """A session; the oracle finds crashes, others turn in circles."""
    env = make_env(spec)
    try:
        env.reset(seed=0, options={"new_session": True})
        simple = not agent.startswith("oracle")
        acts = make_agent(agent) if simple else make_oracle(agent, env, LabelConfig())
        return rollout(acts, env, seed=seed, budget=steps, session_id="a", suite="train")
    finally:
        env.close()


@settings(max_examples=25)
@given(
    SPECS,
    st.sampled_from(("random", "planner", "oracle-1")),
    st.integers(0, 3),
    st.sampled_from(((1, 0), (1, 4), (2, 4), (2, 4), (3, 1))),
)
def test_labels_are_those_of_trying_everything(
    spec: AppSpec, agent: str, seed: int, depths: tuple[int, int]
) -> None:
    session = session_of(spec, agent, seed, 24)
    config = LabelConfig(lookahead=depths[0], search_depth=depths[1])
    labels = [(item.q, item.novel) for item in label_session(session, App(spec), config)]
    assert labels == plain_labels(session, App(spec), config)


def test_labels_do_not_depend_on_what_was_labelled_before() -> None:
    """Effects are remembered from session to session of one app."""
    spec = app_spec("train@heavy/9")
    sessions = [session_of(spec, "random", seed, 60) for seed in range(3)]
    config = LabelConfig()
    first = [label_session(session, App(spec), config) for session in sessions]
    assert [label_session(s, App(spec), config) for s in reversed(sessions)] == first[::-1]


def test_a_crash_is_looked_through() -> None:
    """After a crash the system's dialog is closed and the app starts anew, for a label as well."""
    spec = build_app(0)
    for seed in range(60):
        spec = build_app(seed, new_kinds=True)
        defects = tuple(replace(feature, defect=True) for feature in spec.features)
        spec = replace(spec, features=defects)
        env = make_env(spec)
        env.reset(seed=0, options={"new_session": True})
        session = rollout(
            make_oracle("oracle-1", env, LabelConfig()), env, seed=0, budget=40,
            session_id="a", suite="train",
        )  # fmt: skip
        crashes = len(env.link.app.crash_log)
        env.close()
        if crashes:
            break
    else:
        raise AssertionError("no session crashed: choose other apps")
    labels = [(item.q, item.novel) for item in label_session(session, App(spec), LabelConfig())]
    assert labels == plain_labels(session, App(spec), LabelConfig())
