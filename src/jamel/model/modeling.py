"""JamelModel: a screen encoder, one memory token a step, and a policy that reads both.

Knows tensors only: no observations, no apps, no files beyond `save_pretrained`. Memory tokens are
made from the encoder's own output, so the policy's loss trains what is remembered.

Shapes: R distinct rows, U screens, C candidates, P candidates of all screens, M memory tokens,
N decisions, K reads, D width, H heads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from jamel.model.batching import Batch
from jamel.model.configuration import (
    GRAPH_INPUTS,
    NUMERIC_INPUTS,
    READ_FACTS,
    STEP_FLAGS,
    JamelConfig,
)
from jamel.model.packing import Packing

_FAR = -1e4


@dataclass
class JamelOutput(ModelOutput):
    """What the model says of each candidate of each decision, (N, C) each.

    `logits` choose, -1e4 where there is no candidate; `worth` is log(1 + Q), Q the discounted
    sum of new probes behind the candidate; `novel` is the logit of "it reaches new code now".
    """

    logits: Tensor = None  # type: ignore[assignment]
    worth: Tensor = None  # type: ignore[assignment]
    novel: Tensor = None  # type: ignore[assignment]

    def float(self) -> JamelOutput:
        """The same in float32, for losses; products of matrices may have been less exact."""
        return JamelOutput(self.logits.float(), self.worth.float(), self.novel.float())


class RowEncoder(nn.Module):
    """Hashed words and numbers of a candidate → one embedding."""

    def __init__(self, config: JamelConfig) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(config.hash_buckets, config.width, mode="mean")
        self.numeric = nn.Linear(NUMERIC_INPUTS, config.width)
        self.mix = _mlp(config.width)

    def forward(self, words: Tensor, starts: Tensor, numeric_RN: Tensor) -> Tensor:
        x_RD = self.words(words, starts) + self.numeric(numeric_RN)
        return x_RD + self.mix(x_RD)


class ScreenEncoder(nn.Module):
    """Self-attention over a screen's candidates and one summary made of all its words."""

    def __init__(self, config: JamelConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mix = _mlp(width)

    def forward(self, x_PD: Tensor, packing: Packing) -> Tensor:
        qkv_PE = self.qkv(self.norm(x_PD))
        parts = zip(packing.apart(qkv_PE), packing.groups, strict=True)
        read = packing.together([self._attend(qkv, group.present) for qkv, group in parts])
        x_PD = x_PD + self.out(read)
        return x_PD + self.mix(x_PD)

    def _attend(self, qkv_NCE: Tensor, present_NC: Tensor) -> Tensor:
        q, k, v = qkv_NCE.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mask = present_NC[:, None, None, :]
        read = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return read.transpose(1, 2).flatten(2)


class MemoryWriter(nn.Module):
    """A past step → one token: the chosen action, the screen before and the screen after."""

    def __init__(self, config: JamelConfig) -> None:
        super().__init__()
        width = config.width
        self.residual = config.action_residual
        self.action = nn.Linear(width, width)
        self.before = nn.Linear(width, width)
        self.after = nn.Linear(width, width)
        self.flags = nn.Linear(STEP_FLAGS, width)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, action_MD: Tensor, before_MD: Tensor, after_MD: Tensor, flags_MF: Tensor
    ) -> Tensor:
        token_MD = self.action(action_MD) + self.before(before_MD)
        token_MD = token_MD + self.after(after_MD) + self.flags(flags_MF)
        return self.norm(token_MD + action_MD if self.residual else token_MD)


class RawWriter(nn.Module):
    """A past step → its three parts as they are: the chosen action, the screens before and after.

    The reference for what one token a step loses. Tokens of a step follow each other.
    """

    def __init__(self, config: JamelConfig) -> None:
        super().__init__()
        self.flags = nn.Linear(STEP_FLAGS, config.width)
        self.part = nn.Parameter(torch.zeros(config.tokens_per_step, config.width))

    def forward(
        self, action_MD: Tensor, before_MD: Tensor, after_MD: Tensor, flags_MF: Tensor
    ) -> Tensor:
        parts = torch.stack([action_MD, before_MD, after_MD], dim=1) + self.part
        return (parts + self.flags(flags_MF)[:, None]).flatten(0, 1)


