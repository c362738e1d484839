"""What another routing would have come to, from what was logged under this one, before anybody sees it.

Only arms that people were really sent to can be previewed; how they were sent there is in the propensities.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.errors import BadScores

Floats = NDArray[np.float64]
Z = 1.959964  # of the normal distribution, for 95 %


class Estimate(NamedTuple):
    """The mean score per user under the new routing, with an interval of 95% for one look."""

    value: float
    lower: float
    upper: float


class Preview(NamedTuple):
    """`ips` weighs what was seen; `doubly_robust` corrects a prediction by it, and is mostly narrower.

    `effective_users` is how many users of the new routing the weighted ones are worth (Kish 1965): trust few little.
    """

    ips: Estimate
    doubly_robust: Estimate
    effective_users: float


def preview(
    score: ArrayLike, arm: ArrayLike, propensity: ArrayLike, target: ArrayLike, segment: ArrayLike | None = None
) -> Preview:
    """The value of a routing that sends user i to arm k with probability target[i, k].

    One row per user, whose votes are one mean: `score`, the number of the `arm` that served them, its logged
    `propensity` in (0, 1], all of shape (users,); `target`, shape (users, arms), rows that sum to 1; `segment`, a
    number per user such as a topic's, makes the prediction finer. The prediction is the mean of the arm's other users
    in the segment, so nobody predicts themselves. Sources: Horvitz and Thompson (1952); Dudik, Langford and Li
    (arXiv:1103.4601). Raises BadScores.
    """
    y, logged, policy = (np.asarray(one, dtype=np.float64) for one in (score, propensity, target))
    taken = np.asarray(arm, dtype=np.intp)
    group = np.zeros(len(y), dtype=np.intp) if segment is None else np.unique(segment, return_inverse=True)[1]
    _check(y, taken, logged, policy)
    weight = policy[np.arange(len(y)), taken] / logged
    own, every = _predicted(y, taken, group, policy.shape[1])
    robust = (policy * every).sum(axis=1) + weight * (y - own)
    squares = float(weight @ weight)
    return Preview(_mean(weight * y), _mean(robust), float(weight.sum() ** 2 / squares) if squares else 0.0)


def _check(y: Floats, arm: NDArray[np.intp], logged: Floats, policy: Floats) -> None:
    if y.ndim != 1 or len(y) < 2 or arm.shape != y.shape or logged.shape != y.shape or len(policy) != len(y):
        raise BadScores("A preview takes one score, arm, propensity and row of the target for each of 2 users or more.")
    if not ((logged > 0) & (logged <= 1)).all():
        raise BadScores("Propensities must be above 0 and at most 1.")
    if policy.ndim != 2 or (policy < 0).any() or not np.allclose(policy.sum(axis=1), 1):
        raise BadScores("Each row of the target must be probabilities that sum to 1.")
    if arm.min() < 0 or arm.max() >= policy.shape[1]:
        raise BadScores("The target must have a column for every arm that served somebody.")
    unseen = sorted(set(np.flatnonzero(policy.max(axis=0) > 0).tolist()) - set(arm.tolist()))
    if unseen:
        raise BadScores(f"Nobody was served by arm {unseen[0]}, so nothing can be said of a routing that uses it.")


def _predicted(y: Floats, arm: NDArray[np.intp], group: NDArray[np.intp], arms: int) -> tuple[Floats, Floats]:
    """For each user the prediction for their own arm, shape (users,), and for every arm, shape (users, arms)."""
    cell = group * arms + arm
    cells = (int(group.max()) + 1) * arms
    n, total = np.bincount(cell, minlength=cells), np.bincount(cell, y, minlength=cells)
    mean = np.where(n > 0, total / np.maximum(n, 1), y.mean()).reshape(-1, arms)[group]
    others = np.where(n[cell] > 1, (total[cell] - y) / np.maximum(n[cell] - 1, 1), y.mean())
    mean[np.arange(len(y)), arm] = others
    return others, mean


def _mean(values: Floats) -> Estimate:
    value, half = float(values.mean()), float(Z * values.std(ddof=1) / np.sqrt(len(values)))
    return Estimate(value, value - half, value + half)
