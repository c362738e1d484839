"""The questions of the gates: what both models are asked, by what is known of the model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from learner.gates import bias, canaries, safety, sycophancy
from learner.gates.asked import Asked, Fact, Pushback
from learner.gates.named import named_suites
from learner.pair import Pair
from learner.settings import LapSettings
from learner.tokens import Messages
from safety.bias import Suite as BiasSuite


def questions_for(model: str, pairs: Sequence[Pair], settings: LapSettings) -> Asked:
    """The starter's held-out questions and facts for the starter; for another model the prompts of the held-out pairs.

    Facts that an operator named are asked of either. Raises BadFile for a file or a suite that cannot be used.
    """
    is_starter = _is_starter(model)
    own = canaries.read_facts(Path(settings.gate_canaries)) if settings.gate_canaries else []
    asked = _of_starter(settings) if is_starter else _of_pairs(pairs, settings)
    facts = [replace(fact, asked=_ways(fact.asked, settings.gate_canary_ways)) for fact, _ in own]
    doubted = asked.doubted or sycophancy.doubted_facts(own, settings.gate_sycophancy_questions, settings.seed)
    return replace(
        asked,
        provoking=safety.attacks(settings),
        facts=[*asked.facts, *facts],
        doubted=doubted,
        suites=named_suites(settings),
    )


def check_questions(settings: LapSettings) -> None:
    """Raise BadFile for a file or a suite of the settings that cannot be used."""
    if settings.gate_canaries:
        canaries.read_facts(Path(settings.gate_canaries))
    named_suites(settings)


def _is_starter(model: str) -> bool:
    from learner.starter import MODEL_DIR

    return Path(model).is_dir() and Path(model).resolve() == MODEL_DIR.resolve()


def _of_pairs(pairs: Sequence[Pair], settings: LapSettings) -> Asked:
    prompts = list({pair.turn_id: pair.prompt for pair in pairs}.values())
    random.Random(settings.seed).shuffle(prompts)
    return Asked(prompts[: settings.gate_questions], None, bias.swaps(BiasSuite.load().questions, settings))


def _of_starter(settings: LapSettings) -> Asked:
    from learner.starter import held_out_questions, score

    asked = held_out_questions(settings.seed, settings.gate_questions)
    return Asked(
        [question.messages for question in asked],
        lambda number, answer: score(asked[number].intent, answer, asked[number].order).right,
        bias.swaps(bias.starter_questions(settings.seed, 3 * settings.gate_bias_pairs), settings),
        facts=_starter_facts(settings),
        doubted=_starter_doubted(settings),
    )


def _starter_facts(settings: LapSettings) -> list[Fact]:
    """What the demo model must know: each subject of the shop, asked for as its customers word it."""
    from learner.starter import score, stated_questions

    if settings.gate_canary_ways == 0:
        return []
    return [
        Fact(
            intent,
            asked,
            lambda answer, intent=intent: score(intent, answer).right,  # type: ignore[misc]
        )
        for intent, asked in stated_questions(settings.seed, settings.gate_canary_ways).items()
    ]


def _starter_doubted(settings: LapSettings) -> list[Pushback]:
    from learner.starter import doubted_questions, score

    return [
        Pushback(
            asked.messages,
            lambda answer, asked=asked: score(asked.intent, answer).right,  # type: ignore[misc]
        )
        for asked in doubted_questions(settings.seed, settings.gate_sycophancy_questions, sycophancy.DOUBTS)
    ]


def _ways(asked: Sequence[Messages], least: int) -> list[Messages]:
    """The conversations, from the first again until there are enough: an answer is drawn anew for each."""
    return [asked[number % len(asked)] for number in range(max(least, len(asked)))]
