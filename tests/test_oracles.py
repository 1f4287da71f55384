"""Oracles: they see the coverage, reach more than agents without, and leave the app as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from jamel.agents import make_agent
from jamel.config import LabelConfig, parse_config
from jamel.envs.android import make_env
from jamel.errors import ConfigError
from jamel.evaluate import evaluate
from jamel.oracles import make_oracle
from jamel.rollout import rollout
from jamel.suites import app_spec

STEPS = 25


def covered(name: str, app: str) -> int:
    env = make_env(app_spec(app))
    try:
        env.reset(seed=0, options={"new_session": True})
        simple = not name.startswith("oracle")
        agent = make_agent(name) if simple else make_oracle(name, env, LabelConfig())
        session = rollout(agent, env, seed=1, budget=STEPS, session_id="a", suite="valid")
    finally:
        env.close()
    return session.transitions()[-1].covered


@pytest.mark.parametrize("app", ["valid/0", "valid/1", "valid/2"])
def test_an_oracle_reaches_more_than_random_and_repeats_itself(app: str) -> None:
    first = covered("oracle-2", app)
    assert first > covered("random", app)
    assert first == covered("oracle-2", app)


def test_looking_leaves_the_app_as_it_was() -> None:
    env = make_env(app_spec("valid/3"))
    observation, _ = env.reset(seed=0, options={"new_session": True})
    oracle = make_oracle("oracle-1", env, LabelConfig())
    oracle.reset(0)
    before = env.link.app.state_key(), env.link.app.probe_bytes()
    oracle.act(observation)
    assert (env.link.app.state_key(), env.link.app.probe_bytes()) == before
    env.close()


def test_an_evaluation_names_them_and_a_device_elsewhere_has_none() -> None:
    section = {"suite": "valid", "seeds": (0,), "budget": 10, "apps": 1}
    config = parse_config({"evaluate": section}, "test")
    agents: dict[str, Path | None] = {"random": None, "oracle-1": None}
    results = evaluate(config, agents)
    assert {row["agent"] for row in results["rows"]} == {"random", "oracle-1"}

    class Elsewhere:
        link = object()

    with pytest.raises(ConfigError, match="in process"):
        make_oracle("oracle-1", Elsewhere(), LabelConfig())  # type: ignore[arg-type]
