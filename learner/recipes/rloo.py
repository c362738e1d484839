"""REINFORCE with a leave-one-out baseline (Ahmadian et al., arXiv:2402.14740): a completion is one action."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from learner.recipe_settings import RlooSettings
from learner.recipes.rewards import Reward
from learner.recipes.rounds import Batch
from learner.recipes.rounds import train as rounds
from learner.recipes.task import Task, Training
from learner.training.loop import Figures
from learner.training.policy import Policy


def train(task: Task, reward: Reward | None = None) -> Training:
    """Train against the reward that the settings name, or `reward`."""
    settings = task.settings.of(RlooSettings)
    return rounds(task, settings, partial(advantages, beta=settings.beta), partial(loss, clip=settings.clip), reward)


def advantages(rewards: NDArray[np.float64], kl: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """Each reward, with KL as its price, minus the mean of its prompt's others. (prompts, completions)."""
    net = rewards - beta * kl
    each = net.shape[1]
    others = (net.sum(axis=1, keepdims=True) - net) / (each - 1)
    return np.asarray(net - others)


def loss(policy: Policy, batch: Batch, clip: float) -> tuple[torch.Tensor, Figures]:
    """The clipped surrogate of whole completions; at the first step on them its gradient is REINFORCE's."""
    ours = policy.logps(batch.rows, share=batch.share)
    ratio = (ours.sums() - batch.old.sum(1)).exp()
    kept = ratio.clamp(1 - clip, 1 + clip)
    value = -torch.minimum(ratio * batch.advantages, kept * batch.advantages).mean()
    clipped = ((ratio - 1).abs() > clip).float().mean()
    return value, {"ratio": float(ratio.detach().mean()), "clipped": float(clipped)}
