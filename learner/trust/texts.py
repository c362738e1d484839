"""Near-duplicate texts in one cluster each, by MinHash over runs of letters (Broder 1997) and bands of the hashes.

It is numpy over many texts at once, for a lap has a hundred thousand of them: `./ratchet bench dataset` measures it
beside datasketch, which looks at one text at a time.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LETTERS = 4  # of a shingle: a mistyped word changes few of them
ALIKE = 0.6  # Jaccard similarity of the shingles from which two texts are near-duplicates
# Texts that agree in a whole band are compared. Of those with similarity s, 1 - (1 - s^ROWS)^BANDS are found: 0.97 of
# the pairs at 0.6, and all but one of a thousand at 0.8.
BANDS, ROWS = 24, 4
# What share of all hashes two texts agree in is their similarity with a standard error of up to 0.05. By how much that
# share may fall short of what is asked for before the shingles themselves are not looked at any more.
DOUBT = 0.2
AT_ONCE = 1 << 15  # letters, whose hashes stay in the processor's cache
SEED = 20  # of the hash functions; any would do, but it has to stay
_NOT_WORDS = re.compile(r"[\W_]+")

Hashes = NDArray[np.uint64]


class _Hashed(NamedTuple):
    """Of one text the hashes of its shingles, shape (shingles,), the least of each, and a number for each band."""

    shingles: Hashes
    least: NDArray[np.uint32]
    bands: list[int]


def prompt_text(prompt: Sequence[Mapping[str, Any]]) -> str:
    """What was asked last, with the question before it: "and the cost?" alone says little."""
    asked = [str(message["content"]) for message in prompt if message.get("role") == "user"]
    return plain(" ".join(asked[-2:]))


def plain(text: str) -> str:
    """The text in small letters, its words one space apart."""
    return _NOT_WORDS.sub(" ", text.lower()).strip()


def clusters(texts: Sequence[str], alike: float = ALIKE) -> list[int]:
    """For each text the number of its cluster, which is that of the first text that it is a near-duplicate of.

    Two are where the Jaccard similarity of their shingles is `alike` or more. Only a text without one is looked for
    later: a flood of near-duplicates takes no more time than as many texts.
    """
    distinct = list(dict.fromkeys(texts))
    index: defaultdict[int, list[int]] = defaultdict(list)
    least = np.zeros((len(distinct), BANDS * ROWS), dtype=np.uint32)
    firsts: dict[int, frozenset[int]] = {}
    numbers: dict[str, int] = {}
    for place, (text, hashed) in enumerate(zip(distinct, _hashed(distinct), strict=True)):
        near = sorted({first for band in hashed.bands for first in index.get(band, ())})
        if len(near) > 1:
            agreed = (least[near] == hashed.least).mean(axis=1) >= alike - DOUBT
            near = [first for first, likely in zip(near, agreed.tolist(), strict=True) if likely]
        mine = frozenset(hashed.shingles.tolist())
        number = next((first for first in near if _jaccard(mine, firsts[first]) >= alike), None)
        if number is None:
            number, firsts[place], least[place] = place, mine, hashed.least
            for band in hashed.bands:
                index[band].append(place)
        numbers[text] = number
    return [numbers[text] for text in texts]


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    both = len(one & other)
    return both / (len(one) + len(other) - both)


def _hashed(texts: Sequence[str]) -> Iterator[_Hashed]:
    part: list[str] = []
    letters = 0
    for text in texts:
        part.append(text)
        letters += len(text) + LETTERS
        if letters >= AT_ONCE:
            yield from _hashed_together(part)
            part, letters = [], 0
    if part:
        yield from _hashed_together(part)


def _hashed_together(texts: Sequence[str]) -> Iterator[_Hashed]:
    """The hashes of some texts, at least one; a text that is shorter than a shingle is filled up with blanks."""
    padded = [f" {text} ".ljust(LETTERS) for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    ends = np.cumsum([len(text) for text in padded])
    counts = np.array([len(text) - LETTERS + 1 for text in padded])
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    # Runs of letters that begin in one text and end in the next are left out.
    places = np.arange(counts.sum()) + np.repeat(ends - np.cumsum(counts) - (LETTERS - 1), counts)
    factors = np.random.default_rng(SEED).integers(0, 1 << 63, (BANDS * ROWS + LETTERS + ROWS, 2), dtype=np.uint64)
    found = np.zeros(len(places), dtype=np.uint64)
    for letter in range(LETTERS):
        found += codes[places + letter] * (factors[letter, 0] | np.uint64(1))
    found ^= found >> np.uint64(29)
    bands = np.zeros((len(texts), BANDS), dtype=np.uint64)
    leasts = np.zeros((len(texts), BANDS * ROWS), dtype=np.uint32)
    for number, (by, plus) in enumerate(factors[LETTERS + ROWS :]):
        least = np.minimum.reduceat(found * (by | np.uint64(1)) + plus >> np.uint64(32), starts)
        leasts[:, number] = least
        bands[:, number // ROWS] += least * (factors[LETTERS + number % ROWS, 1] | np.uint64(1))
    bands ^= np.arange(BANDS, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for start, count, row, least in zip(starts.tolist(), counts.tolist(), bands.tolist(), leasts, strict=True):
        yield _Hashed(found[start : start + count], least, row)
