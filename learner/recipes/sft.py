"""Supervised fine-tuning on what people wrote: rewrites, corrections and demonstrations."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from learner.recipe_settings import SftSettings
from learner.recipes.passes import Example, load, of_ratings
from learner.recipes.passes import train as passes
from learner.recipes.task import Task, Training
from learner.training import losses
from learner.training.loop import Figures
from learner.training.policy import Policy


def train(task: Task) -> Training:
    """Train on the demonstrations."""
    settings, policy = task.settings.of(SftSettings), load(task)
    examples = of_ratings(policy.tokenizer, task.lessons.demonstrations())
    return passes(task, settings, policy, examples, loss, reference=False)


def loss(policy: Policy, batch: Sequence[Example]) -> tuple[torch.Tensor, Figures]:
    """Minus log p per token."""
    found = policy.logps([row.sides[0] for row in batch], share=1)
    value = losses.nll(found.values, found.mask)
    likely = (found.values.detach() * found.mask).exp()[found.mask].mean()
    return value, {"likelihood": float(likely)}
