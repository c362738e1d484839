"""Group relative policy optimisation (Shao et al., arXiv:2402.03300): every token shares its completion's advantage."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from learner.recipe_settings import GrpoSettings
from learner.recipes.rewards import Reward
from learner.recipes.rounds import Batch, kl_estimate
from learner.recipes.rounds import train as rounds
from learner.recipes.task import Task, Training
from learner.training.loop import Figures
from learner.training.policy import Policy

LEAST_SPREAD = 1e-4


def train(task: Task, reward: Reward | None = None) -> Training:
    """Train against the reward that the settings name, or `reward`."""
    settings = task.settings.of(GrpoSettings)
    return rounds(task, settings, advantages, partial(loss, beta=settings.beta, clip=settings.clip), reward)


def advantages(rewards: NDArray[np.float64], kl: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rewards minus their prompt's mean, over its deviation (eq. 3 of the source). (prompts, completions).

    KL is no part of them; it is one of the loss.
    """
    return np.asarray(
        (rewards - rewards.mean(axis=1, keepdims=True)) / (rewards.std(axis=1, keepdims=True) + LEAST_SPREAD)
    )


def loss(policy: Policy, batch: Batch, beta: float, clip: float) -> tuple[torch.Tensor, Figures]:
    """The clipped surrogate of tokens and the price of KL, as a mean over all tokens of the batch.

    The source takes the mean of each completion first, which makes long bad answers cheap; this is the mean of Yu et
    al., arXiv:2503.14476.
    """
    ours = policy.logps(batch.rows, share=batch.share)
    ratio = (ours.values - batch.old).exp()
    gain = batch.advantages[:, None]
    surrogate = torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)
    kl = kl_estimate(ours.values, batch.base)
    tokens = ours.mask.sum()
    value = ((beta * kl - surrogate) * ours.mask).sum() / tokens
    clipped = (((ratio.detach() - 1).abs() > clip) & ours.mask).sum() / tokens
    return value, {"kl": float((kl.detach() * ours.mask).sum() / tokens), "clipped": float(clipped)}
