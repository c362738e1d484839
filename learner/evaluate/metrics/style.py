"""How answers are, whatever they say: length, repetition, refusals, language.

Distinct-n: Li et al., "A Diversity-Promoting Objective Function for Neural Conversation Models", NAACL 2016.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from typing import Any

from learner.evaluate.metrics.metric import Answers, Metric, NotMeasured
from learner.evaluate.scores import Scores, means, ratios

SHORTEST = 20  # characters; of less no language can be told
_WORD = re.compile(r"\w+")


def length(answers: Answers) -> Scores:
    """The mean number of words of an answer."""
    return means([float(len(_WORD.findall(text))) for text in answers.texts], higher_is_better=None, bounds=None)


def distinct(answers: Answers, n: int) -> Scores:
    """How many different n-grams there are among those of all answers together, as a share.

    Each place of an n-gram counts for one by how often it occurs, so that the sum is their number.
    """
    grams = [_grams(text, n) for text in answers.texts]
    often = Counter(gram for found in grams for gram in found)
    return ratios([sum(1 / often[gram] for gram in found) for found in grams], list(map(float, map(len, grams))))


def refusals(answers: Answers) -> Scores:
    """The share of answers that refuse, by the words of it."""
    from safety.bias import REFUSAL_WORDS

    refuses = re.compile(REFUSAL_WORDS, re.IGNORECASE)
    return means(
        [float(refuses.search(text.replace("\u2019", "'")) is not None) for text in answers.texts],
        higher_is_better=False,
    )


def same_language(answers: Answers) -> Scores:
    """The share of answers in the language of the question, or in `language` of the row's data; `mix` counts them all.

    Of texts that are too short no language can be told, and they are left out.
    """
    classify = _classifier()
    spoken = [classify(text)[0] if len(text) >= SHORTEST else None for text in answers.texts]
    values: list[float | None] = []
    for row, found in zip(answers.rows, spoken, strict=True):
        wanted = row.data.get("language") or (classify(row.question)[0] if len(row.question) >= SHORTEST else None)
        values.append(None if found is None or wanted is None else float(found == wanted))
    mix = Counter(found or "too short" for found in spoken)
    return means(values, detail={"mix": {name: round(count / len(spoken), 4) for name, count in mix.most_common()}})


def _classifier() -> Any:  # noqa: ANN401
    try:
        import py3langid
    except ImportError:
        raise NotMeasured("py3langid is not installed; bring the environment up to date with `./ratchet`.") from None
    return py3langid.classify


def _grams(text: str, n: int) -> list[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return list(zip(*(words[start:] for start in range(n)), strict=False))


METRICS = (
    Metric("length", "words of an answer", length, None),
    Metric("distinct_1", "share of different words among all", partial(distinct, n=1)),
    Metric("distinct_2", "share of different pairs of words among all", partial(distinct, n=2)),
    Metric("refusals", "share of answers that refuse", refusals, False),
    Metric("same_language", "share of answers in the language of the question", same_language),
)
