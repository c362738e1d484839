"""Losses as pure functions of log-probabilities, one value per row, and where each comes from.

Sequences are scored by the sum of their tokens' log p, in nats; a ratio is that of the policy minus the reference's.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def sigmoid(chosen: Tensor, rejected: Tensor, beta: float, smoothing: float = 0.0) -> Tensor:
    """DPO of the log ratios of pairs (Rafailov et al., arXiv:2305.18290, eq. 7).

    `smoothing` is the assumed share of flipped pairs ("conservative DPO": Mitchell, "A note on DPO with noisy
    preferences", 2023); without it the loss has no finite optimum.
    """
    margin = beta * (chosen - rejected)
    return -(1 - smoothing) * logsigmoid(margin) - smoothing * logsigmoid(-margin)


def robust(chosen: Tensor, rejected: Tensor, beta: float, flipped: float) -> Tensor:
    """DPO that is unbiased where a share `flipped` below one half of pairs is (Chowdhury et al., arXiv:2403.00409)."""
    margin = beta * (chosen - rejected)
    return (-(1 - flipped) * logsigmoid(margin) + flipped * logsigmoid(-margin)) / (1 - 2 * flipped)


def ipo(chosen: Tensor, rejected: Tensor, beta: float) -> Tensor:
    """A margin of 1 / 2β and no more (Azar et al., arXiv:2310.12036, eq. 17), of ratios per token as its authors do."""
    return (chosen - rejected - 1 / (2 * beta)) ** 2


def apo_zero(chosen: Tensor, rejected: Tensor, beta: float) -> Tensor:
    """What was chosen up, the rest down, each only so far (D'Oosterlinck et al., arXiv:2408.06266, eq. 7)."""
    return 1 - torch.sigmoid(beta * chosen) + torch.sigmoid(beta * rejected)


def kto(ratio: Tensor, good: Tensor, beta: float, kl: Tensor | float) -> Tensor:
    """Ratings of single answers against a reference point `kl` (Ethayarajh et al., arXiv:2402.01306, eq. 7 and 8)."""
    gain = beta * (ratio - kl)
    return 1 - torch.sigmoid(torch.where(good, gain, -gain))


def kl_point(mismatched: Tensor) -> Tensor:
    """KTO's reference point: the mean ratio of completions under prompts that are not theirs, at least 0 (ibid.)."""
    return mismatched.detach().mean().clamp(min=0)


def nll(values: Tensor, mask: Tensor) -> Tensor:
    """Minus log p per token, over all tokens of a batch together: supervised fine-tuning. A scalar."""
    return -(values * mask).sum() / mask.sum()
