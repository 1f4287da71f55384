"""Agents: they act on observations and never see coverage."""

from __future__ import annotations

from pathlib import Path

from jamel.agents.base import Agent, MemoryUse
from jamel.agents.baselines import FrontierAgent, LeastTriedAgent, PlannerAgent, RandomAgent
from jamel.errors import ConfigError

__all__ = ["MODEL_AGENTS", "SIMPLE_AGENTS", "Agent", "arm_of", "make_agent"]

SIMPLE_AGENTS: dict[str, type[RandomAgent]] = {
    agent.name: agent for agent in (RandomAgent, LeastTriedAgent, FrontierAgent, PlannerAgent)
}
MODEL_AGENTS: dict[str, MemoryUse] = {
    "jamel": "normal",
    "champion": "normal",
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


def arm_of(agent: str) -> str:
    """The trained arm whose model an agent runs: jamel's, where its memory is tampered with."""
    return agent if MODEL_AGENTS.get(agent, "normal") == "normal" else "jamel"


def make_agent(
    name: str, model_dir: Path | None = None, seed: int = 0, temperature: float = 0.3
) -> Agent:
    """Build an agent by its name.

    Args:
        name: One of `SIMPLE_AGENTS` or `MODEL_AGENTS`.
        model_dir: A folder written by `save_pretrained`; required for the agents with a model.
        seed: Another seed gives other choices in the same session.
        temperature: Of sampling; agents without a model have none.

    Raises:
        ConfigError: The name is unknown, or the model is missing.
    """
    if name in SIMPLE_AGENTS:
        return SIMPLE_AGENTS[name](seed)
    if name not in MODEL_AGENTS:
        known = ", ".join([*SIMPLE_AGENTS, *MODEL_AGENTS])
        raise ConfigError(f"expected an agent's name, one of {known}; found '{name}'.")
    if model_dir is None or not Path(model_dir).is_dir():
        raise ConfigError(
            f"the agent '{name}' needs a trained model, found none at {model_dir}. "
            "Train one with `jamel train`, or choose an agent without a model."
        )
    from jamel.agents import learned

    agent = learned.ModelAgent(Path(model_dir), temperature, MODEL_AGENTS[name])
    agent.name = name
    return agent