class MemoryReader(nn.Module):
    """Candidates attend to the memory tokens; how strongly they match is told apart from what.

    Softmax attention cannot count. The log of the summed matches can, so it is an output too.
    """

    def __init__(self, config: JamelConfig) -> None:
        super().__init__()
        width, self.heads = config.width, config.heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.facts = nn.Linear(READ_FACTS, config.heads)
        self.nothing_key = nn.Parameter(torch.zeros(width))
        self.nothing_value = nn.Parameter(torch.zeros(width))
        self.out = nn.Linear(width, width)
        self.match = nn.Linear(config.heads, width)
        self.tied = config.tied_query_key

    def tie(self) -> None:
        """Start with key = query: a candidate then finds the steps that did the same thing."""
        if self.tied:
            self.key.load_state_dict(self.query.state_dict())

    def forward(
        self, x_PD: Tensor, packing: Packing, memory_MD: Tensor, read_NK: Tensor, facts: Tensor
    ) -> Tensor:
        decisions = len(read_NK)
        split = (decisions, -1, self.heads, x_PD.shape[-1] // self.heads)
        index = read_NK.clamp(min=0).flatten()
        key = self._with_nothing(self.key(memory_MD), index, decisions, self.nothing_key)
        value = self._with_nothing(self.value(memory_MD), index, decisions, self.nothing_value)
        k, v = key.view(split).transpose(1, 2), value.view(split).transpose(1, 2)
        bias_NHK = self.facts(facts).masked_fill(read_NK[..., None] < 0, _FAR).transpose(1, 2)
        bias_NHK = functional.pad(bias_NHK, (0, 1))
        q_PD = self.query(self.norm(x_PD))
        held = (packing.by_group(part) for part in (k, v, bias_NHK))
        parts = [self._attend(*found) for found in zip(packing.apart(q_PD), *held, strict=True)]
        read = packing.together([part[0] for part in parts])
        match = packing.together([part[1] for part in parts])
        return self.out(read) + self.match(match)

    def _attend(
        self, q_NCD: Tensor, k: Tensor, v: Tensor, bias_NHK: Tensor
    ) -> tuple[Tensor, Tensor]:
        q = q_NCD.unflatten(2, (self.heads, -1)).transpose(1, 2)
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]) + bias_NHK[:, :, None, :]
        read = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        # Relative to the nothing slot: how much more the memory holds than nothing.
        return read, (scores.logsumexp(-1) - scores[..., -1]).transpose(1, 2)

    def _with_nothing(self, x_MD: Tensor, index: Tensor, decisions: int, extra: Tensor) -> Tensor:
        nothing = extra.expand(decisions, 1, -1)
        gathered = x_MD.index_select(0, index).view(decisions, -1, x_MD.shape[-1])
        return torch.cat([gathered, nothing], dim=1)


