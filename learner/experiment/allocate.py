"""Adaptive shares of new people among several arms: top-two Thompson sampling with a floor.

Whoever has met the experiment keeps their arm. Adaptive shares bias the arms' means (arXiv:1905.11397), so nothing is
claimed by means over all: shares change between batches only, and `strata` compares the arms within each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.errors import BadScores
from learner.people import share_of

DRAWS = 4000
FLOOR = 0.1


class Allotted(NamedTuple):
    """The number of the arm, and the probability with which this person got it."""

    arm: int
    propensity: float


def top_two(
    n: ArrayLike, total: ArrayLike, *, floor: float = FLOOR, seed: int = 0, leader: float = 0.5
) -> NDArray[np.float64]:
    """The shares of the arms for people who come next, shape (arms,), none below `floor`.

    `n` users of each arm had scores in [0, 1] that sum to `total`. A part `leader` of the people get an arm as often as
    it is the best of the posterior, the rest the best of the others: Russo (arXiv:1602.08448); the prior is Beta(1, 1).
    With a `leader` of 1 it is Thompson's (1933) rule. The same `seed` gives the same shares. Raises BadScores.
    """
    users, ups = np.asarray(n, dtype=np.float64), np.asarray(total, dtype=np.float64)
    if users.ndim != 1 or users.shape != ups.shape or len(users) < 2:
        raise BadScores("Give the users and the sum of scores of two arms or more.")
    if (ups < 0).any() or (ups > users).any():
        raise BadScores("Scores lie between 0 and 1, so their sum is between 0 and the number of users.")
    if not 0 <= floor <= 1 / len(users):
        raise BadScores(f"The floor of {len(users)} arms must be between 0 and {1 / len(users):.3f}.")
    draws = np.random.default_rng(seed).beta(1 + ups, 1 + users - ups, (DRAWS, len(users)))
    best = np.bincount(draws.argmax(axis=1), minlength=len(users)) / DRAWS
    best = (best + 1 / DRAWS) / (1 + len(users) / DRAWS)  # so that the best of the others is defined
    second = best * ((best / (1 - best)).sum() - best / (1 - best))
    return np.asarray(floor + (1 - floor * len(users)) * (leader * best + (1 - leader) * second))


def allot(person: str, experiment_id: str, shares: ArrayLike, met: Allotted | None = None) -> Allotted:
    """The arm of a person among several, by thresholds on their hash; who has `met` one keeps it, and its propensity.

    `shares`, shape (arms,), sum to 1. Raises BadScores.
    """
    if met is not None:
        return met
    share = np.asarray(shares, dtype=np.float64)
    if share.ndim != 1 or (share < 0).any() or abs(share.sum() - 1) > 1e-9:
        raise BadScores("Shares are probabilities that sum to 1.")
    point = share_of(person, f"experiment-{experiment_id}")
    arm = min(int(np.searchsorted(np.cumsum(share), point, side="right")), int(np.flatnonzero(share)[-1]))
    return Allotted(arm, float(share[arm]))
