"""How much of a win is explained by length: would the challenger win as well with answers of the champion's length?

With y the challenger's score of a comparison (1, 0.5, 0) less one half, and d the difference of the logarithms of the
lengths, the least-squares line y = alpha + gamma d splits the win exactly:

    mean(y) = alpha + gamma mean(d),    share of the win explained by length = gamma mean(d) / mean(y).

alpha is the win at equal length. (Gelbach, Journal of Labor Economics 34 (2016), 509-543: what a coefficient moves by
when a covariate joins; a linear model, because coefficients of a logistic one move even by covariates that have nothing
to do with it. For the logistic form see Dubois et al., arXiv:2404.04475.) Intervals are of a bootstrap over people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner.leaderboard.share import win_share
from learner.leaderboard.votes import FEATURES, Votes

DRAWS = 2000
LEAST = 20  # comparisons
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LengthShare:
    """Of `count` comparisons the challenger's win share, the same at equal length, and what length explains of the win.

    `ratio` is the geometric mean of its length to the champion's. `explained` and its ends are None where the win
    itself is not beyond chance: there is nothing to explain then, and `reason` says so.
    """

    count: int
    reason: str
    share: float | None = None
    share_lower: float | None = None
    share_upper: float | None = None
    equal_length: float | None = None
    equal_length_lower: float | None = None
    equal_length_upper: float | None = None
    ratio: float | None = None
    explained: float | None = None
    explained_lower: float | None = None
    explained_upper: float | None = None


def explained_by_length(votes: Votes, challenger: str, champion: str, *, seed: int = 0) -> LengthShare:
    """Split the challenger's win, over all sources of `votes`."""
    here, sign = votes.between(challenger, champion)
    y = sign * (votes.outcome[here] - 0.5)
    d = sign * votes.style[here, FEATURES.index("length")]
    cluster = votes.cluster[here]
    if len(y) < LEAST:
        told = f"{len(y)} comparisons of {challenger} and {champion}; at least {LEAST} are needed."
        return LengthShare(len(y), told)
    share = win_share((y + 0.5).tolist(), cluster.tolist())
    assert share.share is not None and share.lower is not None and share.upper is not None
    whole = _split(np.array([_sums(y, d)]))[0]
    low, high = np.quantile(_bootstrap(y, d, cluster, seed), (0.025, 0.975), axis=0)
    wins = share.lower > 0.5 or share.upper < 0.5
    reason = (
        f"{whole[2]:.0%} of the {'win' if share.share > 0.5 else 'loss'} is explained by length."
        if wins
        else "The win itself is not beyond chance, so there is nothing to explain."
    )
    return LengthShare(
        count=len(y),
        share=share.share,
        share_lower=share.lower,
        share_upper=share.upper,
        equal_length=float(0.5 + whole[1]),
        equal_length_lower=float(0.5 + low[1]),
        equal_length_upper=float(0.5 + high[1]),
        ratio=float(np.exp(d.mean())),
        explained=float(whole[2]) if wins else None,
        explained_lower=float(low[2]) if wins else None,
        explained_upper=float(high[2]) if wins else None,
        reason=reason,
    )


def _sums(y: Floats, d: Floats) -> Floats:
    return np.array([len(y), y.sum(), d.sum(), (d * d).sum(), (d * y).sum()])


def _split(sums: Floats) -> Floats:
    """The win, alpha and the share explained, shape (rows, 3), of rows of `_sums`."""
    n, y, d, dd, dy = sums.T
    spread = dd - d * d / n
    slope = np.divide(dy - d * y / n, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    win, moved = y / n, slope * d / n
    return np.stack([win, win - moved, np.divide(moved, win, out=np.zeros_like(win), where=win != 0)], axis=1)


def _bootstrap(y: Floats, d: Floats, cluster: NDArray[np.str_], seed: int) -> Floats:
    whose = np.unique(cluster, return_inverse=True)[1]
    parts = np.stack([np.bincount(whose, weights=part) for part in (np.ones_like(y), y, d, d * d, d * y)], axis=1)
    rng, people = np.random.default_rng(seed), len(parts)
    return _split(np.stack([parts[rng.integers(people, size=people)].sum(axis=0) for _ in range(DRAWS)]))
