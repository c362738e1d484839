"""A clean set beside what few people gave: what they are wrong about together must not be all that is learned."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from learner.lessons import Rating
from learner.pair import Pair
from learner.settings import LapSettings
from learner.trust.honeypots import falsified, read_lines
from learner.trust.step import VOUCHED

PAIRS = 200  # of the starter's


def anchored(learn: Sequence[Pair], model: str, settings: LapSettings) -> tuple[list[Pair], str]:
    """The clean pairs, which weigh as much as those of the people together, and what to say about it.

    None where there are enough people, or where nobody has named a set for this model. Raises BadFile.
    """
    people = {pair.person for pair in learn if pair.source != "correction"}
    if not learn or len(people) >= settings.anchor_people:
        return [], ""
    few = f"The pairs are of {len(people)} people, fewer than {settings.anchor_people}"
    clean = _clean(model, settings)
    if not clean:
        return [], f"{few}, and no clean set is there to mix in: name one by anchor_file."
    weight = sum(pair.weight for pair in learn) / len(clean)
    return [replace(pair, weight=weight) for pair in clean], f"{few}, so {len(clean)} clean pairs have half the weight."


def approval(learn: Sequence[Pair | Rating], settings: LapSettings) -> str | None:
    """Why a person has to approve of a promotion, whatever the settings say; None where nobody has to.

    Only people who chat here count: those of a file are there on the word of whoever imported it.
    """
    people = len({lesson.person for lesson in learn if lesson.source not in VOUCHED})
    if people >= settings.anchor_people:
        return None
    return f"It learned from {people} people, fewer than {settings.anchor_people}, so a person has to promote it."


def starter_anchor(seed: int, count: int = PAIRS) -> list[Pair]:
    """For the starter, from its world: right answers in every style, preferred to the same with wrong numbers."""
    from learner.starter import STYLES, questions, render

    rng = random.Random(f"anchor {seed}")
    made: list[Pair] = []
    for number, question in enumerate(questions(seed + 1_000_003, 20 * count)):
        chosen = render(question.intent, rng.choice(STYLES), rng, question.order)
        rejected = falsified(chosen, rng)
        if chosen != rejected and len(made) < count:
            made.append(Pair(f"anchor-{number}", "anchor", question.messages, chosen, rejected, "anchor"))
    return made


def _clean(model: str, settings: LapSettings) -> list[Pair]:
    if settings.anchor_file:
        lines = read_lines(settings.anchor_file, ("chosen", "rejected"))
        return [
            Pair(f"anchor-{number}", "anchor", prompt, chosen, rejected, "anchor")
            for number, (prompt, chosen, rejected) in enumerate(lines)
        ]
    from learner.starter import MODEL_DIR

    starter = Path(model).is_dir() and Path(model).resolve() == MODEL_DIR.resolve()
    return starter_anchor(settings.seed) if starter else []
