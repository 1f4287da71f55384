"""Labelled sessions as arrays, and several of them as the tensors of one update.

Knows no files and no loss: a session's observations and labels come in, arrays go out. Every step
of a session becomes a memory token; only a sample of the steps is a decision, which saves time.

Shapes: T steps of a session, C candidates, M steps of all sessions, N decisions, K reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from jamel.model.batching import Batch, BoolArray, screen_batch
from jamel.model.configuration import GRAPH_INPUTS, READ_FACTS, STEP_FLAGS, JamelConfig
from jamel.model.memory import read_size
from jamel.model.processing import Featurizer, FloatArray, IntArray, Row, Screen
from jamel.model.tracking import SessionTracker
from jamel.types import Action, Observation, Transition

CandidatesOf = Callable[[Observation], list[Action]]


@dataclass(frozen=True, slots=True)
class StepLabels:
    """The labels of one session: `q` and `novel` per step and candidate, the rest per step.

    `prefix`: the step is no later than the last rewarded one of its episode.
    """

    q: Sequence[Sequence[float]]
    novel: Sequence[Sequence[bool]]
    reward: Sequence[float]
    novelty_to_go: Sequence[float]
    prefix: Sequence[bool]


@dataclass(frozen=True, slots=True)
class LabelledSequence:
    """One session of T steps as arrays; `starts` (T + 1,) cuts the flat per-candidate ones."""

    screens: list[Screen]
    chosen: IntArray
    matched: npt.NDArray[np.bool_]
    flags: FloatArray
    reads: IntArray
    facts: FloatArray
    starts: IntArray
    graph: FloatArray
    q: FloatArray
    novel: FloatArray
    labelled: npt.NDArray[np.bool_]
    reward: FloatArray
    to_go: FloatArray
    prefix: FloatArray
    tokens_per_step: int = 1

    def __len__(self) -> int:
        return len(self.screens)


def sequence(
    config: JamelConfig,
    featurizer: Featurizer,
    transitions: Sequence[Transition],
    labels: StepLabels,
    candidates_of: CandidatesOf,
    limit: int | None = None,
) -> LabelledSequence:
    """Replay a session's first `limit` steps; raises ValueError where labels do not fit it."""
    if len(labels.reward) != len(transitions):
        raise ValueError(f"expected labels of {len(transitions)} steps, found {len(labels.reward)}")
    transitions = transitions[:limit]
    tracker, steps = SessionTracker(config), len(transitions)
    width = read_size(config, steps)
    chosen, matched = np.zeros(steps, np.int64), np.zeros(steps, np.bool_)
    flags = np.zeros((steps, STEP_FLAGS), np.float32)
    reads = np.full((steps, width), -1, np.int64)
    facts = np.zeros((steps, width, READ_FACTS), np.float32)
    screens, graphs = [], []
    for t, step in enumerate(transitions):
        actions = candidates_of(step.observation)
        screen = featurizer.screen(step.observation, actions)
        sight = tracker.see(screen)
        if sight.flags is not None:
            flags[t - 1] = sight.flags
        reads[t, : len(sight.reads)] = sight.reads
        facts[t, : len(sight.reads)] = sight.facts
        if len(step.worth) == len(actions):
            tracker.expect(screen, np.array(step.worth, np.float32))
        chosen[t], matched[t] = _index_of(step.action, actions)
        tracker.chose(screen, int(chosen[t]), step.executed)
        screens.append(screen)
        graphs.append(sight.graph)
    starts = np.zeros(steps + 1, np.int64)
    np.cumsum([len(screen.rows) for screen in screens], out=starts[1:])
    q, novel, labelled = _per_candidate(labels, starts)
    return LabelledSequence(
        screens=screens,
        chosen=chosen,
        matched=matched,
        flags=flags,
        reads=reads,
        facts=facts,
        starts=starts,
        graph=np.concatenate(graphs),
        q=q,
        novel=novel,
        labelled=labelled,
        reward=np.asarray(labels.reward[:steps], np.float32),
        to_go=np.asarray(labels.novelty_to_go[:steps], np.float32),
        prefix=np.asarray(labels.prefix[:steps], np.float32),
        tokens_per_step=config.tokens_per_step,
    )


def _index_of(action: Action, actions: list[Action]) -> tuple[int, bool]:
    """An action that is no candidate (a raw event) is remembered as the screen's back."""
    if action in actions:
        return actions.index(action), True
    return len(actions) - 2, False


