"""Agents that see the coverage: `oracle-1` and `oracle-2`, the ceiling that others are told by.

An oracle takes the candidate with the highest counterfactual value, looking one or two actions
ahead and searching where that finds nothing. It needs the app itself, so it acts in process only;
nothing is trained on what it does.
"""

from __future__ import annotations

import random

from jamel.config import LabelConfig
from jamel.counterfactual import Search, StateGraph
from jamel.envs.base import candidates
from jamel.envs.linked import LinkedEnv
from jamel.envs.links import InProcessLink
from jamel.errors import ConfigError
from jamel.types import Action, Observation
from jamel.virtual_device.apps import App
from jamel.virtual_device.apps.effects import bits, effects_of

ORACLES = {"oracle-1": 1, "oracle-2": 2}
"""Oracles by how many actions they look ahead."""


class OracleAgent:
    """Greedy on counterfactual values of the app it acts on; ties are broken by the seed."""

    version = "1"

    def __init__(self, name: str, app: App, config: LabelConfig) -> None:
        self.name = name
        self._app = app
        self._config = config.model_copy(update={"lookahead": ORACLES[name]})
        self._graph = StateGraph(effects_of(app.spec))
        self._random = random.Random(0)

    def reset(self, session_seed: int) -> None:
        """Start a session."""
        self._graph.forget()
        self._search = Search(self._graph, self._config)
        self._random = random.Random(session_seed)

    def act(self, observation: Observation) -> Action:
        """The candidate worth most; the app is not touched."""
        app = self._app
        q = self._search.label(self._graph.shown(app), bits(app.probe_bytes())).q
        best = max(q)
        ties = [place for place, value in enumerate(q) if value == best]
        return candidates(observation)[self._random.choice(ties)]

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        """An oracle learns nothing: it looks again."""


def make_oracle(name: str, env: LinkedEnv, config: LabelConfig) -> OracleAgent:
    """An oracle for the app of an environment; raises ConfigError where it has none in process."""
    if not isinstance(env.link, InProcessLink):
        raise ConfigError(
            f"expected an embedded app in process for '{name}', found {type(env.link).__name__}. "
            f"Set device.transport to in_process, or leave '{name}' out of the agents."
        )
    return OracleAgent(name, env.link.app, config)
