"""The anytime-valid comparison of two arms, on one number per user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Decision:
    """Challenger minus champion, in the unit of the scores; every field has the broadcast shape of the inputs."""

    difference: Floats
    lower: Floats
    upper: Floats
    p_value: Floats


def decide(
    n_a: ArrayLike,
    sum_a: ArrayLike,
    sumsq_a: ArrayLike,
    n_b: ArrayLike,
    sum_b: ArrayLike,
    sumsq_b: ArrayLike,
    *,
    alpha: float,
    n_star: float,
) -> Decision:
    """Compare arm b with arm a by an asymptotic confidence sequence, valid at every look.

    Each input is a number or an array of any shape: the users of an arm (at least 2), the sum of their means, and the
    sum of the squares of their means, where a user's mean vote lies in [0, 1]. The unit is the user: several votes
    of one user are one number. `n_star` is the number of users, both arms together, at which the interval is
    tightest. Source: Waudby-Smith et al., arXiv:2103.06476, equation 9, with its rule for rho.
    """
    users_a, users_b = (np.asarray(n, dtype=np.float64) for n in (n_a, n_b))
    mean_a, variance_a = _moments(users_a, sum_a, sumsq_a)
    mean_b, variance_b = _moments(users_b, sum_b, sumsq_b)
    users = users_a + users_b
    difference = mean_b - mean_a
    variance = users * (variance_a / users_a + variance_b / users_b)
    rho2 = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha)) + 1) / n_star
    scale = users * rho2 + 1
    width = np.sqrt(variance * 2 * scale / (users**2 * rho2) * np.log(np.sqrt(scale) / alpha))
    with np.errstate(divide="ignore", invalid="ignore"):
        signal = np.where(difference == 0, 0.0, users**2 * difference**2 / variance)
    p_value = np.minimum(1.0, np.exp(-rho2 * signal / (2 * scale)) * np.sqrt(scale))
    return Decision(difference, difference - width, difference + width, p_value)


def _moments(n: Floats, total: ArrayLike, squares: ArrayLike) -> tuple[Floats, Floats]:
    mean = np.asarray(total, dtype=np.float64) / n
    spread = np.asarray(squares, dtype=np.float64) / n - mean**2
    return mean, np.maximum(spread, 0.0) * n / (n - 1)