class StateReader(nn.Module):
    """A state of fixed size in place of tokens: soft counts of what was done, and what came of it.

    Linear attention (Katharopoulos et al., arXiv 2006.16236) whose keys are distributions over
    F features, so that a head's first column counts how often alike steps were taken; a head
    forgets by a learned factor a step. Reading all past tokens at once, as training does, and one
    step at a time, as acting does, give the same.

    Shapes: F features, V = 1 + D / H: a count and a value.
    """

    def __init__(self, config: JamelConfig) -> None:
        super().__init__()
        width, self.heads, self.features = config.width, config.heads, config.state_features
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, self.heads * self.features)
        self.key = nn.Linear(width, self.heads * self.features)
        self.value = nn.Linear(width, width)
        self.keep = nn.Parameter(torch.linspace(2.0, 6.0, self.heads))
        self.out = nn.Linear(width, width)
        self.match = nn.Linear(self.heads, width)
        self.tied = config.tied_query_key

    def tie(self) -> None:
        """Start with key = query: a candidate then finds the steps that did the same thing."""
        if self.tied:
            self.key.load_state_dict(self.query.state_dict())

    def forward(
        self, x_PD: Tensor, packing: Packing, memory_MD: Tensor, read_NK: Tensor, facts: Tensor
    ) -> Tensor:
        key_MHF, value_MHV = self.keys(memory_MD), self._values(memory_MD)
        index = read_NK.clamp(min=0)
        steps_ago_NK = torch.exp2(8 * facts[..., 0]) - 2
        kept_NKH = torch.sigmoid(self.keep) ** steps_ago_NK.clamp(min=0)[..., None]
        kept_NKH = kept_NKH * (read_NK >= 0)[..., None]
        key_NKHF = key_MHF[index] * kept_NKH[..., None]
        state_NHFV = torch.einsum("nkhf,nkhv->nhfv", key_NKHF, value_MHV[index])
        return self.read(x_PD, packing, state_NHFV)

    def start(self, decisions: int) -> Tensor:
        """The states (N, H, F, V) of sessions that have just begun."""
        return self.keep.new_zeros(decisions, self.heads, self.features, self._width_of_value())

    def absorb(self, state_NHFV: Tensor, memory_ND: Tensor) -> Tensor:
        """The states after one more token each."""
        key_NHF, value_NHV = self.keys(memory_ND), self._values(memory_ND)
        added = key_NHF[..., None] * value_NHV[:, :, None]
        return state_NHFV * torch.sigmoid(self.keep)[:, None, None] + added

    def read(self, x_PD: Tensor, packing: Packing, state_NHFV: Tensor) -> Tensor:
        """What the candidates find in the states."""
        query_PHF = self._features(self.query(self.norm(x_PD)))
        query_NCHF = packing.pad(query_PHF.flatten(1)).unflatten(2, query_PHF.shape[1:])
        found_NCHV = torch.einsum("nchf,nhfv->nchv", query_NCHF, state_NHFV)
        found_PHV = packing.pack(found_NCHV.flatten(2)).unflatten(1, found_NCHV.shape[2:])
        count_PH = found_PHV[..., 0]
        mean_PD = (found_PHV[..., 1:] / (0.1 + count_PH)[..., None]).flatten(1)
        return self.out(mean_PD) + self.match(torch.log1p(8 * count_PH))

    def keys(self, memory_MD: Tensor) -> Tensor:
        """(M, H, F) distributions over the features."""
        return self._features(self.key(memory_MD))

    def _features(self, x: Tensor) -> Tensor:
        return (2 * x.unflatten(-1, (self.heads, self.features))).softmax(-1)

    def _values(self, memory_MD: Tensor) -> Tensor:
        value = self.value(memory_MD).unflatten(-1, (self.heads, -1))
        return functional.pad(value, (1, 0), value=1.0)

    def _width_of_value(self) -> int:
        return 1 + self.value.out_features // self.heads


