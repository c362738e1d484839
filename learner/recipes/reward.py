"""A reward model of pairs, by Bradley and Terry. It scores answers; it is no adapter, and nothing of it is served."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from learner.errors import TrainingFailed
from learner.judges.calibration import interval
from learner.pair import OF_NO_PERSON, Pair
from learner.recipe_settings import RewardSettings
from learner.recipes.passes import learning_rate
from learner.recipes.task import Task, Training
from learner.reward_model import RewardModel, person_hash
from learner.tokens import Encoded, encode
from learner.training.batches import drawn, fitting, in_batches
from learner.training.loop import Fit, Plan, drop, fit
from learner.training.policy import Policy

FOLDER = "reward"  # beside the place of an adapter, in the run's folder
BINS = 10
LEAST_HELD_OUT = 20  # people, of whom all pairs are kept back; with fewer nothing is said about accuracy


@dataclass(frozen=True)
class _Row:
    chosen: Encoded
    rejected: Encoded
    pair: Pair

    @property
    def tokens(self) -> int:
        return len(self.chosen.prompt) + max(len(self.chosen.completion), len(self.rejected.completion))


@dataclass(frozen=True)
class Taught:
    """A reward model, how its training went, and how many rows were too long for it."""

    model: RewardModel
    fit: Fit
    rows: int
    too_long: int
    learning_rate: float


def train(task: Task) -> Training:
    """Train a reward model into the folder `reward` beside `task.out`. Raises TrainingFailed."""
    began = time.monotonic()
    found = teach(task, task.lessons.pairs)
    shutil.rmtree(task.out.parent / FOLDER, ignore_errors=True)
    found.model.save(task.out.parent / FOLDER, task.base)
    drop(task.checkpoints)
    return Training(
        rows=found.rows,
        too_long=found.too_long,
        steps=found.fit.steps,
        of=found.fit.of,
        seconds=time.monotonic() - began,
        stopped_by_time=found.fit.stopped_by_time,
        learning_rate=found.learning_rate,
        loss=found.fit.loss,
        change=float(found.model.head.detach().norm()),
        detail=found.model.card,
    )


def teach_within(task: Task, pairs: Sequence[Pair]) -> RewardModel:
    """Train one on the way to something else, in at most half of the time that is left, or find it in a resumed run.

    It is kept in the run's folder. Raises TrainingFailed.
    """
    kept = task.out.parent / FOLDER
    if kept.is_dir() and task.checkpoints.is_dir():
        return RewardModel.load(kept, task.model, task.settings)
    shutil.rmtree(kept, ignore_errors=True)
    now = time.monotonic()
    part = replace(task, checkpoints=task.checkpoints / FOLDER, deadline=now + (task.deadline - now) / 2)
    model = teach(part, pairs, figures="reward-figures.jsonl").model
    model.save(kept, task.base)
    return model


def teach(task: Task, pairs: Sequence[Pair], figures: str = "figures.jsonl") -> Taught:
    """Train on the pairs of some people, and measure on those of the others. Raises TrainingFailed."""
    lap, settings = task.settings, task.settings.of(RewardSettings)
    policy = Policy.load(task.model, lap)
    rows, too_long = fitting(
        [_row(policy, pair) for pair in pairs], lambda row: row.tokens, lap.max_model_len, lap.train_min_pairs
    )
    learn, held = _apart(rows, settings.held_out, lap.seed)
    taught = _drawn(learn, lap.seed)
    width = policy.model.config.get_text_config().hidden_size
    # Not zero, for through a head of zeros the layers below would learn nothing in the first step.
    head = torch.nn.Parameter((torch.randn(width) / width).to(policy.device))
    card: dict[str, Any] = {"adapted": settings.adapted, "lora_rank": lap.lora_rank, "people": []}
    reward = RewardModel(policy, head, card)

    def loss(batch: Sequence[_Row]) -> tuple[torch.Tensor, dict[str, float]]:
        rewards = reward.rewards([one for row in batch for one in (row.chosen, row.rejected)])
        value = bradley_terry(rewards[::2], rewards[1::2], settings.center, settings.flip_rate)
        return value, {"accuracy": float((rewards[::2] > rewards[1::2]).float().mean())}

    def batches(epoch: int) -> list[list[_Row]]:
        return in_batches(taught, lambda row: row.tokens, settings.batch, lap.seed + epoch)

    rate = settings.learning_rate or learning_rate(policy.model.num_parameters())
    plan = Plan(
        epochs=settings.epochs,
        steps=settings.epochs * len(batches(0)),
        learning_rate=rate,
        seed=lap.seed,
        figures=task.out.parent / figures,
    )
    policy.prepare([one for row in rows for one in (row.chosen, row.rejected)], share=1, reference=False)
    done = fit(
        policy,
        batches,
        loss,
        plan,
        checkpoints=task.checkpoints,
        deadline=task.deadline,
        report=task.report,
        also={"head": head},
    )
    if not torch.isfinite(head).all() or not head.any():
        raise TrainingFailed("The reward model has learned nothing; check that the pairs differ and the learning rate.")
    _fill(reward, learn, held, lap.seed)
    policy.forget()
    return Taught(reward, done, len(taught), too_long, rate)


def bradley_terry(chosen: torch.Tensor, rejected: torch.Tensor, center: float, flipped: float) -> torch.Tensor:
    """-log p that the chosen answers win, with a pull of strength `center` towards a sum of 0. A scalar."""
    margin = chosen - rejected
    said = (1 - flipped) * torch.nn.functional.logsigmoid(margin) + flipped * torch.nn.functional.logsigmoid(-margin)
    return -said.mean() + center * (chosen + rejected).pow(2).mean()


def expected_calibration_error(margins: NDArray[np.float64]) -> float:
    """How far the confidence in the winner is from how often it won, over ten bins (Guo et al., arXiv:1706.04599).

    `margins`, of the shape (pairs,), are the rewards of what was chosen minus those of what was rejected.
    """
    sure = 1 / (1 + np.exp(-np.abs(margins)))
    right = (margins > 0).astype(np.float64)
    place = np.minimum(((sure - 0.5) * 2 * BINS).astype(int), BINS - 1)
    gaps = [abs(right[place == one].sum() - sure[place == one].sum()) for one in range(BINS)]
    return float(sum(gaps) / len(margins))


def _row(policy: Policy, pair: Pair) -> _Row:
    chosen, rejected = (encode(policy.tokenizer, pair.prompt, text) for text in (pair.chosen, pair.rejected))
    return _Row(chosen, rejected, pair)


def _drawn(rows: Sequence[_Row], seed: int) -> list[_Row]:
    by_pair = {id(row.pair): row for row in rows}
    return [by_pair[id(pair)] for pair in drawn([row.pair for row in rows], seed)]


def _apart(rows: Sequence[_Row], share: float, seed: int) -> tuple[list[_Row], list[_Row]]:
    """Rows to learn from, and rows of other people; machines' pairs and those of nobody are never held out."""
    people = sorted({row.pair.person for row in rows if row.pair.source not in OF_NO_PERSON})
    random.Random(seed).shuffle(people)
    count = round(share * len(people))
    held = set(people[:count]) if count >= LEAST_HELD_OUT else set()
    learn = [row for row in rows if row.pair.person not in held]
    return learn, [row for row in rows if row.pair.person in held and row.pair.source not in OF_NO_PERSON]


