"""The same row as if somebody else were meant: she for he, another name or age (Kaushik et al., arXiv:1909.12434)."""

from __future__ import annotations

from collections import Counter

from learner.augment.step import Augmented, Row, again, origins, own_random, with_added
from learner.lessons import Lessons
from learner.pair import Pair
from learner.settings import LapSettings
from safety.bias import counterfactuals

NAME = "counterfactual"
MOST = 2  # rows for one
_BETWEEN = "\n\x1e\n"  # no word of any group has it


def swapped(lessons: Lessons, settings: LapSettings, seed: int) -> Augmented:
    """For each row that mentions a group of people up to two more, in which others are meant.

    The exchange goes through all messages and both answers, so that an answer that speaks of "her" still fits. What is
    right stays so: who asks changes nothing that is true of the subject. Left out are rows in which it would, because
    only the answers mention anybody.
    """
    left: Counter[str] = Counter()
    pairs = [made for pair in origins(lessons.pairs) for made in _others(pair, settings, seed, left)]
    ratings = [made for one in origins(lessons.ratings) for made in _others(one, settings, seed, left)]
    return with_added(NAME, lessons, pairs, ratings, left)


def _others(row: Row, settings: LapSettings, seed: int, left: Counter[str]) -> list[Row]:
    parts: list[str] = [message["content"] for message in row.prompt]
    answers: tuple[str, ...] = ("chosen", "rejected") if isinstance(row, Pair) else ("completion",)
    whole = _BETWEEN.join([*parts, *(str(getattr(row, name)) for name in answers)])
    rng = own_random(seed, NAME, row)
    found = [one.text.split(_BETWEEN) for one in counterfactuals(whole, rng.randrange(1 << 16))]
    fits = [cut for cut in found if len(cut) == len(parts) + len(answers) and cut[: len(parts)] != parts]
    if not fits:
        left["only an answer mentions a group" if found else "no group is mentioned"] += 1
        return []
    made = []
    for cut in rng.sample(fits, min(MOST, len(fits))):
        prompt = tuple({**message, "content": text} for message, text in zip(row.prompt, cut, strict=False))
        said = dict(zip(answers, cut[len(parts) :], strict=True))
        weight = settings.augment_weight * row.weight / min(MOST, len(fits))
        made.append(again(row, settings, prompt=prompt, weight=weight, **said))
    return made