class JamelModel(PreTrainedModel):
    """The compact model: `encode` screens, `write` memory tokens, `decide` among candidates."""

    config: JamelConfig
    config_class = JamelConfig
    base_model_prefix = "jamel"
    main_input_name = "screens"

    def __init__(self, config: JamelConfig) -> None:
        super().__init__(config)
        width = config.width
        self.rows = RowEncoder(config)
        self.summary = nn.Linear(width, width)
        self.encoder = ScreenEncoder(config)
        self.writer = RawWriter(config) if config.raw_history else MemoryWriter(config)
        self.reader = _reader(config)
        self.graph = nn.Linear(GRAPH_INPUTS, width) if config.graph_inputs else None
        self.graph_mix = _mlp(width) if config.graph_inputs else None
        self.context = nn.Linear(2 * width, width)
        self.mix = _mlp(width)
        self.final = nn.LayerNorm(width)
        self.pointer = nn.Linear(width, width)
        self.heads = nn.Linear(width, 3)
        self.post_init()
        if self.reader is not None:
            self.reader.tie()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=1 / math.sqrt(module.in_features))
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.EmbeddingBag):
            nn.init.normal_(module.weight, std=1.0)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, MemoryReader):
            nn.init.zeros_(module.nothing_key)
            nn.init.zeros_(module.nothing_value)

    def encode(self, screens: Batch) -> tuple[Tensor, Tensor]:
        """Screens (see `screen_batch`) → candidates (U, C, D) and summaries (U, D)."""
        x_PD, packing = self._encode(screens)
        x_UCD = packing.pad(x_PD)
        return x_UCD[:, 1:], x_UCD[:, 0]

    def _encode(self, screens: Batch) -> tuple[Tensor, Packing]:
        """Packed, the summary of a screen before its candidates."""
        rows = self.rows(screens["row_words"], screens["row_starts"], screens["row_numeric"])
        said_UD = self.rows.words(screens["screen_words"], screens["screen_starts"])
        packing = Packing(functional.pad(screens["present"], (1, 0), value=True))
        count = len(said_UD)
        first = torch.arange(count, device=said_UD.device)[:, None]
        index_UC = torch.cat([first, screens["candidate"] + count], dim=1)
        parts = torch.cat([self.summary(said_UD), rows])
        x_PD = parts.index_select(0, index_UC.flatten().index_select(0, packing.place))
        return self.encoder(x_PD, packing), packing

    def write(
        self, action_MD: Tensor, before_MD: Tensor, after_MD: Tensor, flags_MF: Tensor
    ) -> Tensor:
        """Past steps → memory tokens, `tokens_per_step` each; no gradient where it is frozen."""
        if not self.config.frozen_memory:
            return self.writer(action_MD, before_MD, after_MD, flags_MF)
        with torch.no_grad():
            return self.writer(action_MD, before_MD, after_MD, flags_MF)

    def decide(
        self,
        candidates_NCD: Tensor,
        summary_ND: Tensor,
        present_NC: Tensor,
        graph_NCG: Tensor,
        memory_MD: Tensor,
        read_NK: Tensor,
        facts_NKF: Tensor,
        state_NHFV: Tensor | None = None,
    ) -> JamelOutput:
        """What each candidate is worth, given the memory.

        Args:
            graph_NCG: the session graph's numbers; ignored without graph inputs.
            read_NK: indices into the memory, -1 for none; K may be 0.
            facts_NKF: age and similarity of each token that is read.
            state_NHFV: what a state memory holds, in place of the three before.
        """
        packing = Packing(present_NC)
        x_PD, graph_PG = packing.pack(candidates_NCD), packing.pack(graph_NCG)
        return self._decide(
            x_PD, packing, summary_ND, graph_PG, memory_MD, read_NK, facts_NKF, state_NHFV
        )

    def _decide(
        self,
        x_PD: Tensor,
        packing: Packing,
        summary_ND: Tensor,
        graph_PG: Tensor,
        memory_MD: Tensor,
        read_NK: Tensor,
        facts_NKF: Tensor,
        state_NHFV: Tensor | None = None,
    ) -> JamelOutput:
        if self.graph is not None and self.graph_mix is not None:
            x_PD = x_PD + self.graph(graph_PG)
            x_PD = x_PD + self.graph_mix(x_PD)
        if state_NHFV is not None and isinstance(self.reader, StateReader):
            x_PD = x_PD + self.reader.read(x_PD, packing, state_NHFV)
        elif self.reader is not None:
            x_PD = x_PD + self.reader(x_PD, packing, memory_MD, read_NK, facts_NKF)
        context_ND = self.context(torch.cat([summary_ND, packing.mean(x_PD)], dim=1))
        owner = packing.owner
        x_PD = x_PD + context_ND.index_select(0, owner)
        x_PD = self.final(x_PD + self.mix(x_PD))
        points = (x_PD * self.pointer(context_ND).index_select(0, owner)).mean(-1, keepdim=True)
        said_P3 = self.heads(x_PD) + functional.pad(points, (0, 2))
        logit, worth, novel = packing.pad(said_P3).unbind(-1)
        return JamelOutput(
            logits=logit.masked_fill(~packing.present, _FAR), worth=worth, novel=novel
        )

    def forward(self, screens: Batch, steps: Batch, **_: Any) -> JamelOutput:
        """All decisions of a batch of sessions at once; see `sequences.step_batch`."""
        x_PD, packing = self._encode(screens)
        summary = x_PD.index_select(0, packing.starts)
        action = packing.starts[steps["screen"]] + 1 + steps["chosen"]
        memory = self.write(
            x_PD.index_select(0, action),
            summary.index_select(0, steps["screen"]),
            summary.index_select(0, steps["after"]),
            steps["flags"],
        )
        here, size = steps["here"], steps["graph"].shape[1]
        own = Packing(screens["present"][here, :size])
        offered = packing.starts[here][own.owner] + 1 + own.place % size
        return self._decide(
            x_PD.index_select(0, offered),
            own,
            summary.index_select(0, here),
            own.pack(steps["graph"]),
            memory,
            steps["read"],
            steps["facts"],
        )


def _reader(config: JamelConfig) -> MemoryReader | StateReader | None:
    if config.memory == "none":
        return None
    return StateReader(config) if config.memory == "state" else MemoryReader(config)


def _mlp(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
    )
