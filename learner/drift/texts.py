"""Distinct n-grams of equal amounts of text, and topics over two samples together.

Distinct-n (Li et al. 2016, arXiv:1510.03055) falls with the amount of text, so it is taken of blocks of equal length:
the answers of several people, one each, one behind the other. A block is a unit like a person, for no two share one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learner.dataset.topics import topics
from learner.drift.metrics import DISTINCT, Scores

BLOCK_WORDS = 300
FEWEST_PEOPLE = 3  # who must have said a word that is shown
_WORD = re.compile(r"\w+")


def distinct(answers: Sequence[str]) -> dict[str, Scores]:
    """The share of distinct 1-, 2- and 3-grams in each block of the answers, in their order; shape (blocks,) each."""
    found: dict[str, list[float]] = {name: [] for name in DISTINCT}
    block: list[list[str]] = []
    size = 0
    for answer in answers:
        words = _WORD.findall(answer.lower())[: BLOCK_WORDS - size]
        block.append(words)
        size += len(words)
        if size == BLOCK_WORDS:
            for number, name in enumerate(DISTINCT, 1):
                found[name].append(_share(block, number))
            block, size = [], 0
    return {name: np.array(values, dtype=np.float64) for name, values in found.items()}


def topics_of(one: Sequence[str], other: Sequence[str], seed: int) -> tuple[NDArray[np.int64], list[str]]:
    """The number of each question's topic, those of `one` first, and the words that tell each topic from the others.

    A word that only one or two people said may be personal, and is in no name.
    """
    texts = [" ".join(_WORD.findall(text.lower())) for text in (*one, *other)]
    numbers, names = topics(texts, seed)
    said = Counter(word for text in texts for word in set(text.split()))
    shown = [" ".join(word for word in name.split() if said[word] >= FEWEST_PEOPLE) for name in names]
    return np.array(numbers, dtype=np.int64), [name or f"topic {place}" for place, name in enumerate(shown, 1)]


def _share(block: Sequence[Sequence[str]], number: int) -> float:
    """Distinct n-grams as a share of all, none of which reaches from one answer into the next."""
    grams = [gram for words in block for gram in zip(*(words[start:] for start in range(number)), strict=False)]
    return len(set(grams)) / len(grams) if grams else 1.0