def _per_candidate(
    labels: StepLabels, starts: IntArray
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    q, novel = np.zeros(starts[-1], np.float32), np.zeros(starts[-1], np.float32)
    labelled = np.zeros(len(starts) - 1, np.bool_)
    for t, (worth, new) in enumerate(zip(labels.q, labels.novel, strict=True)):
        if t + 1 == len(starts):
            break
        if worth is None or len(worth) == 0:
            continue
        size = starts[t + 1] - starts[t]
        if len(worth) != size or len(new) != size:
            raise ValueError(f"expected {size} labels at step {t}, found {len(worth)}")
        q[starts[t] : starts[t + 1]] = worth
        novel[starts[t] : starts[t + 1]] = new
        labelled[t] = True
    return q, novel, labelled


def step_batch(
    sequences: Sequence[LabelledSequence],
    picks: Sequence[IntArray],
    rows: Sequence[Row],
    unread: BoolArray | None = None,
) -> tuple[Batch, Batch, Batch]:
    """Tensors of one update.

    Args:
        picks: for each session the steps that are decisions.
        rows: what the screens' rows point to.
        unread: words to leave out, as for `screen_batch`.

    Returns:
        screens, steps, labels: the first two are what `JamelModel.forward` takes.
    """
    ids: dict[int, int] = {}
    distinct: list[Screen] = []
    for item in sequences:
        for screen in item.screens:
            if ids.setdefault(id(screen), len(distinct)) == len(distinct):
                distinct.append(screen)
    place = [np.array([ids[id(screen)] for screen in item.screens]) for item in sequences]
    following = [np.append(part[1:], part[-1]) for part in place]
    steps = _stacked(sequences, picks)
    steps["screen"] = np.concatenate(place)
    steps["after"] = np.concatenate(following)
    steps["here"] = np.concatenate([part[pick] for part, pick in zip(place, picks, strict=True)])
    labels = {name: steps.pop(name) for name in _LABELS}
    return screen_batch(distinct, rows, unread), _tensors(steps), _tensors(labels)


_LABELS = ("q", "novel", "labelled", "taken", "matched", "reward", "to_go", "prefix")


def _stacked(
    sequences: Sequence[LabelledSequence], picks: Sequence[IntArray]
) -> dict[str, np.ndarray]:
    pairs = list(zip(sequences, picks, strict=True))
    sizes = np.concatenate([np.diff(item.starts)[pick] for item, pick in pairs])
    present = np.arange(sizes.max()) < sizes[:, None]
    offsets = np.cumsum([0, *(len(item) * item.tokens_per_step for item in sequences[:-1])])
    reads = max(item.reads.shape[1] for item in sequences)
    graph = np.zeros((*present.shape, GRAPH_INPUTS), np.float32)
    graph[present] = np.concatenate([_flat(item.graph, item, pick) for item, pick in pairs])
    stacked = {"graph": graph}
    for name in ("q", "novel"):
        stacked[name] = np.zeros(present.shape, np.float32)
        flat = [_flat(getattr(item, name), item, pick) for item, pick in pairs]
        stacked[name][present] = np.concatenate(flat)
    stacked["read"] = np.concatenate(
        [
            _moved(item.reads[pick], offset, reads)
            for (item, pick), offset in zip(pairs, offsets, strict=True)
        ]
    )
    stacked["facts"] = np.concatenate([_padded(item.facts[pick], reads, 0) for item, pick in pairs])
    for name in ("chosen", "flags"):
        stacked[name] = np.concatenate([getattr(item, name) for item in sequences])
    for name in ("labelled", "matched", "reward", "to_go", "prefix"):
        stacked[name] = np.concatenate([getattr(item, name)[pick] for item, pick in pairs])
    stacked["taken"] = np.concatenate([item.chosen[pick] for item, pick in pairs])
    return stacked


def _flat(values: FloatArray, item: LabelledSequence, pick: IntArray) -> FloatArray:
    return np.concatenate([values[item.starts[t] : item.starts[t + 1]] for t in pick.tolist()])


def _moved(reads: IntArray, offset: int, size: int) -> IntArray:
    return _padded(np.where(reads < 0, reads, reads + offset), size, -1)


def _padded(values: np.ndarray, size: int, fill: int) -> np.ndarray:
    missing = [(0, 0), (0, size - values.shape[1])] + [(0, 0)] * (values.ndim - 2)
    return np.pad(values, missing, constant_values=fill)


def _tensors(arrays: dict[str, np.ndarray]) -> Batch:
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
