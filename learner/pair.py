"""A preference pair: the unit that a dataset is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal[
    "rewrite",  # a person wrote a better answer
    "correction",  # a reviewer did
    "demonstration",  # an imported answer to imitate
    "sibling",  # opposite votes on two answers to one message
    "comparison",  # two answers side by side
    "thumb",
    "stars",
    "survey",
    "critique",  # remarks about spans
    "implicit",  # copied, asked again, complained
    "ai-feedback",
    "self-review",
    "augmentation",
    "red-team",
    "import",
    "anchor",  # the clean set that is mixed in
]

# What machines made, or what nobody chose between, is no evidence of what people like.
OF_NO_PERSON: frozenset[Source] = frozenset(
    {"ai-feedback", "self-review", "augmentation", "red-team", "anchor", "demonstration"}
)


@dataclass(frozen=True)
class Pair:
    """`chosen` was preferred to `rejected` as the answer to `prompt`, the messages that the engine was sent.

    `weight` is how often a pass over the dataset meets the pair on average, at least 0.
    """

    turn_id: str
    person: str
    prompt: tuple[dict[str, str], ...]
    chosen: str
    rejected: str
    source: Source
    weight: float = 1.0
