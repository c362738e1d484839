"""Near-duplicate texts in one cluster each, by MinHash over runs of letters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

LETTERS = 4  # of a shingle: a mistyped word changes few of them
PERMUTATIONS = 64
ALIKE = 0.6  # Jaccard similarity of the shingles from which two texts are near-duplicates
CANDIDATES = 0.5  # and from which they should be compared at all: the hashes only estimate it
_NOT_WORDS = re.compile(r"[\W_]+")


def prompt_text(prompt: Sequence[Mapping[str, Any]]) -> str:
    """What was asked last, with the question before it: "and the cost?" alone says little."""
    asked = [str(message["content"]) for message in prompt if message.get("role") == "user"]
    return plain(" ".join(asked[-2:]))


def plain(text: str) -> str:
    """The text in small letters, its words one space apart."""
    return _NOT_WORDS.sub(" ", text.lower()).strip()


def clusters(texts: Sequence[str]) -> list[int]:
    """For each text the number of its cluster, which is that of the first text that it is a near-duplicate of.

    Only a text without one is looked for later: a flood of near-duplicates takes no more time than as many texts.
    """
    from datasketch import MinHash, MinHashLSH  # as slow to load as scipy, and for laps only

    distinct = list(dict.fromkeys(texts))
    shingles = [_shingles(text) for text in distinct]
    index = MinHashLSH(threshold=CANDIDATES, num_perm=PERMUTATIONS)
    numbers: dict[str, int] = {}
    for place, found in enumerate(MinHash.generator(map(list, shingles), num_perm=PERMUTATIONS)):
        alike = [first for first in sorted(index.query(found)) if _jaccard(shingles[place], shingles[first]) >= ALIKE]
        numbers[distinct[place]] = alike[0] if alike else place
        if not alike:
            index.insert(place, found)
    return [numbers[text] for text in texts]


def _jaccard(one: set[bytes], other: set[bytes]) -> float:
    return len(one & other) / len(one | other)


def _shingles(text: str) -> set[bytes]:
    padded = f" {text} "
    return {padded[at : at + LETTERS].encode() for at in range(max(1, len(padded) - LETTERS + 1))}
