"""Which folder holds the model that an agent acts with, on the command line.

Knows the project's layout and asks the registry for the champion alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from jamel.errors import ConfigError
from jamel.layout import SHARED_ARM, Layout

MODEL_FILES = ("config.json", "model.safetensors")


def agent_models(
    names: Iterable[str],
    project: Layout,
    model: Path | None,
    registered: Sequence[str],
    start: str = "",
) -> dict[str, Path | None]:
    """Every agent's model folder, None for agents without one.

    Args:
        names: the agents.
        project: where trained models lie.
        model: the folder for the agent `jamel`, None for the last one that was trained.
        registered: names of registered models; the agent `champion` is that of the first of them
            which has one.
        start: the profile's `rounds.start`, whose model the agent `transferred` acts with.

    Raises:
        ConfigError: an agent is unknown or lacks its model.
    """
    return {name: _agent_model(name, project, model, registered, start) for name in names}


def _agent_model(
    name: str, project: Layout, model: Path | None, registered: Sequence[str], start: str
) -> Path | None:
    from jamel.agents import MODEL_AGENTS, arm_of, known_agents
    from jamel.oracles import ORACLES

    if name not in known_agents() and name not in ORACLES:
        known = ", ".join([*known_agents(), *ORACLES])
        raise ConfigError(f"expected agents, each one of {known}; found '{name}'.")
    if name not in MODEL_AGENTS:
        return None
    if name == "champion":
        return _champion(project, registered)
    if name == "transferred":
        return _start(project, start)
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


def _champion(project: Layout, registered: Sequence[str]) -> Path:
    from jamel import registry

    folders = (registry.champion_dir(project.root, model=name) for name in registered)
    found = next((folder for folder in folders if folder is not None), None)
    if found is None:
        raise ConfigError(
            f"expected a champion of {' or '.join(registered)}, found none. Promote a "
            "version first, or leave 'champion' out of --agents."
        )
    return found


def _start(project: Layout, start: str) -> Path:
    from jamel import registry

    found = registry.start_dir(project.root, start)
    if found is None:
        raise ConfigError(
            f"expected a model in rounds.start that the agent 'transferred' acts with, found "
            f"{start or 'none'!r}. Name one, or leave 'transferred' out of --agents."
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
