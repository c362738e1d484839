"""Where the rewards of roll-outs come from: a reward model, a judge, or any function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learner.errors import TrainingFailed
from learner.judges.judge import Case, Judge
from learner.judges.record import JudgeRecord
from learner.recipe_settings import RlSettings
from learner.recipes.reward import FOLDER, teach_within
from learner.recipes.task import Task
from learner.reward_model import RewardModel
from learner.tokens import Messages

# (prompts, their completions) to rewards of the shape (prompts, completions), in standard deviations.
Reward = Callable[[Sequence[Messages], Sequence[Sequence[str]]], NDArray[np.float64]]


class Rewarded(NamedTuple):
    """The rewards, and what a run tells of where they came from."""

    reward: Reward
    told: Mapping[str, object]


def reward_of(task: Task, settings: RlSettings) -> Rewarded:
    """What the settings name; without a name a reward model of the task's own pairs, kept beside its adapter.

    Raises JudgeRefused, BadFile, BadAdapter, and TrainingFailed where a new reward model orders pairs no better than
    chance does.
    """
    if settings.judge:
        record = JudgeRecord.read(Path(settings.judge))
        return Rewarded(by_judge(record.trusted()), {"judge": record.calibration.to_values()})
    if settings.reward:
        model = RewardModel.load(Path(settings.reward), task.model, task.settings)
        return Rewarded(by_model(model), {"reward_model": settings.reward, "held_out": model.card.get("held_out")})
    model = teach_within(task, task.lessons.pairs)
    _check(model)
    return Rewarded(by_model(model), {"reward_model": FOLDER, "held_out": model.card["held_out"]})


def by_model(model: RewardModel) -> Reward:
    """In deviations of the scores of what the model was trained on."""
    scale = max(1e-6, float(model.card["std"]))

    def reward(prompts: Sequence[Messages], completions: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        each = len(completions[0])
        flat = [text for texts in completions for text in texts]
        asked = [prompt for prompt in prompts for _ in range(each)]
        return model.score(asked, flat).reshape(len(prompts), each) / scale

    return reward


def by_judge(judge: Judge) -> Reward:
    """How likely each completion beats its two neighbours in a ring, in deviations of a fair coin.

    A judge only compares, and a ring takes as many comparisons as there are completions.
    """

    def reward(prompts: Sequence[Messages], completions: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        cases = [
            Case(tuple(dict(message) for message in prompt), text, texts[(place + 1) % len(texts)])
            for prompt, texts in zip(prompts, completions, strict=True)
            for place, text in enumerate(texts)
        ]
        verdicts = judge.compare(cases)
        ahead = np.array([_likely(v.shown_first, v.shown_second) for v in verdicts]).reshape(len(prompts), -1)
        return np.asarray(ahead - np.roll(ahead, 1, axis=1))

    return reward


def _likely(*read: float | None) -> float:
    known = [one for one in read if one is not None]
    return sum(known) / len(known) if len(known) == len(read) else 0.5


def _check(model: RewardModel) -> None:
    held = model.card["held_out"]
    if held is not None and held["low"] <= 0.5:
        raise TrainingFailed(
            f"The reward model orders {held['accuracy']:.3f} of {held['pairs']} held-out pairs rightly (95% "
            f"{held['low']:.3f} to {held['high']:.3f}), which may be chance; what follows it learns noise."
        )
