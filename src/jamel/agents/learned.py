"""The model's agent: screens and the session's memory in, one action out.

Knows the trained model and what the agent itself saw and did; never coverage. Several sessions can
be stepped at once through `ModelPolicy.act`, which decides for all of them in one forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from jamel.agents.base import MemoryUse, weights_digest, written_ns
from jamel.envs.base import candidates
from jamel.model.batching import screen_batch
from jamel.model.configuration import GRAPH_INPUTS, READ_FACTS, JamelConfig
from jamel.model.modeling import JamelModel, JamelOutput, StateReader
from jamel.model.processing import Featurizer, FloatArray, Screen
from jamel.model.tracking import SessionTracker, Sight
from jamel.types import Action, Observation

MAX_WORTH = 7.0
"""Of what the model can say a candidate is worth, as log(1 + new probes)."""


@dataclass(slots=True)
class Pending:
    """The embeddings of the last decision's action and screen, until its outcome is seen."""

    action_D: FloatArray
    summary_D: FloatArray


@dataclass(slots=True)
class Seen:
    """The screen seen last and its embeddings."""

    screen: Screen
    candidates_CD: FloatArray
    summary_D: FloatArray


class SessionMemory:
    """What one session's agent remembers: its tracker, its tokens, its own randomness.

    `tokens_memory` and `tokens_screen` say what the last decision read; `novelty` (C,) is the
    chance that each candidate of its screen reached new code, and `worth` (C,) the new probes it
    leads to, discounted.
    """

    def __init__(self, config: JamelConfig, seed: int) -> None:
        self.tracker = SessionTracker(config)
        self.tokens = np.zeros((128, config.width), np.float32)
        self.count = 0
        self.state: torch.Tensor | None = None
        self.seen: Seen | None = None
        self.pending: Pending | None = None
        self.generator = np.random.default_rng([seed & 0xFFFFFFFF, 7])
        self.tokens_memory = 0
        self.tokens_screen = 0
        self.novelty = np.zeros(0, np.float32)
        self.worth = np.zeros(0, np.float32)

    def chose(self, candidate: int) -> None:
        """Note which candidate of the screen seen last was chosen."""
        assert self.seen is not None, "a screen is seen before an action is chosen"
        self.tracker.chose(self.seen.screen, candidate)
        self.pending = Pending(self.seen.candidates_CD[candidate], self.seen.summary_D)

    def append(self, tokens_PD: FloatArray) -> None:
        """Remember one more step, of one or more tokens."""
        end = self.count + len(tokens_PD)
        if end > len(self.tokens):
            self.tokens = np.concatenate([self.tokens, np.zeros_like(self.tokens)])
        self.tokens[self.count : end] = tokens_PD
        self.count = end


