"""What the recipes share that go over a fixed dataset in passes: examples, their batches, and the run as a whole."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch

from learner.lessons import Rating
from learner.pair import Pair
from learner.recipe_settings import RecipeSettings
from learner.recipes.task import Task, Training
from learner.tokens import Encoded, encode
from learner.training.batches import drawn, fitting, in_batches
from learner.training.loop import Figures, Plan, drop, fit
from learner.training.policy import Policy

STARTER_PARAMETERS = 7e6
STARTER_RATE = 1.2e-3
CHECKPOINT_SECONDS = 30.0


@dataclass(frozen=True, eq=False)
class Example:
    """One row to learn from: a pair's chosen and rejected completion, or a rating's one and whether it is `good`."""

    sides: tuple[Encoded, ...]
    weight: float
    good: bool = True

    @property
    def longest(self) -> int:
        """Tokens of the prompt and its longest completion: what the model must have room for."""
        return len(self.sides[0].prompt) + max(len(side.completion) for side in self.sides)

    @property
    def tokens(self) -> int:
        """Tokens to go through: the prompt once, and every completion."""
        return len(self.sides[0].prompt) + sum(len(side.completion) for side in self.sides)


Loss = Callable[[Policy, Sequence[Example]], tuple[torch.Tensor, Figures]]


def of_pairs(tokenizer: Any, pairs: Iterable[Pair]) -> list[Example]:  # noqa: ANN401
    """Both sides of each pair, the chosen one first."""
    return [
        Example(tuple(encode(tokenizer, pair.prompt, text) for text in (pair.chosen, pair.rejected)), pair.weight)
        for pair in pairs
    ]


def of_ratings(tokenizer: Any, ratings: Iterable[Rating]) -> list[Example]:  # noqa: ANN401
    """One side each."""
    return [Example((encode(tokenizer, r.prompt, r.completion),), r.weight, r.good) for r in ratings]


def learning_rate(parameters: float) -> float:
    """The rate for a model of so many parameters: 1.2e-3 for the starter, falling with the root of the size to 1e-5."""
    return max(1e-5, STARTER_RATE * min(1.0, math.sqrt(STARTER_PARAMETERS / parameters)))


def load(task: Task) -> Policy:
    """The policy of a task."""
    return Policy.load(task.model, task.settings, adapter=task.adapter)


def train(
    task: Task,
    settings: RecipeSettings,
    policy: Policy,
    examples: Sequence[Example],
    loss: Loss,
    *,
    reference: bool,
    extend: Callable[[Sequence[Example]], list[Example]] = list,
) -> Training:
    """Fit `policy` to `examples` and write its adapter.

    Each example is met as often as it weighs. `extend` may change those that fit into the model before the passes, and
    `reference` says whether the loss asks for the reference's log-probabilities. Raises TrainingFailed.
    """
    lap = task.settings
    kept, too_long = fitting(examples, lambda row: row.longest, lap.max_model_len, lap.train_min_pairs)
    if too_long:
        sys.stderr.write(
            f"{too_long} of {len(examples)} rows have more than {lap.max_model_len} tokens, and teach nothing.\n"
        )
    kept = extend(kept)
    epochs = [_batches(kept, settings, lap.seed + epoch) for epoch in range(settings.epochs)]
    rows, steps = sum(len(batch) for epoch in epochs for batch in epoch), sum(map(len, epochs))
    rate = settings.learning_rate or learning_rate(policy.model.num_parameters())
    met = {id(row): row for epoch in epochs for batch in epoch for row in batch}.values()
    sides = [side for row in met for side in row.sides]
    policy.prepare(sides, share=len(kept[0].sides), reference=reference)
    plan = Plan(
        epochs=settings.epochs,
        steps=steps,
        learning_rate=rate,
        seed=lap.seed,
        checkpoint_seconds=CHECKPOINT_SECONDS,
        figures=task.out.parent / "figures.jsonl",
        key=_key(task, settings, kept),
    )
    done = fit(
        policy,
        epochs.__getitem__,
        lambda batch: loss(policy, batch),
        plan,
        checkpoints=task.checkpoints,
        deadline=task.deadline,
        report=task.report,
    )
    change = policy.save(task.out, task.base, lap.lora_rank, attested=True)
    drop(task.checkpoints)
    return Training(
        rows=round(rows / settings.epochs),
        too_long=too_long,
        steps=done.steps,
        of=done.of,
        seconds=done.seconds,
        stopped_by_time=done.stopped_by_time,
        learning_rate=rate,
        loss=done.loss,
        change=change,
        detail={"resumed_at": done.resumed_at, "whole_model": policy.whole_because},
    )


def _key(task: Task, settings: RecipeSettings, rows: Sequence[Example]) -> str:
    """A hash of all that the weights come from, but for the time that there is."""
    lap = {name: value for name, value in task.settings.to_values().items() if name != "train_minutes"}
    told = (task.model, str(task.adapter), lap, settings, [(row.sides, row.weight, row.good) for row in rows])
    return sha256(repr(told).encode()).hexdigest()


def _batches(rows: Sequence[Example], settings: RecipeSettings, seed: int) -> list[list[Example]]:
    return in_batches(drawn(rows, seed), lambda row: row.tokens, settings.batch, seed)
