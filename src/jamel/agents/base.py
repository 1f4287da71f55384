"""The contract of every agent: reset, act on an observation, be told what came of it.

Knows no environment, no coverage and no learning: an agent never sees what code it reached.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from jamel.config import Section
from jamel.disk import digest_of
from jamel.types import Action, Observation

MemoryUse = Literal["normal", "zeroed", "shuffled"]
"""What a model's agent does to its memory: nothing, read none, or read other steps' tokens."""


def versioned(version: str, settings: Section) -> str:
    """An agent's version with its settings, which are named where they are not the defaults."""
    told = settings.model_dump_json(exclude_defaults=True)
    return version if told == "{}" else f"{version}-{hashlib.sha256(told.encode()).hexdigest()[:6]}"


@runtime_checkable
class Agent(Protocol):
    """One explorer.

    `name` is what tables and session ids show (`planner`); `version` changes whenever the same
    observations may lead to other actions (for a model: a digest of its weights).
    """

    name: str
    version: str

    def reset(self, session_seed: int) -> None:
        """Forget everything and start a session; the same seed gives the same choices."""
        ...

    def act(self, observation: Observation) -> Action:
        """Choose one action on this screen, one of `envs.base.candidates(observation)`."""
        ...

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        """Learn what the last action led to; `executed` is False for an invalid action.

        After an action that ended the episode, `next_observation` is the next episode's first.
        """
        ...


def worth_of(agent: Agent) -> tuple[float, ...]:
    """What the agent thought each candidate was worth when it acted; empty if it does not say."""
    return tuple(np.asarray(getattr(agent, "worth", ()), np.float64).round(2).tolist())


def written_ns(model_dir: Path | None) -> int:
    """When a model's weights were written, 0 without any: what is kept of a model goes by it."""
    weights = Path(model_dir or "") / "model.safetensors"
    return weights.stat().st_mtime_ns if weights.is_file() else 0


def weights_digest(model_dir: Path) -> str:
    """Twelve hex digits of the SHA-256 of a model's weights."""
    return digest_of(Path(model_dir) / "model.safetensors")[:12]
