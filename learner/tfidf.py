"""Texts as sparse vectors of length 1, so that a product is a cosine: words and pairs of words, the rare ones heavier.

Hashing: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BITS = 14  # 16,384 places
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


@dataclass(frozen=True)
class Tfidf:
    """How rare each place is: `idf` of shape (2^BITS,), ln((1 + texts) / (1 + texts that have it)) + 1."""

    idf: NDArray[np.float32]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Tfidf:
        """Count in how many of the texts each place occurs."""
        seen = np.zeros(1 << BITS)
        for text in texts:
            seen[list(_counts(text))] += 1
        return cls((np.log((1 + len(texts)) / (1 + seen)) + 1).astype(np.float32))

    def vector(self, text: str) -> Mapping[int, float]:
        """The values of one text by place; empty for a text without words."""
        raw = {place: count * float(self.idf[place]) for place, count in _counts(text).items()}
        norm = math.sqrt(sum(value * value for value in raw.values()))
        return {place: value / norm for place, value in raw.items()}

    def matrix(self, texts: Sequence[str]) -> csr_array[Any, Any]:
        """All texts, shape (texts, 2^BITS)."""
        from scipy.sparse import csr_array  # for laps only: it is slow to load

        vectors = [self.vector(text) for text in texts]
        ends = np.cumsum([0, *map(len, vectors)])
        places = [place for vector in vectors for place in vector]
        values = np.array([value for vector in vectors for value in vector.values()], dtype=np.float32)
        return csr_array((values, np.array(places, dtype=np.int64), ends), shape=(len(texts), 1 << BITS))


def _counts(text: str) -> Counter[int]:
    """How often each place occurs."""
    words = [word.lower() for word in _WORD.findall(text.replace("’", "'"))]
    terms = [*words, *(" ".join(pair) for pair in pairwise(words))]
    return Counter(crc32(term.encode()) & ((1 << BITS) - 1) for term in terms)
