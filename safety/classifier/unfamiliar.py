"""Innocent texts of words that there are not: so that a word which was never met says nothing by itself."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from safety.classifier.examples import Example

COUNT = 30_000
REPLACED = 0.6  # of the longer words of a text
_WORD = re.compile(r"[A-Za-z]{5,}")


def unfamiliar(examples: Sequence[Example], seed: int, count: int = COUNT) -> Iterator[Example]:
    """`count` taught innocent texts, in which longer words are put together from the halves of two others."""
    innocent = [one for one in examples if one.split == "taught" and not any(one.target)]
    words = sorted({word for one in innocent for word in _WORD.findall(one.text.lower())})
    rng = random.Random(f"unfamiliar {seed}")
    for number in range(count if innocent else 0):
        one = rng.choice(innocent)
        text = _WORD.sub(lambda match: _spliced(words, rng) if rng.random() < REPLACED else match[0], one.text)
        yield one._replace(text=text, source="unfamiliar", family=f"unfamiliar {number}", line="")


def _spliced(words: Sequence[str], rng: random.Random) -> str:
    first, last = rng.choice(words), rng.choice(words)
    return first[: len(first) // 2] + last[len(last) // 2 :]
