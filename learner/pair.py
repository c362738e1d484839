"""A preference pair: the unit that a dataset is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal["rewrite", "correction", "sibling", "comparison", "anchor"]


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