class ModelPolicy:
    """A trained model that decides for any number of sessions at once.

    Args:
        model: the trained model.
        temperature: of sampling among the candidates.
        memory: what is done to the memory.
    """

    def __init__(
        self,
        model: JamelModel,
        temperature: float = 0.3,
        memory: MemoryUse = "normal",
    ) -> None:
        self.model = model.eval()
        self.temperature = temperature
        self.memory = memory
        self.featurizer = Featurizer(model.config.hash_buckets)

    @classmethod
    def load(
        cls, path: Path, temperature: float = 0.3, memory: MemoryUse = "normal"
    ) -> ModelPolicy:
        """Load what `train` saved; the weights are shared by all policies of a process."""
        return cls(_loaded(str(path), written_ns(Path(path))), temperature, memory)

    def start(self, seed: int) -> SessionMemory:
        """The memory of a new session."""
        return SessionMemory(self.model.config, seed)

    def act(
        self, memories: Sequence[SessionMemory], observations: Sequence[Observation]
    ) -> list[Action]:
        """Choose one action for each session and note it in its memory."""
        offered = [candidates(observation) for observation in observations]
        output, screens, embedded = self._look(memories, observations, offered)
        logits_NC = output.logits.numpy()
        actions = []
        for index, (memory, screen) in enumerate(zip(memories, screens, strict=True)):
            logits_C = logits_NC[index, : len(screen.rows)]
            choice = _sample(logits_C, self.temperature, memory.generator)
            memory.seen = Seen(screen, embedded[0][index], embedded[1][index])
            memory.chose(choice)
            actions.append(offered[index][choice])
        return actions

    def scores(
        self, memories: Sequence[SessionMemory], observations: Sequence[Observation]
    ) -> JamelOutput:
        """What the model says of every candidate. Counts as seeing the screens: `note` follows."""
        offered = [candidates(observation) for observation in observations]
        output, screens, embedded = self._look(memories, observations, offered)
        for index, memory in enumerate(memories):
            memory.seen = Seen(screens[index], embedded[0][index], embedded[1][index])
        return output

    def note(
        self, memory: SessionMemory, observation: Observation, action: Action, executed: bool
    ) -> None:
        """Remember what was done on the screen that `scores` saw last, by whomever."""
        actions = candidates(observation)
        memory.chose(actions.index(action) if action in actions else len(actions) - 2)
        memory.tracker.note_executed(executed)

    @torch.inference_mode()
    def _look(
        self,
        memories: Sequence[SessionMemory],
        observations: Sequence[Observation],
        offered: Sequence[list[Action]],
    ) -> tuple[JamelOutput, list[Screen], tuple[FloatArray, FloatArray]]:
        seen = zip(observations, offered, strict=True)
        screens = [self.featurizer.screen(observation, actions) for observation, actions in seen]
        batch = screen_batch(screens, self.featurizer.rows)
        candidates_NCD, summary_ND = self.model.encode(batch)
        embedded = candidates_NCD.numpy(), summary_ND.numpy()
        sights = [m.tracker.see(screen) for m, screen in zip(memories, screens, strict=True)]
        self._remember(memories, sights, embedded[1])
        graph, tokens, read, facts = self._inputs(memories, sights, batch["present"].shape[1])
        state = self._states(memories)
        output = self.model.decide(
            candidates_NCD, summary_ND, batch["present"], graph, tokens, read, facts, state
        )
        for index, (memory, screen) in enumerate(zip(memories, screens, strict=True)):
            memory.tokens_memory = int((read[index] >= 0).sum()) if state is None else self._slots
            memory.tokens_screen = len(screen.rows) + 1
            memory.novelty = torch.sigmoid(output.novel[index, : len(screen.rows)]).numpy()
            memory.worth = _rounded(output.worth[index, : len(screen.rows)].numpy())
            self._expect(memory, screen)
        return output, screens, embedded

    def _expect(self, memory: SessionMemory, screen: Screen) -> None:
        """What candidates are thought to be worth is remembered as the tokens are."""
        if self.memory == "normal":
            memory.tracker.expect(screen, memory.worth)
        elif self.memory == "shuffled":
            memory.tracker.expect(screen, memory.generator.permutation(memory.worth))

    def _remember(
        self,
        memories: Sequence[SessionMemory],
        sights: Sequence[Sight],
        after_ND: FloatArray,
    ) -> None:
        """Write the tokens of the steps that ended with these screens."""
        config = self.model.config
        ended = [i for i, memory in enumerate(memories) if memory.pending is not None]
        if not ended or config.memory == "none":
            return
        steps = [memories[i].pending for i in ended]
        tokens = self.model.write(
            torch.from_numpy(np.stack([step.action_D for step in steps if step])),
            torch.from_numpy(np.stack([step.summary_D for step in steps if step])),
            torch.from_numpy(after_ND[ended]),
            torch.from_numpy(np.stack([f for s in sights if (f := s.flags) is not None])),
        ).unflatten(0, (-1, config.tokens_per_step))
        for index, tokens_PD in zip(ended, tokens, strict=True):
            memories[index].pending = None
            if isinstance(self.model.reader, StateReader):
                state = memories[index].state
                state = self.model.reader.start(1) if state is None else state
                memories[index].state = self.model.reader.absorb(state, tokens_PD)
            else:
                memories[index].append(tokens_PD.numpy())

    @property
    def _slots(self) -> int:
        """The size of a state memory, in tokens."""
        reader = self.model.reader
        assert isinstance(reader, StateReader), "only a state memory has slots"
        return reader.start(1).numel() // self.model.config.width

    def _states(self, memories: Sequence[SessionMemory]) -> torch.Tensor | None:
        """(N, H, F, V) what a state memory holds; None for memories of tokens."""
        reader = self.model.reader
        if not isinstance(reader, StateReader):
            return None
        states = []
        for memory in memories:
            state = None if self.memory == "zeroed" else memory.state
            state = reader.start(1) if state is None else state
            if self.memory == "shuffled":
                state = state[:, :, memory.generator.permutation(reader.features)]
            states.append(state)
        return torch.cat(states)

    def _inputs(
        self, memories: Sequence[SessionMemory], sights: Sequence[Sight], size: int
    ) -> tuple[torch.Tensor, ...]:
        count = len(sights)
        stateful = isinstance(self.model.reader, StateReader)
        idle = stateful or self.memory == "zeroed"
        most = 0 if idle else max(len(sight.reads) for sight in sights)
        graph = np.zeros((count, size, GRAPH_INPUTS), np.float32)
        read = np.full((count, most), -1, np.int64)
        facts = np.zeros((count, most, READ_FACTS), np.float32)
        tokens = np.zeros((count * most, self.model.config.width), np.float32)
        for index, (memory, sight) in enumerate(zip(memories, sights, strict=True)):
            graph[index, : len(sight.graph)] = sight.graph
            if not most:
                continue
            reads = sight.reads
            if self.memory == "shuffled":
                reads = memory.generator.integers(0, memory.count, len(reads))
            places = slice(index * most, index * most + len(reads))
            tokens[places] = memory.tokens[reads]
            read[index, : len(reads)] = np.arange(places.start, places.stop)
            facts[index, : len(reads)] = sight.facts
        return tuple(torch.from_numpy(part) for part in (graph, tokens, read, facts))


