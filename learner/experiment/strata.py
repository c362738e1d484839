"""The difference of two arms whose shares moved, compared within each share only.

Where a share moves while times change, the arms' plain means differ although the arms do not: on a ramp most of the
challenger's people came late. Among people who came at one share the arms were drawn by chance alone, so that is where
they are compared. Stratum k, with n_k and m_k people, weighs h_k = n_k m_k / (n_k + m_k): Mantel and Haenszel (1959).

That holds for shares that follow the votes as well, if they stand still within a batch: then each h_k D_k has mean zero
given all before, where the arms are equal, and their sum is a martingale in the time I, of which `decide` asks no more
(batches of adaptive data: Zhang, Janson and Murphy, arXiv:2002.03217).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
_VOTE = 0.25  # as in `decide`: what the newest vote of an arm can vary


class Difference(NamedTuple):
    """Challenger minus champion, its variance, the degrees of freedom, and the people (champion, challenger)."""

    value: float
    variance: float
    df: float
    people: tuple[int, int]


def split_by(shares: Scores, scores: Scores) -> dict[float, Scores]:
    """One arm's scores, shape (users,), by the share at which their people came."""
    return {float(share): scores[shares == share] for share in np.unique(shares)}


def within(strata: Sequence[tuple[Scores, Scores]]) -> Difference | None:
    """The difference over all strata, each the scores (champion, challenger) of its people, shape (users,).

    A stratum counts once it has two people in either arm. None while there is none.
    """
    known = [pair for pair in strata if min(len(arm) for arm in pair) >= 2]
    if not known:
        return None
    n, m = (np.array([len(pair[arm]) for pair in known], dtype=np.float64) for arm in (0, 1))
    weight = n * m / (n + m)
    weight /= weight.sum()
    apart = np.array([pair[1].mean() - pair[0].mean() for pair in known])
    a, b = (_spread([pair[arm] for pair in known]) for arm in (0, 1))
    pooled = (a * (n - 1).sum() + b * (m - 1).sum()) / ((n - 1).sum() + (m - 1).sum())
    parts = [float((weight**2 * spread / count).sum()) for spread, count in ((a, n), (b, m))]
    newest = [_VOTE / n.sum() ** 2, _VOTE / m.sum() ** 2]
    one, two = (part + vote for part, vote in zip(parts, newest, strict=True))
    even = float((weight**2 * pooled * (1 / n + 1 / m)).sum()) + sum(newest)
    df = (one + two) ** 2 / (one**2 / (n - 1).sum() + two**2 / (m - 1).sum())
    return Difference(float(weight @ apart), float(max(one + two, even)), float(df), (int(n.sum()), int(m.sum())))


def _spread(arm: Sequence[Scores]) -> float:
    """The variance of a score about the mean of its own stratum."""
    squares = sum(float(((scores - scores.mean()) ** 2).sum()) for scores in arm)
    return squares / sum(len(scores) - 1 for scores in arm)
