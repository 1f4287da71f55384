"""The network: two ways to run it agree, gradients reach the memory, weights survive the disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from jamel.agents.learned import ModelPolicy
from jamel.model.batching import screen_batch
from jamel.model.configuration import ARMS, JamelConfig
from jamel.model.modeling import JamelModel
from jamel.model.packing import Packing
from jamel.model.processing import ROW_HEAD
from jamel.model.sequences import step_batch
from jamel.types import Transition
from tests.model.sample import recorded, sequences_of


def small(**changes: object) -> JamelConfig:
    return JamelConfig(
        width=16, heads=2, hash_buckets=64, memory_recent=2, memory_similar=3, **changes
    )


def whole_session(model: JamelModel, steps: int = 30, transitions: list[Transition] | None = None):
    transitions, featurizer, sequence = sequences_of(model.config, steps, transitions)
    screens, batch, labels = step_batch([sequence], [np.arange(len(sequence))], featurizer.rows)
    return transitions, screens, batch, labels


@pytest.mark.parametrize("arm", sorted(ARMS))
def test_all_steps_at_once_agree_with_one_at_a_time(arm: str) -> None:
    model = JamelModel(small(**ARMS[arm])).eval()
    policy = ModelPolicy(model)
    memory = policy.start(0)
    judged, one_at_a_time = [], []
    for step in recorded(30):
        one_at_a_time.append(policy.scores([memory], [step.observation]).logits[0])
        judged.append(replace(step, worth=tuple(memory.worth.tolist())))
        policy.note(memory, step.observation, step.action, step.executed)
    _, screens, batch, _ = whole_session(model, transitions=judged)
    with torch.no_grad():
        at_once = model(screens=screens, steps=batch).logits
    for t, logits in enumerate(one_at_a_time):
        assert torch.allclose(at_once[t, : len(logits)], logits, atol=1e-4)


def test_sessions_decided_together_agree_with_alone() -> None:
    policy = ModelPolicy(JamelModel(small()))
    session = recorded(12)
    alone, together = policy.start(1), [policy.start(1), policy.start(2)]
    for step in session:
        single = policy.act([alone], [step.observation])
        both = policy.act(together, [step.observation, session[0].observation])
        assert single[0] == both[0]


def test_policy_loss_reaches_past_memory_tokens() -> None:
    model = JamelModel(small())
    _, screens, batch, _ = whole_session(model)
    tokens: list[torch.Tensor] = []
    model.writer.register_forward_hook(lambda *parts: _keep(tokens, parts[2]))
    output = model(screens=screens, steps=batch)
    output.logits[-1].log_softmax(-1)[0].backward()
    reached = tokens[0].grad.abs().sum(1) > 0
    read = batch["read"][-1]
    assert reached[read[read >= 0]].all()
    assert reached.sum() == (read >= 0).sum()
    assert model.writer.action.weight.grad.abs().sum() > 0


def _keep(tokens: list[torch.Tensor], output: torch.Tensor) -> None:
    output.retain_grad()
    tokens.append(output)


def test_frozen_memory_trains_no_writer() -> None:
    model = JamelModel(small(frozen_memory=True))
    _, screens, batch, _ = whole_session(model)
    model(screens=screens, steps=batch).logits[-1].log_softmax(-1)[0].backward()
    assert model.writer.action.weight.grad is None
    assert model.reader is not None and model.reader.key.weight.grad is not None


def test_the_policy_reads_its_memory() -> None:
    model = JamelModel(small()).eval()
    _, screens, batch, _ = whole_session(model)
    with torch.no_grad():
        read = model(screens=screens, steps=batch).logits
        blind = model(screens=screens, steps={**batch, "read": batch["read"] * 0 - 1}).logits
    assert torch.allclose(read[0], blind[0])
    assert not torch.allclose(read[-1], blind[-1])


def test_query_and_key_start_equal_only_when_tied() -> None:
    tied, free = (JamelModel(small(tied_query_key=tied)).reader for tied in (True, False))
    assert tied is not None and free is not None
    assert torch.equal(tied.query.weight, tied.key.weight)
    assert not torch.equal(free.query.weight, free.key.weight)


def test_saved_weights_load_unchanged_and_without_pickle(tmp_path) -> None:
    model = JamelModel(small())
    with torch.no_grad():
        model.reader.key.weight.add_(1.0)
        model.reader.nothing_key.add_(2.0)
    model.save_pretrained(tmp_path)
    loaded = JamelModel.from_pretrained(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    for name, value in model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name]), name


def test_sequences_attend_in_groups_as_they_would_alone() -> None:
    """What a screen comes to does not depend on how long the others of its batch are."""
    model = JamelModel(small()).eval()
    counts = torch.tensor([3, 40, 1, 17, 90, 12])
    present = torch.arange(90) < counts[:, None]
    packing = Packing(functional.pad(present, (1, 0), value=True))
    x = torch.randn(int(packing.counts.sum()), 16)
    together = model.encoder(x, packing)
    assert [len(group.rows) for group in packing.groups] == [2, 2, 1, 1]
    for start, count in zip(packing.starts.tolist(), packing.counts.tolist(), strict=True):
        own = slice(start, start + count)
        alone = model.encoder(x[own], Packing(torch.ones(1, count, dtype=torch.bool)))
        assert torch.allclose(together[own], alone, atol=1e-5)
    means = torch.stack([part.mean(0) for part in x.split(packing.counts.tolist())])
    assert torch.allclose(packing.mean(x), means, atol=1e-5)


def test_words_are_left_out_wherever_they_stand_but_no_row_is_without_any() -> None:
    _, featurizer, sequence = sequences_of(small(), 12)
    every = np.ones(64, np.bool_)
    whole = screen_batch(sequence.screens, featurizer.rows)
    bare = screen_batch(sequence.screens, featurizer.rows, every)
    ends = torch.cat([bare["row_starts"][1:], torch.tensor([len(bare["row_words"])])])
    assert set((ends - bare["row_starts"]).tolist()) == {ROW_HEAD}
    assert len(bare["screen_words"]) == len(bare["screen_starts"])
    some = screen_batch(sequence.screens, featurizer.rows, np.arange(64) == 7)
    left = whole["row_words"] != 7
    assert left.sum() <= len(some["row_words"]) < len(whole["row_words"])
    none = screen_batch(sequence.screens, featurizer.rows, ~every)
    assert all(torch.equal(whole[name], none[name]) for name in whole)
