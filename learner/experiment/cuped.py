"""CUPED: what is known of people from before the experiment takes out the part of their votes that it explains."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class Paired(NamedTuple):
    """Users of one arm with their score y and what was known before, x: numbers or arrays of replications.

    `x` is fixed before the person meets the experiment, such as the mean of their earlier votes; who has none counts
    with the mean of the others. Sums are over users.
    """

    n: ArrayLike
    sum_y: ArrayLike
    sumsq_y: ArrayLike
    sum_x: ArrayLike
    sumsq_x: ArrayLike
    sum_xy: ArrayLike


class Sums(NamedTuple):
    """The users and the sums of the adjusted scores, in the order in which `decide` takes them."""

    n_a: Floats
    sum_a: Floats
    sumsq_a: Floats
    n_b: Floats
    sum_b: Floats
    sumsq_b: Floats


def paired(y: Floats, x: Floats) -> Paired:
    """The sums of one arm's users: scores and earlier scores, shape (users,), NaN where nothing was known."""
    known = np.where(np.isnan(x), np.nanmean(x) if np.isfinite(x).any() else 0.0, x)
    return Paired(len(y), y.sum(), y @ y, known.sum(), known @ known, known @ y)


def adjusted(a: Paired, b: Paired) -> Sums:
    """Both arms' sums of y - theta (x - mean x), with theta = cov(x, y) / var(x) within arms and the mean over both.

    The difference of the arms keeps its meaning, and its variance falls by the square of the correlation of x and y.
    With no spread in x nothing changes. Source: Deng, Xu, Kohavi and Walker (WSDM 2013).
    """
    one, two = (_Arm(*(np.asarray(part, dtype=np.float64) for part in arm)) for arm in (a, b))
    spread = one.within(one.sum_x, one.sum_x, one.sumsq_x) + two.within(two.sum_x, two.sum_x, two.sumsq_x)
    shared = one.within(one.sum_x, one.sum_y, one.sum_xy) + two.within(two.sum_x, two.sum_y, two.sum_xy)
    theta = np.where(spread > 0, shared / np.where(spread > 0, spread, 1), 0.0)
    centre = (one.sum_x + two.sum_x) / np.maximum(one.n + two.n, 1)
    return Sums(*one.less(theta, centre), *two.less(theta, centre))


class _Arm(NamedTuple):
    n: Floats
    sum_y: Floats
    sumsq_y: Floats
    sum_x: Floats
    sumsq_x: Floats
    sum_xy: Floats

    def within(self, first: Floats, second: Floats, product: Floats) -> Floats:
        return np.asarray(product - first * second / np.maximum(self.n, 1))

    def less(self, theta: Floats, centre: Floats) -> tuple[Floats, Floats, Floats]:
        moved_x = self.sum_x - self.n * centre
        moved_xx = self.sumsq_x - 2 * centre * self.sum_x + self.n * centre**2
        moved_xy = self.sum_xy - centre * self.sum_y
        squares = self.sumsq_y - 2 * theta * moved_xy + theta**2 * moved_xx
        return self.n, self.sum_y - theta * moved_x, squares
