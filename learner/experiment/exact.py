"""Exact e-processes, for where each person gives a single observation: valid for any number of people, rare events too.

Nothing here may be fed several observations of one person: on raw comparisons of people who compare ten times `wins`
finds a winner in up to 91% of experiments without any (docs/experiments.md). `decide` takes their means instead.
"""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma, log
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.errors import BadScores

Floats = NDArray[np.float64]
_STEPS = 60  # of a bisection of [0, 1], which leave 1e-18
ln_gamma = np.vectorize(lgamma, otypes=[np.float64])


class Wins(NamedTuple):
    """What wins and losses say about the chance p of a win; every field has the shape of the inputs."""

    lower: Floats
    upper: Floats
    p_value: Floats  # anytime-valid, of p = 1/2


def ln_e_wins(wins: ArrayLike, losses: ArrayLike, chance: ArrayLike = 0.5, a: float = 10.0) -> Floats:
    """Log of the e-value against `chance` as that of a win: Robbins' mixture over Beta(a, a) (Robbins 1970)."""
    w, lost, p = (np.asarray(one, dtype=np.float64) for one in (wins, losses, chance))
    mixed = ln_gamma(a + w) + ln_gamma(a + lost) - ln_gamma(2 * a + w + lost)
    constant = 2 * lgamma(a) - lgamma(2 * a)
    with np.errstate(divide="ignore", invalid="ignore"):
        said = np.where(w > 0, w * np.log(p), 0.0) + np.where(lost > 0, lost * np.log1p(-p), 0.0)
    return np.asarray(mixed - constant - said)


def wins(wins: ArrayLike, losses: ArrayLike, *, alpha: float = 0.05) -> Wins:
    """The confidence sequence for the chance of a win, one comparison per person; ties are left out by the caller.

    Raises BadScores for counts below 0.
    """
    w, lost = (np.asarray(one, dtype=np.float64) for one in (wins, losses))
    if w.size and min(w.min(), lost.min()) < 0:
        raise BadScores("Wins and losses are counts, and cannot be below 0.")
    middle = np.where(w + lost > 0, w / np.maximum(w + lost, 1), 0.5)
    bound = log(1 / alpha)
    ends = [_crossing(lambda p: ln_e_wins(w, lost, p) < bound, middle, end) for end in (0.0, 1.0)]
    return Wins(ends[0], ends[1], np.minimum(1.0, np.exp(-ln_e_wins(w, lost))))


def ln_e_two_by_two(ups_a: ArrayLike, ups_b: ArrayLike) -> Floats:
    """Log of the e-process against equal chances of a thumb up in both arms, after each block of one person per arm.

    Both inputs are 0 or 1, of shape (..., blocks), and so is the result. Source: the safe test of Turner, Ly and
    Grunwald (arXiv:2106.02693), with the plug-in (past ups + 1/2) / (past people + 1).
    """
    y = np.stack(np.broadcast_arrays(*(np.asarray(one, dtype=np.float64) for one in (ups_a, ups_b))))
    if not np.isin(y, (0.0, 1.0)).all():
        raise BadScores("The exact test takes one 0 or 1 per person; use `decide` for means of several votes.")
    past = np.cumsum(y, axis=-1) - y
    chance = (past + 0.5) / (np.arange(y.shape[-1]) + 1.0)
    same = chance.mean(axis=0)
    grown = np.log(np.where(y > 0, chance, 1 - chance)) - np.log(np.where(y > 0, same, 1 - same))
    return np.asarray(np.cumsum(grown.sum(axis=0), axis=-1))


def _crossing(inside: Callable[[Floats], NDArray[np.bool_]], middle: Floats, end: float) -> Floats:
    near, far = middle.copy(), np.full_like(middle, end)
    for _ in range(_STEPS):
        half = (near + far) / 2
        within = inside(half)
        near, far = np.where(within, half, near), np.where(within, far, half)
    return far
