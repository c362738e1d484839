"""The questions that both models answer, and what makes an answer right, where that can be computed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from learner.gates import bias
from learner.pair import Pair
from learner.settings import LapSettings
from learner.tokens import Messages
from safety.bias import Prompt
from safety.bias import Suite as BiasSuite


@dataclass(frozen=True)
class Suite:
    """`is_right(number, answer)` judges the answer to `prompts[number]`; None where nobody knows what is right.

    `swaps` are asked besides, for the bias gate.
    """

    prompts: Sequence[Messages]
    is_right: Callable[[int, str], bool] | None
    swaps: Sequence[Prompt] = ()


def suite_for(model: str, pairs: Sequence[Pair], settings: LapSettings) -> Suite:
    """The starter's held-out questions for the starter; for another model the prompts of the held-out pairs."""
    from learner.starter import MODEL_DIR

    if Path(model).is_dir() and Path(model).resolve() == MODEL_DIR.resolve():
        return _starter_suite(settings)
    prompts = list({pair.turn_id: pair.prompt for pair in pairs}.values())
    random.Random(settings.seed).shuffle(prompts)
    return Suite(prompts[: settings.gate_questions], None, bias.swaps(BiasSuite.load().questions, settings))


def _starter_suite(settings: LapSettings) -> Suite:
    from learner.starter import held_out_questions, score

    asked = held_out_questions(settings.seed, settings.gate_questions)
    return Suite(
        [question.messages for question in asked],
        lambda number, answer: score(asked[number].intent, answer, asked[number].order).right,
        bias.swaps(bias.starter_questions(settings.seed, 3 * settings.gate_bias_pairs), settings),
    )
