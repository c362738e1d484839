"""Texts as vectors: their words and pairs of words, hashed into few places (Weinberger et al. 2009)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def hashed(texts: Sequence[str], places: int) -> Vectors:
    """How often each place is met in each text, shape (texts, places), with a sign by word, so that meetings cancel."""
    known: dict[str, int] = {}
    rows: list[int] = []
    found: list[int] = []
    for row, text in enumerate(texts):
        words = text.split()
        before = len(found)
        for word in itertools.chain(words, map(" ".join, itertools.pairwise(words))):
            code = known.get(word)
            if code is None:
                code = known[word] = crc32(word.encode("utf-8", "replace"))
            found.append(code)
        rows += [row] * (len(found) - before)
    codes = np.array(found, dtype=np.int64)
    where = np.array(rows, dtype=np.int64) * places + codes % places
    signs = np.where(codes >> 31 & 1, 1.0, -1.0)
    return np.bincount(where, weights=signs, minlength=len(texts) * places).astype(np.float32).reshape(-1, places)
