"""What the model is trained for: good choices, what they are worth, and what is new now.

Knows tensors only. The gradient of every term passes through the memory tokens that were read.

Shapes: N decisions, C candidates.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from jamel.model.batching import Batch
from jamel.model.modeling import JamelOutput

WORTH_WEIGHT = 0.5
_WEIGHTS = {"return": "to_go", "immediate": "reward", "prefix": "prefix"}
Sum = Callable[[Tensor], Tensor]
"""A scalar of this process -> its sum over all that share a batch."""


def alone(value: Tensor) -> Tensor:
    """The sum over one process."""
    return value


def choice_targets(q_NC: Tensor, beta: float) -> Tensor:
    """Distributions proportional to q ** beta; rows of zeros where every q is 0."""
    best_N1 = q_NC.amax(1, keepdim=True)
    powered_NC = (q_NC / best_N1.clamp(min=1e-6)).clamp(min=0) ** beta
    powered_NC = torch.where(best_N1 > 0, powered_NC, torch.zeros_like(q_NC))
    return powered_NC / powered_NC.sum(1, keepdim=True).clamp(min=1e-6)


def policy_loss(
    output: JamelOutput, labels: Batch, kind: str, beta: float, over_all: Sum = alone
) -> Tensor:
    """Cross-entropy of the choice.

    "counterfactual": to the soft targets, over steps where some candidate is worth something.
    "return": to the action taken, weighted by the novelty that followed. "immediate": to the
    action taken, on rewarded steps only. "prefix": to the action taken, on every step up to the
    episode's last rewarded one (the paper's imitation, arXiv 2606.01528).
    """
    log_NC = output.logits.log_softmax(1)
    if kind == "counterfactual":
        target_NC = choice_targets(labels["q"], beta)
        losses_N, weight_N = -(target_NC * log_NC).sum(1), target_NC.sum(1)
    else:
        losses_N = -log_NC.gather(1, labels["taken"][:, None])[:, 0]
        weight_N = labels[_WEIGHTS[kind]]
        weight_N = weight_N.clamp(min=0) * labels["matched"]
        losses_N = losses_N * weight_N
    return losses_N.sum() / over_all(weight_N.sum()).clamp(min=1e-6)


def candidate_losses(
    output: JamelOutput, labels: Batch, present_NC: Tensor, kind: str, over_all: Sum = alone
) -> tuple[Tensor, Tensor]:
    """Mean over labelled candidates: cross-entropy of "new now", smooth error of log(1 + q).

    Without counterfactual labels only the action taken is known; the others say nothing.
    """
    counted_NC = present_NC & labels["labelled"][:, None]
    if kind != "counterfactual":
        taken_NC = torch.zeros_like(present_NC).scatter_(1, labels["taken"][:, None], True)
        counted_NC = counted_NC & taken_NC & labels["matched"][:, None]
    total = over_all(counted_NC.sum()).clamp(min=1)
    novel_NC = functional.binary_cross_entropy_with_logits(
        output.novel, labels["novel"], reduction="none"
    )
    worth_NC = functional.smooth_l1_loss(
        output.worth, labels["q"].clamp(min=0).log1p(), reduction="none"
    )
    return (novel_NC * counted_NC).sum() / total, (worth_NC * counted_NC).sum() / total


def total_loss(
    output: JamelOutput,
    labels: Batch,
    present_NC: Tensor,
    *,
    kind: str,
    beta: float,
    novelty_weight: float,
    over_all: Sum = alone,
) -> tuple[Tensor, dict[str, float]]:
    """The sum to minimise, and its parts for logging.

    Means are over the decisions of all processes that share a batch, by `over_all`: what each of
    them returns adds up to the loss of the whole batch.
    """
    policy = policy_loss(output, labels, kind, beta, over_all)
    novel, worth = candidate_losses(output, labels, present_NC, kind, over_all)
    loss = policy + novelty_weight * novel + WORTH_WEIGHT * worth
    parts = {"loss": loss, "policy_loss": policy, "novelty_loss": novel, "worth_loss": worth}
    return loss, {name: float(over_all(part.detach())) for name, part in parts.items()}
