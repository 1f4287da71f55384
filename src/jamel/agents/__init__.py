"""Agents: they act on observations and never see coverage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jamel.agents.base import Agent, MemoryUse, written_ns
from jamel.agents.baselines import FrontierAgent, LeastTriedAgent, PlannerAgent, RandomAgent
from jamel.agents.fastbot import FastbotAgent
from jamel.agents.llm import LlmAgent
from jamel.agents.monkey import MonkeyAgent
from jamel.config import AgentsConfig, PolicyConfig
from jamel.errors import ConfigError

__all__ = [
    "LLM",
    "MODEL_AGENTS",
    "OTHER_MODELS",
    "SIMPLE_AGENTS",
    "Agent",
    "agent_settings",
    "arm_of",
    "changed_settings",
    "kept_agent",
    "known_agents",
    "make_agent",
    "policy_of",
]

SIMPLE_AGENTS: dict[str, Callable[..., Agent]] = {
    agent.name: agent
    for agent in (
        RandomAgent,
        MonkeyAgent,
        LeastTriedAgent,
        FrontierAgent,
        FastbotAgent,
        PlannerAgent,
    )
}
"""Agents without learning, the strongest known one last."""
LLM = LlmAgent.name
MODEL_AGENTS: dict[str, MemoryUse] = {
    "jamel": "normal",
    "champion": "normal",
    "transferred": "normal",
    "no-memory": "normal",
    "graph-no-memory": "normal",
    "memory-no-graph": "normal",
    "append-memory": "normal",
    "state-memory": "normal",
    "raw-history": "normal",
    "jamel-paper": "normal",
    "frozen-memory": "normal",
    "zeroed-memory": "zeroed",
    "shuffled-memory": "shuffled",
}
"""Agents that need a trained model, and what is done to its memory when it acts."""


OTHER_MODELS = ("champion", "transferred")
"""Agents with a jamel model from elsewhere: the registry's, and the one that rounds start from."""


def arm_of(agent: str) -> str:
    """The trained arm whose model an agent runs: jamel's, where its memory is tampered with."""
    return agent if MODEL_AGENTS.get(agent, "normal") == "normal" else "jamel"


def known_agents() -> list[str]:
    """The names that `make_agent` takes."""
    return [*SIMPLE_AGENTS, LLM, *MODEL_AGENTS]


def agent_settings(name: str, settings: AgentsConfig) -> dict[str, Any]:
    """What of the settings one agent reads, as plain data without secrets."""
    section = policy_of(name, settings) if name in MODEL_AGENTS else settings.of(name)
    return section.model_dump(mode="json") if section else {}


def policy_of(name: str, settings: AgentsConfig) -> PolicyConfig:
    """How an agent with a model chooses; one that acts with jamel's model as jamel by default."""
    own = settings.policies.get(name)
    if own is None and (name in OTHER_MODELS or arm_of(name) == "jamel"):
        own = settings.policies.get("jamel")
    return own or settings.policy


def changed_settings(name: str, settings: AgentsConfig) -> dict[str, Any]:
    """The settings of an agent without a model that are not the defaults."""
    section = settings.of(name)
    return section.model_dump(mode="json", exclude_defaults=True) if section else {}


def make_agent(
    name: str,
    model_dir: Path | None = None,
    seed: int = 0,
    settings: AgentsConfig | None = None,
) -> Agent:
    """Build an agent by its name.

    Args:
        name: One of `known_agents`.
        model_dir: A folder written by `save_pretrained`; required for the agents with a model.
        seed: Another seed gives other choices in the same session.
        settings: Of all agents, by default the defaults; each reads its own.

    Raises:
        ConfigError: The name is unknown, or the model or the endpoint is missing.
    """
    settings = settings or AgentsConfig()
    build: Callable[..., Agent] | None = LlmAgent if name == LLM else SIMPLE_AGENTS.get(name)
    if build is not None:
        own = settings.of(name)
        return build(seed) if own is None else build(seed, own)
    if name not in MODEL_AGENTS:
        raise ConfigError(
            f"expected an agent's name, one of {', '.join(known_agents())}; found '{name}'."
        )
    if model_dir is None or not Path(model_dir).is_dir():
        raise ConfigError(
            f"the agent '{name}' needs a trained model, found none at {model_dir}. "
            "Train one with `jamel train`, or choose an agent without a model."
        )
    from jamel.agents import learned

    temperature = policy_of(name, settings).temperature
    agent = learned.ModelAgent(Path(model_dir), temperature, MODEL_AGENTS[name])
    agent.name = name
    return agent


_KEPT: dict[str, Agent] = {}
MOST_KEPT = 16
"""Agents of a process; each remembers screens that it has seen."""


def kept_agent(
    name: str,
    model_dir: Path | None,
    settings: AgentsConfig,
    prepare: Callable[[Agent], None] | None = None,
) -> Agent:
    """This process's agent of that name, model and settings: loading takes longer than a session.

    Args:
        name: as for `make_agent`.
        model_dir: a model whose weights are written anew gives another agent.
        settings: as for `make_agent`.
        prepare: is called with an agent that was made now.

    Raises:
        ConfigError: as `make_agent`.
    """
    own = agent_settings(name, settings)
    key = json.dumps([name, str(model_dir), written_ns(model_dir), own])
    if key not in _KEPT:
        if len(_KEPT) >= MOST_KEPT:
            _KEPT.clear()
        agent = make_agent(name, model_dir, settings=settings)
        if prepare is not None:
            prepare(agent)
        _KEPT[key] = agent
    return _KEPT[key]
