"""The compact model's configuration: sizes, switches for ablation, and where they come from.

Knows nothing of tensors or files; `save_pretrained` writes it beside the weights.
"""

from __future__ import annotations

from typing import Any, Literal

from transformers import PretrainedConfig

from jamel.config import LabelKind, ModelConfig

Objective = LabelKind | Literal["prefix"]
"""What the policy is trained for: the labels' kind, or the paper's imitation of prefixes."""

GRAPH_INPUTS = 58
"""How many numbers `SessionGraph.inputs` yields for each candidate."""

NUMERIC_INPUTS = 27
"""How many numbers the featurizer yields for each candidate beside its hashed words."""

STEP_FLAGS = 4
"""executed, screen changed, screen before seen before, screen after seen before."""

READ_FACTS = 2
"""What is known of a memory token beside it: its age and its similarity to the screen."""

_PAPER = {
    "memory": "append",
    "frozen_memory": True,
    "graph_inputs": False,
    "action_residual": False,
    "tied_query_key": False,
}
ARMS: dict[str, dict[str, Any]] = {
    "jamel": {},
    "no-memory": {"memory": "none", "graph_inputs": False},
    "graph-no-memory": {"memory": "none"},
    "memory-no-graph": {"graph_inputs": False},
    "append-memory": {"memory": "append"},
    "state-memory": {"memory": "state"},
    "raw-history": {"memory": "append", "raw_history": True},
    "frozen-memory": {"frozen_memory": True},
    "jamel-paper": _PAPER,
}
"""What each trained arm changes in the profile's `model` section."""

OBJECTIVES: dict[str, Objective] = {"jamel-paper": "prefix"}
"""What arms are trained for that do not follow the labels' kind."""


class JamelConfig(PretrainedConfig):
    """Sizes and switches of `JamelModel`.

    Args:
        width: the embedding size D.
        heads: attention heads H; divides `width`.
        hash_buckets: rows of the hashed word table.
        memory: "similarity" (the last `memory_recent` past steps, the `memory_similar` on the most
            similar screens and the `memory_alike` whose action is most like one offered now),
            "append" (every past step), "state" (every past step, summed up in a state of fixed
            size) or "none".
        state_features: features F of each head's state.
        raw_history: remember the parts of a step as they are, three tokens in place of one.
        frozen_memory: no gradient reaches the memory tokens (the paper's setting).
        graph_inputs: feed the numbers of the agent's own session graph.
        expectations: remember in the graph what candidates were thought to be worth, and look it up
            behind those that lead there; without a memory it is not remembered.
        action_residual: add the chosen action's embedding to its memory token unprojected.
        tied_query_key: initialise the memory's key projection with its query projection.
    """

    model_type = "jamel-compact"

    def __init__(
        self,
        width: int = 96,
        heads: int = 4,
        hash_buckets: int = 4096,
        memory: str = "similarity",
        memory_recent: int = 8,
        memory_similar: int = 24,
        memory_alike: int = 0,
        state_features: int = 32,
        raw_history: bool = False,
        frozen_memory: bool = False,
        graph_inputs: bool = True,
        expectations: bool = True,
        action_residual: bool = True,
        tied_query_key: bool = True,
        **kwargs: Any,
    ) -> None:
        if width % heads:
            raise ValueError(f"heads must divide width, got {heads} heads and width {width}")
        self.width = width
        self.heads = heads
        self.hash_buckets = hash_buckets
        self.memory = memory
        self.memory_recent = memory_recent
        self.memory_similar = memory_similar
        self.memory_alike = memory_alike
        self.state_features = state_features
        self.raw_history = raw_history
        self.frozen_memory = frozen_memory
        self.graph_inputs = graph_inputs
        self.expectations = expectations
        self.action_residual = action_residual
        self.tied_query_key = tied_query_key
        super().__init__(**kwargs)

    @property
    def tokens_per_step(self) -> int:
        """How many memory tokens a past step becomes."""
        return 3 if self.raw_history else 1

    @classmethod
    def from_section(cls, section: ModelConfig, arm: str = "jamel") -> JamelConfig:
        """The configuration of one arm of a profile; raises ValueError for an unknown arm."""
        if arm not in ARMS:
            raise ValueError(f"unknown arm '{arm}'; the arms are {', '.join(sorted(ARMS))}")
        return cls(**{**section.model_dump(), **ARMS[arm]})
