"""How much of a win is explained by length: would the challenger win as well with answers of the champion's length?

With y the challenger's score of a comparison (1, 0.5, 0) less one half, and d the difference of the logarithms of the
lengths, the least-squares line y = alpha + gamma d splits the win exactly:

    mean(y) = alpha + gamma mean(d),    share of the win explained by length = gamma mean(d) / mean(y).

alpha is the win at equal length. (Gelbach, Journal of Labor Economics 34 (2016), 509-543: what a coefficient moves by
when a covariate joins; a linear model, because coefficients of a logistic one move even by covariates that have nothing
to do with it. For the logistic form see Dubois et al., arXiv:2404.04475.) Intervals are of a bootstrap over people or
over questions, whichever is wider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner.leaderboard.share import WinShare, win_share
from learner.leaderboard.votes import FEATURES, Votes

DRAWS = 2000
LEAST = 20  # comparisons
LEAST_SHARE = 0.05  # of the comparisons in which either is the longer one: else equal length was hardly ever seen
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LengthShare:
    """Of `count` comparisons the challenger's win share, the same at equal length, and what length explains of the win.

    `ratio` is the geometric mean of its length to the champion's. `explained` and its ends are None where the win
    itself is not beyond chance, and what is at equal length as well where the same answer is nearly always the longer:
    a line would be drawn to where nothing was seen. `reason` says so.
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
    clusters = votes.cluster[here], votes.question[here]
    if len(y) < LEAST:
        told = f"{len(y)} comparisons of {challenger} and {champion}; at least {LEAST} are needed."
        return LengthShare(len(y), told)
    share = win_share((y + 0.5).tolist(), *(cluster.tolist() for cluster in clusters))
    assert share.share is not None and share.lower is not None and share.upper is not None
    whole = _split(np.array([_sums(y, d)]))[0]
    low, high = _ends(y, d, clusters, seed)
    reason, known, wins = _told(share, d, float(whole[2]))
    return LengthShare(
        count=len(y),
        reason=reason,
        share=share.share,
        share_lower=share.lower,
        share_upper=share.upper,
        equal_length=float(0.5 + whole[1]) if known else None,
        equal_length_lower=float(0.5 + low[1]) if known else None,
        equal_length_upper=float(0.5 + high[1]) if known else None,
        ratio=float(np.exp(d.mean())),
        explained=float(whole[2]) if wins else None,
        explained_lower=float(low[2]) if wins else None,
        explained_upper=float(high[2]) if wins else None,
    )


def _told(share: WinShare, d: Floats, explained: float) -> tuple[str, bool, bool]:
    """What to say, whether the win at equal length can be known, and whether there is a win to explain besides."""
    assert share.share is not None and share.lower is not None and share.upper is not None
    sides = float((d > 0).mean()), float((d < 0).mean())
    if min(sides) < LEAST_SHARE:
        side = "longer" if sides[0] > sides[1] else "shorter"
        return f"Nearly all its answers are {side}, so what it would win at equal length cannot be told.", False, False
    if share.lower <= 0.5 <= share.upper:
        return "The win itself is not beyond chance, so there is nothing to explain.", True, False
    won = "win" if share.share > 0.5 else "loss"
    if explained < 0:
        return f"Length explains none of the {won}: at equal length it would be larger.", True, True
    return f"{explained:.0%} of the {won} is explained by length.", True, True


def _sums(y: Floats, d: Floats) -> Floats:
    return np.array([len(y), y.sum(), d.sum(), (d * d).sum(), (d * y).sum()])


def _split(sums: Floats) -> Floats:
    """The win, alpha and the share explained, shape (rows, 3), of rows of `_sums`."""
    n, y, d, dd, dy = sums.T
    spread = dd - d * d / n
    slope = np.divide(dy - d * y / n, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    win, moved = y / n, slope * d / n
    return np.stack([win, win - moved, np.divide(moved, win, out=np.zeros_like(win), where=win != 0)], axis=1)


def _ends(y: Floats, d: Floats, clusters: Sequence[NDArray[np.str_]], seed: int) -> tuple[Floats, Floats]:
    """The wider of the bootstraps over each kind of cluster: over people, and over questions that several judged."""
    ends = np.array([np.quantile(_bootstrap(y, d, one, seed), (0.025, 0.975), axis=0) for one in clusters])
    return ends[:, 0].min(axis=0), ends[:, 1].max(axis=0)


def _bootstrap(y: Floats, d: Floats, cluster: NDArray[np.str_], seed: int) -> Floats:
    whose = np.unique(cluster, return_inverse=True)[1]
    parts = np.stack([np.bincount(whose, weights=part) for part in (np.ones_like(y), y, d, d * d, d * y)], axis=1)
    rng, people = np.random.default_rng(seed), len(parts)
    return _split(np.stack([parts[rng.integers(people, size=people)].sum(axis=0) for _ in range(DRAWS)]))
