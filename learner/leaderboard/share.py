"""The share of comparisons that a challenger won, ties as half, with an interval for answers that go together.

The decisions of one reviewer are not independent, nor are those on the questions of one person. The variance is robust
to both (two-way clusters: Cameron, Gelbach and Miller, Journal of Business & Economic Statistics 29 (2011), 238-249).
The interval is Wilson's with Korn and Graubard's effective number of decisions (Survey Methodology 24 (1998), 193-201;
with Wilson's interval: Dean and Pagano, Journal of Survey Statistics and Methodology 3 (2015), 484-503):

    n* = n / max(1, V / B) * (t(n - 1) / t(df))^2,    B = p (1 - p) / n,
    df = max(V, B)^2 / sum over ways of V_way^2 / (clusters - 1), at least the fewest clusters less one

V is the robust variance, V_way that of one way alone, t the 97.5% point of Student's distribution. The degrees of
freedom are Satterthwaite's (Biometrics Bulletin 2 (1946), 110-114): where reviewers hardly differ, three of them are
enough. So few reviewers who agree by chance are not taken for certainty, and ties never make the interval narrower than
decisions would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z = 1.959964  # of 95%
Floats = NDArray[np.float64]


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
    variance, ways = _variances(y - p, groups)
    variance = max(variance, binomial)
    spread = sum(way**2 / int(group.max()) for way, group in zip(ways, groups, strict=True))
    freedom = max(least - 1.0, variance**2 / spread) if spread else least - 1.0
    effect = variance / binomial if binomial else 1.0
    few = float(stdtrit(n - 1, 0.975) / stdtrit(min(freedom, n - 1), 0.975))
    effective = n / effect * min(1.0, few * few)
    return WinShare(n, p, *_wilson(p, effective), effective)


def _variances(residuals: Floats, groups: Sequence[NDArray[np.intp]]) -> tuple[float, list[float]]:
    """The largest of the one-way variances and, where there are two ways, of both together; and each way alone."""
    ways = [_one_way(residuals, group) for group in groups]
    if len(groups) == 1:
        return ways[0], ways
    both = groups[0] * (int(groups[1].max()) + 1) + groups[1]
    together = sum(ways) - _one_way(residuals, np.unique(both, return_inverse=True)[1])
    return max(*ways, together), ways


def _one_way(residuals: Floats, group: NDArray[np.intp]) -> float:
    sums = np.bincount(group, weights=residuals)
    return float(len(sums) / (len(sums) - 1) * (sums @ sums)) / len(residuals) ** 2


def _wilson(p: float, n: float) -> tuple[float, float]:
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