def _fill(reward: RewardModel, learn: Sequence[_Row], held: Sequence[_Row], seed: int) -> None:
    """Put into the card what was measured, and who taught."""
    known = reward.score_encoded([one for row in learn for one in (row.chosen, row.rejected)])
    reward.card |= {
        "mean": float(known.mean()),
        "std": float(known.std()),
        "people": sorted({person_hash(row.pair.person) for row in learn}),
        "pairs": len(learn),
        "train_accuracy": round(float((known[::2] > known[1::2]).mean()), 4),
        "held_out": _measured(reward, held, seed) if held else None,
    }


def _measured(reward: RewardModel, held: Sequence[_Row], seed: int) -> dict[str, Any]:
    scores = reward.score_encoded([one for row in held for one in (row.chosen, row.rejected)])
    margins = scores[::2] - scores[1::2]
    longer = np.array([len(row.chosen.completion) - len(row.rejected.completion) for row in held], dtype=np.float64)
    right = (margins > 0).astype(np.float64)
    low, high = interval(right, [row.pair.person for row in held], seed)
    flat = np.ptp(longer) == 0 or np.ptp(margins) == 0
    return {
        "pairs": len(held),
        "people": len({row.pair.person for row in held}),
        "accuracy": round(float(right.mean()), 4),
        "low": low,
        "high": high,
        "calibration_error": round(expected_calibration_error(margins), 4),
        "length_correlation": None if flat else round(float(spearmanr(margins, longer).statistic), 4),
        "longer_chosen": round(float((longer > 0).mean()), 4),
        "longer_scored_higher": round(float(((margins > 0) == (longer > 0)).mean()), 4),
    }
