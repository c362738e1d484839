"""Which rows a step takes: drawn by their weights, and together with rows that are about as long."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from learner.errors import TrainingFailed


class Weighted(Protocol):
    """What counts more or less."""

    @property
    def weight(self) -> float:
        """At least 0."""


Row = TypeVar("Row")
Heavy = TypeVar("Heavy", bound=Weighted)


def drawn(rows: Sequence[Heavy], seed: int) -> list[Heavy]:
    """Each row as often as its weight says, on average.

    The loss could be weighed instead. But then a row that counts for a quarter would take as long as any other, and a
    dataset with many of them would make more steps; drawn, the work of a pass is in proportion to what it may teach.
    """
    rng = random.Random(seed)
    return [row for row in rows for _ in range(int(row.weight) + (rng.random() < row.weight % 1))]


def in_batches(rows: Sequence[Row], tokens: Callable[[Row], int], size: int, seed: int) -> list[list[Row]]:
    """Batches of `size` rows that have about as many `tokens`, in random order; the smaller rest, if any, comes last.

    A batch is padded to its longest row, which at random takes about twice the work. Rows as long as each other change
    places from seed to seed.
    """
    rng = random.Random(seed)
    ordered = sorted(rows, key=lambda row: (tokens(row), rng.random()))
    whole = len(ordered) - len(ordered) % size
    batches = [ordered[start : start + size] for start in range(0, whole, size)]
    rng.shuffle(batches)
    return [*batches, ordered[whole:]] if whole < len(ordered) else batches


def fitting(rows: Sequence[Row], tokens: Callable[[Row], int], limit: int, least: int) -> tuple[list[Row], int]:
    """The rows of at most `limit` tokens, and how many are longer. Raises TrainingFailed below `least` rows."""
    kept = [row for row in rows if tokens(row) <= limit]
    if len(kept) < least or not kept:
        if len(kept) == len(rows):
            raise TrainingFailed(f"There are {len(rows)} rows, and {max(1, least)} are needed (train_min_pairs).")
        raise TrainingFailed(
            f"Only {len(kept)} of {len(rows)} rows fit into {limit} tokens, and {max(1, least)} are needed; "
            "raise max_model_len."
        )
    return kept, len(rows) - len(kept)