class ModelAgent:
    """One session at a time through a `ModelPolicy`; see `agents.base.Agent`."""

    name = "jamel"

    def __init__(self, path: Path, temperature: float = 0.3, memory: MemoryUse = "normal") -> None:
        self.policy = ModelPolicy.load(Path(path), temperature, memory)
        self.version = f"{weights_digest(Path(path))}-{memory}-t{temperature:g}"
        self.memory = self.policy.start(0)

    @property
    def tokens_memory(self) -> int:
        """Memory tokens that the last decision read."""
        return self.memory.tokens_memory

    @property
    def tokens_screen(self) -> int:
        """Candidates and the summary of the last decision's screen."""
        return self.memory.tokens_screen

    @property
    def novelty(self) -> FloatArray:
        """(C,) the chance that each candidate of the last decision's screen reached new code."""
        return self.memory.novelty

    @property
    def worth(self) -> FloatArray:
        """(C,) the new probes, discounted, that each candidate was said to lead to."""
        return self.memory.worth

    def reset(self, session_seed: int) -> None:
        """Forget everything and start a session."""
        self.memory = self.policy.start(session_seed)

    def act(self, observation: Observation) -> Action:
        """Sample an action at the policy's temperature."""
        return self.policy.act([self.memory], [observation])[0]

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        """Note whether the action was executed; the screen is read when it is acted on."""
        self.memory.tracker.note_executed(executed)


def _rounded(worth_C: FloatArray) -> FloatArray:
    """New probes of log(1 + probes), as exact as they are recorded with the session."""
    return np.expm1(worth_C.clip(0, MAX_WORTH)).round(2).astype(np.float32)


def _sample(logits_C: FloatArray, temperature: float, generator: np.random.Generator) -> int:
    scaled = (logits_C - logits_C.max()).astype(np.float64) / max(temperature, 1e-6)
    chances = np.exp(scaled)
    return int(generator.choice(len(chances), p=chances / chances.sum()))


@lru_cache(maxsize=8)
def _loaded(path: str, written_ns: int) -> JamelModel:
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    model: JamelModel = JamelModel.from_pretrained(path)
    return model.eval()
