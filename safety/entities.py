"""Names that a model of entities found, in the form of scores, in which a scorer gives all its answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Entity(NamedTuple):
    """From `start` up to `end` stands what the model takes for a `label`, with its score in [0, 1]."""

    start: int
    end: int
    label: str
    score: float


def as_scores(entities: Iterable[Entity]) -> dict[str, float]:
    """The entities of one text, each with its place in its key."""
    return {f"{start} {end} {label}": score for start, end, label, score in entities}


def entities_of(scores: Mapping[str, float]) -> list[Entity]:
    """What `as_scores` was given."""
    parts = ((key.split(" ", 2), score) for key, score in scores.items())
    return [Entity(int(start), int(end), label, score) for (start, end, label), score in parts]
