"""How much error each candidate of the stream may spend: of all promotions at most alpha are false, on average.

Twenty null candidates at 5% each would promote one by chance in 64% of months. LORD++ gives every candidate a level
that depends on what came before: each promotion earns alpha back, so the stream never runs dry while something is
found, and without one the levels fall as t^-1.25. Source: Ramdas, Yang, Wainwright and Jordan (arXiv:1710.00499), which
holds for anytime-valid p-values of experiments that draw their people's arms anew.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.errors import BadScores

POWER = 1.25  # of the fall; the nearer to 1, the more is kept for later and the less the first ones get
_ZETA = 4.595111825  # sum of t^-POWER
START = 0.5  # share of alpha to begin with; the first promotion earns the other half


class Spent(NamedTuple):
    """`levels` of the candidates so far, shape (candidates,), the `level` of the next one, and the wealth `left`.

    `left` is what all that come after could spend together if none of them were promoted.
    """

    levels: NDArray[np.float64]
    level: float
    left: float


def spend(promoted: ArrayLike, *, alpha: float) -> Spent:
    """The levels by LORD++; `promoted`, shape (candidates,), says in order whether each won. Raises BadScores."""
    if not 0 < alpha < 1:
        raise BadScores(f"alpha must be above 0 and below 1, and is {alpha!r}.")
    won = np.asarray(promoted, dtype=bool)
    if won.ndim != 1:
        raise BadScores("`promoted` must be one list of outcomes, in the order of the candidates.")
    at = np.arange(1, len(won) + 2)  # the candidates and the next one
    earned = [(0, START * alpha)]
    for number, when in enumerate(np.flatnonzero(won) + 1):
        earned.append((int(when), alpha * (1 - START) if number == 0 else alpha))
    levels = np.zeros(len(at))
    for when, wealth in earned:
        levels += wealth * _falling(at - when)
    left = sum(wealth for _, wealth in earned) - levels[:-1].sum()
    return Spent(levels[:-1], float(levels[-1]), float(left))


def _falling(after: NDArray[np.int_]) -> NDArray[np.float64]:
    """The share of wealth that the candidate spends that comes so many after it was earned; 0 before."""
    return np.where(after > 0, np.maximum(after, 1).astype(np.float64) ** -POWER / _ZETA, 0.0)
