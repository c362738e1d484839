"""Whether two samples differ, by permutation: no number is assumed to be normal, and who came twice is compared with
themselves.

Under no drift it does not matter which of somebody's two halves came first, nor which of the people who came once came
when. So pairs are swapped and single people are dealt out anew, and the statistic is held against what that gives
(Fisher 1935). Draws end early where chance is seen to give as much (Besag and Clifford 1991, Biometrika 78): their
p-value stays valid, and what has not moved costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

MOST_DRAWS = 5000
CHUNK = 200
ENOUGH = 10  # draws that give as much, after which it is known that chance does
Labels = NDArray[np.float32]  # 1 for the current sample, shape (draws, observations)
Statistic = Callable[[Labels], NDArray[np.float64]]  # of labels to a number each, shape (draws, metrics)


class Deal:
    """Two samples of people: `before` and `after` name them, and somebody may be in both."""

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        later = {name: len(before) + place for place, name in enumerate(after)}
        both = [(place, later[name]) for place, name in enumerate(before) if name in later]
        self._pairs = np.array(both, dtype=np.int64).reshape(-1, 2)
        self.observed = np.zeros((1, len(before) + len(after)), dtype=np.float32)
        self.observed[0, len(before) :] = 1
        self._single = np.setdiff1d(np.arange(self.observed.shape[1]), self._pairs)
        self._after = int(self.observed[0, self._single].sum())

    def draw(self, count: int, rng: np.random.Generator) -> Labels:
        """So many deals."""
        labels = np.zeros((count, self.observed.shape[1]), dtype=np.float32)
        swapped = rng.random((count, len(self._pairs))) < 0.5
        labels[:, self._pairs[:, 0]] = swapped
        labels[:, self._pairs[:, 1]] = ~swapped
        if self._after > 0:
            keys = rng.random((count, len(self._single)), dtype=np.float32)
            last = np.argpartition(keys, self._after - 1, axis=1)[:, : self._after]
            np.put_along_axis(labels, self._single[last], np.float32(1), axis=1)
        return labels


def p_values(
    deal: Deal, statistic: Statistic, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The observed statistic, its p-value against larger sizes, and its mean over the first draws; shape (metrics,).

    A statistic that cannot be had, such as a mean of nothing, is NaN and has a p-value of 1.
    """
    observed = statistic(deal.observed)[0]
    size = np.abs(observed)
    reached = np.zeros(len(observed), dtype=np.int64)
    ended = np.zeros(len(observed), dtype=np.int64)  # the draw at which it was known, 0 while it is not
    middle = np.zeros(len(observed))
    for first in range(0, MOST_DRAWS, CHUNK):
        drawn = statistic(deal.draw(CHUNK, rng))
        if first == 0:
            middle = drawn.mean(axis=0)
        # A draw that equals what was observed but for rounding counts as much.
        as_much = reached + np.cumsum(~(np.abs(drawn) < size - 1e-6), axis=0)
        over = as_much[-1] >= ENOUGH
        now = over & (ended == 0)
        ended[now] = first + 1 + (as_much >= ENOUGH).argmax(axis=0)[now]
        reached = as_much[-1]
        if over.all():
            break
    drawn_in_all = first + CHUNK
    p = np.where(ended > 0, ENOUGH / np.maximum(ended, 1), (reached + 1) / (drawn_in_all + 1))
    return observed, np.where(np.isnan(observed), 1.0, np.minimum(p, 1.0)), middle


def holm(p: Sequence[float], alpha: float) -> list[bool]:
    """Which hypotheses are rejected with a chance of `alpha` that any is wrongly (Holm 1979)."""
    rejected = [False] * len(p)
    for rank, place in enumerate(sorted(range(len(p)), key=lambda one: p[one])):
        if p[place] > alpha / (len(p) - rank):
            break
        rejected[place] = True
    return rejected
