"""Precision and recall of a filter, from what reviewers judged: with intervals, and weighted by how each text came up.

A text comes to the reviewers for sure (flagged, appealed, voted down) or by a draw of known probability. So every cell
of texts that came up the same way stands for `total` texts of the log, the number that waits divided by the
probability: the estimator of Horvitz and Thompson (1952), within cells that are also weighted for what nobody has
judged yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Z = 1.959964  # of the normal distribution, for 95 %
DRAWS, SEED = 4000, 20_260_101
_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Cell:
    """Texts that came up the same way, with one `probability`: of the `waiting` ones `judged` were judged.

    In `true` of those there was something. `flagged` says whether the filter found the label in them.
    """

    flagged: bool
    waiting: int
    probability: float
    judged: int
    true: int

    @property
    def total(self) -> float:
        """How many texts of the log they stand for."""
        return self.waiting / self.probability


class Rate(NamedTuple):
    """An estimate in [0, 1] with its interval of 95 %, from so many `texts` that were judged."""

    value: float
    low: float
    high: float
    texts: int


def wilson(right: float, count: float) -> tuple[float, float]:
    """The interval of 95 % for a share of `right` among `count` (Wilson 1927); (0, 1) of none.

    It holds for few and for extreme shares, where the usual one does not (Brown, Cai and DasGupta 2001).
    """
    if count <= 0:
        return 0.0, 1.0
    share, z2 = right / count, Z * Z
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z / (1 + z2 / count) * sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def precision(cells: Sequence[Cell]) -> Rate | None:
    """The share of what was flagged that was rightly so; None where nothing of it was judged.

    The interval is Wilson's, for as many texts as the weighted ones are worth (Kish 1965); with one cell, for all.
    """
    known = [cell for cell in cells if cell.flagged and cell.judged and cell.total > 0]
    if not known:
        return None
    weights = np.array([cell.total / cell.judged for cell in known])
    judged, true = np.array([cell.judged for cell in known]), np.array([cell.true for cell in known])
    share = float((weights * true).sum() / (weights * judged).sum())
    worth = float((weights * judged).sum() ** 2 / (weights**2 * judged).sum())
    return Rate(share, *wilson(share * worth, worth), int(judged.sum()))


def recall(cells: Sequence[Cell]) -> Rate | None:
    """The share of what should have been flagged that was; None while too little was judged to know.

    That is where nothing of what was not flagged was judged, or nothing of what was.

    The value is the weighted ratio. The interval is that of a posterior, of the filter on texts like these: how many
    texts of a cell were not drawn comes from a negative binomial, the share of them that holds something from a beta
    with Jeffreys' prior, and the ratio of the sums is taken `DRAWS` times. Unlike a bootstrap that has a spread where a
    cell holds no miss or one. The cells of one kind share the prior, or each would claim half a miss of its own; for
    the lower end the cell whose texts weigh most gets a whole miss more, as in the interval of Clopper and Pearson
    (1934). Where no miss was found at all the upper end is 1, as Brown, Cai and DasGupta (2001) do.
    """
    caught = _pooled([cell for cell in cells if cell.flagged])
    missed = _pooled([cell for cell in cells if not cell.flagged])
    if not any(cell.judged for cell in missed) or (caught and not any(cell.judged for cell in caught)):
        return None
    found, lost = _total(caught), _total(missed)
    if found + lost == 0:
        return None
    draw = np.random.default_rng(SEED)
    hits = _drawn(caught, draw, 0.5)
    low, _ = _interval(hits, _drawn(missed, draw, 1.0))
    _, high = _interval(hits, _drawn(missed, draw, 0.5 / len(missed)))
    high = 1.0 if lost == 0 else high
    return Rate(found / (found + lost), low, high, sum(cell.judged for cell in (*caught, *missed)))


def _pooled(cells: Sequence[Cell]) -> list[Cell]:
    """The cells that something was judged of, each with its share of the texts of the others."""
    known, silent = [cell for cell in cells if cell.judged], sum(cell.total for cell in cells if not cell.judged)
    whole = sum(cell.total for cell in known)
    if not known or not whole:
        return list(cells)
    return [replace(cell, waiting=round(cell.waiting * (1 + silent / whole))) for cell in known]


def _total(cells: Sequence[Cell]) -> float:
    return float(sum(cell.total * cell.true / cell.judged for cell in cells if cell.judged))


def _interval(hits: NDArray[np.float64], misses: NDArray[np.float64]) -> tuple[float, float]:
    """Of the share of hits, over all draws in which there is anything."""
    some = hits + misses > 0
    if not some.any():
        return 0.0, 1.0
    low, high = np.quantile(hits[some] / (hits + misses)[some], _TAILS)
    return float(low), float(high)


def _drawn(cells: Sequence[Cell], draw: np.random.Generator, heaviest: float) -> NDArray[np.float64]:
    """How many texts of the cells hold something, shape (DRAWS,); `heaviest` is the prior of what weighs most."""
    sums = np.zeros(DRAWS)
    known = [cell for cell in cells if cell.judged]
    top = max(known, key=lambda cell: cell.total / cell.judged, default=None)
    for cell in known:
        prior = heaviest if cell is top else 0.5 / len(known)
        shares = draw.beta(cell.true + prior, cell.judged - cell.true + 0.5, DRAWS)
        others = draw.negative_binomial(cell.waiting, cell.probability, DRAWS)  # that were not drawn
        sums += (others + cell.waiting) * shares
    return sums
