"""Direct preference optimisation: pairs, with the base model as the reference, and SFT on what was chosen beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from learner.recipe_settings import DpoSettings
from learner.recipes.passes import Example, Loss, load, of_pairs
from learner.recipes.passes import train as passes
from learner.recipes.task import Task, Training
from learner.training import losses
from learner.training.loop import Figures
from learner.training.policy import Policy


def train(task: Task) -> Training:
    """Train on the pairs."""
    settings, policy = task.settings.of(DpoSettings), load(task)
    examples = of_pairs(policy.tokenizer, task.lessons.pairs)
    return passes(task, settings, policy, examples, loss_of(settings), reference=True)


def loss_of(settings: DpoSettings) -> Loss:
    """The loss of a batch of pairs, as `settings` have it."""

    def loss(policy: Policy, batch: Sequence[Example]) -> tuple[torch.Tensor, Figures]:
        rows = [side for pair in batch for side in pair.sides]
        ours, base = policy.logps(rows, share=2), policy.logps(rows, share=2, reference=True)
        ratios = ours.sums() - base.sums()
        chosen, rejected = ratios[0::2], ratios[1::2]
        value = _preference(settings, ratios, ours.lengths()).mean()
        if settings.sft_weight:
            value = value + settings.sft_weight * losses.nll(ours.values[0::2], ours.mask[0::2])
        won = (chosen > rejected).float().mean()
        margin = settings.beta * (chosen - rejected).mean()
        return value, {"accuracy": float(won.detach()), "margin": float(margin.detach())}

    return loss


def _preference(settings: DpoSettings, ratios: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    beta, flipped = settings.beta, settings.flip_rate
    if settings.loss in ("ipo", "sigmoid_norm"):  # of ratios per token, where the end is not counted twice
        ratios = ratios / lengths
    chosen, rejected = ratios[0::2], ratios[1::2]
    if settings.loss == "apo_zero":
        return losses.apo_zero(chosen, rejected, beta)
    if settings.loss == "ipo":
        return losses.ipo(chosen, rejected, beta)
    if settings.loss == "robust":
        return losses.robust(chosen, rejected, beta, flipped)
    return losses.sigmoid(chosen, rejected, beta, flipped if settings.loss == "sigmoid" else 0.0)
