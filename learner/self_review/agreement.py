"""Do two answers say the same? By the rare words that tell their subject, and by the values that they state.

Self-consistency over resamples: Manakul et al., "SelfCheckGPT", arXiv:2303.08896; what many samples say is more often
right: Wang et al., arXiv:2203.11171.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner.trust.claims import claims

STEM = 5  # letters: "deliver", "delivered" and "delivery" are one
COMMON = 1.5  # ln of one over the share of texts up to which a word is a phrase of the house and counts nothing
_WORD = re.compile(r"[^\W\d_]{3,}|\d+(?:[.,:]\d+)*")


@dataclass(frozen=True)
class Words:
    """What each word of a model's answers tells, by how few of them have it."""

    weights: dict[str, float]
    unseen: float

    @classmethod
    def of(cls, texts: Sequence[str]) -> Words:
        """Count in how many of the texts each word occurs."""
        having = Counter(word for text in texts for word in _words(text))
        whole = math.log(1 + len(texts))
        return cls(
            {word: max(0.0, whole - math.log(1 + count) - COMMON) for word, count in having.items()},
            max(0.0, whole - COMMON),
        )

    def overlaps(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """How much of the shorter of two texts is in the other, in [0, 1], shape (texts, texts).

        So a terse answer and a wordy one may say the same. A text of common words alone overlaps with every other.
        """
        found = [_words(text) for text in texts]
        sizes = [self._weight(words) for words in found]
        shared = np.ones((len(texts), len(texts)))
        for place, one in enumerate(found):
            for at in range(place):
                least = min(sizes[place], sizes[at])
                if least > 0:
                    shared[place, at] = shared[at, place] = self._weight(one & found[at]) / least
        return shared

    def _weight(self, words: set[str]) -> float:
        return sum(self.weights.get(word, self.unseen) for word in words)


@dataclass(frozen=True)
class Said:
    """An answer and what it states: its numbers with what they count, and its links and addresses."""

    text: str
    states: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Said:
        """Read an answer. Names are left out: a greeting has some."""
        return cls(text, frozenset(claim for claim in claims(text) if re.search(r"\d|@|/|www", claim)))


def conflict(one: Said, other: Said) -> set[str]:
    """What `one` states of which `other` states another value of the same kind: "3 day" where the other has "5 day"."""
    values: dict[str, set[str]] = {}
    for claim in other.states:
        values.setdefault(_kind(claim), set()).add(claim)
    return {claim for claim in one.states if (found := values.get(_kind(claim))) and not found & one.states}


def _words(text: str) -> set[str]:
    return {word[:STEM] if word[0].isalpha() else word for word in _WORD.findall(text.lower())}


def _kind(claim: str) -> str:
    number, _, counted = claim.partition(" ")
    return counted if number[:1].isdigit() else "link"
