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
    """For each text the number of its cluster; near-duplicates of near-duplicates belong together."""
    from datasketch import MinHash, MinHashLSH  # as slow to load as scipy, and for laps only

    distinct = list(dict.fromkeys(texts))
    shingles = [_shingles(text) for text in distinct]
    parents = list(range(len(distinct)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    index = MinHashLSH(threshold=CANDIDATES, num_perm=PERMUTATIONS)
    for place, found in enumerate(MinHash.generator(map(list, shingles), num_perm=PERMUTATIONS)):
        for other in index.query(found):
            if len(shingles[place] & shingles[other]) >= ALIKE * len(shingles[place] | shingles[other]):
                parents[root(place)] = root(other)
        index.insert(place, found)
    numbers = {text: root(place) for place, text in enumerate(distinct)}
    return [numbers[text] for text in texts]


def _shingles(text: str) -> set[bytes]:
    padded = f" {text} "
    return {padded[at : at + LETTERS].encode() for at in range(max(1, len(padded) - LETTERS + 1))}
