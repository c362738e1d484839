"""The share of comparisons that a challenger won, ties as half, with an interval for answers that go together.

The decisions of one reviewer are not independent, nor are those on the questions of one person. The variance is robust
to both (two-way clusters: Cameron, Gelbach and Miller, Journal of Business & Economic Statistics 29 (2011), 238-249).
The interval is Wilson's with Korn and Graubard's effective number of decisions (Survey Methodology 24 (1998), 193-201;
with Wilson's interval: Dean and Pagano, Journal of Survey Statistics and Methodology 3 (2015), 484-503):

    n* = n / max(1, V / (p (1 - p) / n)) * (t(n - 1) / t(least clusters - 1))^2

V is the robust variance, t the 97.5% point of Student's distribution. So few reviewers who agree by chance are not
taken for certainty, and ties never make the interval narrower than decisions would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z = 1.959964  # of 95%


@dataclass(frozen=True)
class WinShare:
    """`share` in [0, 1] of `count` decisions with its 95% interval; `effective` is n*. None where nothing was decided.

    With a single cluster the interval is all of [0, 1]: how much others would differ cannot be known.
    """

    count: int
    share: float | None = None
    lower: float | None = None
    upper: float | None = None
    effective: float = 0.0


def win_share(scores: Sequence[float], *clusters: Sequence[str]) -> WinShare:
    """The mean of `scores`, each 0, 0.5 or 1, with one or two `clusters` of each decision, such as whose it was."""
    from scipy.special import stdtrit  # takes a fifth of a second to load

    y = np.asarray(scores, dtype=np.float64)
    if not len(y):
        return WinShare(0)
    groups = [np.unique(np.asarray(names), return_inverse=True)[1] for names in clusters]
    n, p, least = len(y), float(y.mean()), min(int(group.max()) + 1 for group in groups)
    if least < 2:
        return WinShare(n, p, 0.0, 1.0)
    binomial = p * (1 - p) / n
    effect = max(1.0, _variance(y - p, groups) / binomial) if binomial else 1.0
    few = float(stdtrit(n - 1, 0.975) / stdtrit(least - 1, 0.975))
    effective = n / effect * min(1.0, few * few)
    return WinShare(n, p, *_wilson(p, effective), effective)


def _variance(residuals: NDArray[np.float64], groups: Sequence[NDArray[np.intp]]) -> float:
    """The largest of the one-way variances and, where there are two ways, of both together."""
    ways = [_one_way(residuals, group) for group in groups]
    if len(groups) == 2:
        both = groups[0] * (int(groups[1].max()) + 1) + groups[1]
        ways.append(sum(ways) - _one_way(residuals, np.unique(both, return_inverse=True)[1]))
    return max(ways)


def _one_way(residuals: NDArray[np.float64], group: NDArray[np.intp]) -> float:
    sums = np.bincount(group, weights=residuals)
    return float(len(sums) / (len(sums) - 1) * (sums @ sums)) / len(residuals) ** 2


def _wilson(p: float, n: float) -> tuple[float, float]:
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
