"""Which folder holds the model that an agent acts with, on the command line.

Knows the project's layout and asks the registry for the champion alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jamel.errors import ConfigError
from jamel.layout import SHARED_ARM, Layout

MODEL_FILES = ("config.json", "model.safetensors")


def agent_models(
    names: Iterable[str], project: Layout, model: Path | None
) -> dict[str, Path | None]:
    """Every agent's model folder, None for agents without one; raises ConfigError if one lacks."""
    return {name: _agent_model(name, project, model) for name in names}


def _agent_model(name: str, project: Layout, model: Path | None) -> Path | None:
    from jamel.agents import MODEL_AGENTS, arm_of, known_agents
    from jamel.oracles import ORACLES

    if name not in known_agents() and name not in ORACLES:
        known = ", ".join([*known_agents(), *ORACLES])
        raise ConfigError(f"expected agents, each one of {known}; found '{name}'.")
    if name not in MODEL_AGENTS:
        return None
    if name == "champion":
        return _champion(project)
    arm = arm_of(name)
    if model is not None and arm == SHARED_ARM:
        return checked_model(model)
    found = project.last_model(arm)
    if found is None:
        raise ConfigError(
            f"expected a trained model of '{arm}' under {project.made / 'models' / arm}, found "
            f"none. Run jamel train --arm {arm}, or leave '{name}' out of --agents."
        )
    return found


def _champion(project: Layout) -> Path:
    from jamel import registry

    found = registry.champion_dir(project.root)
    if found is None:
        raise ConfigError(
            "expected a champion to evaluate, found none. Promote a version first, or leave "
            "'champion' out of --agents."
        )
    return found


def checked_model(folder: Path) -> Path:
    """The folder if it holds a trained model; raises ConfigError."""
    lacking = [name for name in MODEL_FILES if not (folder / name).is_file()]
    if lacking:
        raise ConfigError(
            f"expected a trained model in {folder}, found no {' and no '.join(lacking)} there. "
            "Name the folder that jamel train wrote, or leave --model out."
        )
    return folder
