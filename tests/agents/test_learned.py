"""The model's agent: determinism, its memory's ablations, what it reports."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from jamel.agents import make_agent
from jamel.agents.base import Agent
from jamel.agents.learned import ModelAgent
from jamel.envs.android import make_env
from jamel.envs.base import candidates
from jamel.model.configuration import JamelConfig
from jamel.model.modeling import JamelModel
from jamel.rollout import rollout
from jamel.suites import app_spec
from jamel.types import Session


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    sizes = {"memory_recent": 2, "memory_similar": 3}
    JamelModel(JamelConfig(width=16, heads=2, hash_buckets=64, **sizes)).save_pretrained(path)
    return path


def explored(agent: Agent, steps: int = 25, seed: int = 0) -> Session:
    env = make_env(app_spec("valid/0"))
    return rollout(agent, env, seed=seed, budget=steps, session_id="s", suite="valid")


def actions(session: Session) -> list:
    return [step.action for step in session.transitions()]


def test_it_chooses_candidates_and_repeats_itself_by_seed(model_dir: Path) -> None:
    agent = ModelAgent(model_dir)
    first = explored(agent)
    assert all(step.action in candidates(step.observation) for step in first.transitions())
    assert actions(explored(agent)) == actions(first)
    assert actions(explored(agent, seed=5)) != actions(first)


def test_it_reports_what_it_read(model_dir: Path) -> None:
    agent = ModelAgent(model_dir)
    explored(agent, steps=3)
    assert agent.tokens_memory == 2 and agent.tokens_screen > 2
    explored(agent, steps=25)
    assert agent.tokens_memory == 5


@pytest.mark.parametrize("name", ["jamel", "zeroed-memory", "shuffled-memory"])
def test_agents_are_made_by_name(name: str, model_dir: Path) -> None:
    agent = make_agent(name, model_dir)
    assert isinstance(agent, Agent) and agent.name == name
    explored(agent, steps=6)
    assert (agent.tokens_memory == 0) == (name == "zeroed-memory")


def test_the_version_names_the_weights(model_dir: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    JamelModel(JamelConfig(width=16, heads=2, hash_buckets=64)).save_pretrained(tmp_path)
    assert ModelAgent(model_dir).version == ModelAgent(model_dir).version
    assert ModelAgent(model_dir).version != ModelAgent(tmp_path).version
