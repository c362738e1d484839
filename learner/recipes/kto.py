"""Kahneman-Tversky optimisation: single answers that somebody found good or bad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from learner.recipe_settings import KtoSettings
from learner.recipes.passes import Example, Loss, load, of_ratings
from learner.recipes.passes import train as passes
from learner.recipes.task import Task, Training
from learner.tokens import Encoded
from learner.training import losses
from learner.training.loop import Figures
from learner.training.policy import Policy


def train(task: Task) -> Training:
    """Train on the ratings, and on both sides of pairs as ratings of their own."""
    settings, policy = task.settings.of(KtoSettings), load(task)
    examples = of_ratings(policy.tokenizer, task.lessons.judged())
    settings = balanced(settings, [row.good for row in examples])
    mismatch = mismatched(settings.batch, task.settings.max_model_len) if settings.loss == "kto" else list
    return passes(task, settings, policy, examples, loss_of(settings), reference=True, extend=mismatch)


def balanced(settings: KtoSettings, good: Sequence[bool]) -> KtoSettings:
    """With weights for both kinds: where both are 0, the rarer kind's is raised until both count alike.

    Ethayarajh et al., arXiv:2402.01306, eq. 8, ask for a ratio of weighted counts from 1 to 4/3.
    """
    if settings.good_weight or settings.bad_weight:
        return replace(settings, good_weight=settings.good_weight or 1.0, bad_weight=settings.bad_weight or 1.0)
    many, few = max(1, sum(good)), max(1, len(good) - sum(good))
    return replace(settings, good_weight=max(1.0, few / many), bad_weight=max(1.0, many / few))


def mismatched(batch: int, limit: int) -> Callable[[Sequence[Example]], list[Example]]:
    """Give each row, as a second side, the completion of a row that is about as long: what KTO's reference point needs.

    TRL takes the neighbour in the batch, anew whenever batches change; here it stays the same, so that what the frozen
    layers make of it is made once.
    """

    def extend(rows: Sequence[Example]) -> list[Example]:
        ordered = sorted(rows, key=lambda row: row.tokens)
        made = []
        for begin in range(0, len(ordered), batch):
            part = ordered[begin : begin + batch]
            for row, other in zip(part, [*part[-1:], *part[:-1]], strict=True):
                (own,), (foreign,) = row.sides, other.sides
                completion = foreign.completion[: max(1, limit - len(own.prompt))]
                made.append(replace(row, sides=(own, Encoded(own.prompt, completion))))
        return made

    return extend


def loss_of(settings: KtoSettings) -> Loss:
    """The loss of a batch of ratings, as `settings` have it."""

    def loss(policy: Policy, batch: Sequence[Example]) -> tuple[torch.Tensor, Figures]:
        rows = [side for row in batch for side in row.sides]
        sides = len(batch[0].sides)
        ours, base = policy.logps(rows, share=sides), policy.logps(rows, share=sides, reference=True)
        ratios = ours.sums() - base.sums()
        kl = losses.kl_point(ratios[1::2]) if sides == 2 else torch.zeros(())
        own = ratios[::sides]
        good = torch.tensor([row.good for row in batch], device=own.device)
        weights = torch.where(good, settings.good_weight, settings.bad_weight)
        value = (weights * losses.kto(own, good, settings.beta, kl)).mean()
        if settings.sft_weight and bool(good.any()):
            value = value + settings.sft_weight * losses.nll(ours.values[::sides][good], ours.mask[::sides][good])
        right = (((own - kl) > 0) == good).float().mean()
        return value, {"accuracy": float(right.detach()), "kl": float(kl)}

    return loss
