"""How much is still to come: the data that a decision needs, and whether one can still be hoped for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import erfc, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.experiment.decide import half_width

_HALVINGS = 80
_erfc = np.vectorize(erfc, otypes=[np.float64])
MOST = 1e9  # times as much information as there is, and nobody waits longer


@dataclass(frozen=True)
class Traffic:
    """What comes in: people with a vote and votes so far, and `people_per_day`, new ones of late."""

    people: int
    votes: int
    people_per_day: float


@dataclass(frozen=True)
class Need:
    """What the decision still needs if the difference stays as it is now; None where it would never come.

    At that many people the interval just leaves zero, so that the chance is about even.
    """

    people: int | None
    votes: int | None
    at: str | None  # ISO 8601; None without traffic as well


def needed(difference: float, variance: float, *, alpha: float, n_star: float) -> float:
    """How many times the information of now makes the interval about `difference` leave zero; inf where nothing does.

    `variance` is that of the difference. 1 says that it has left already.
    """
    if difference == 0:
        return np.inf
    if half_width(variance, alpha=alpha, n_star=n_star) <= abs(difference):
        return 1.0
    low, high = 0.0, np.log(MOST)
    if half_width(variance / MOST, alpha=alpha, n_star=n_star) > abs(difference):
        return np.inf
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if half_width(variance / np.exp(middle), alpha=alpha, n_star=n_star) > abs(difference):
            low = middle
        else:
            high = middle
    return float(np.exp(high))


def need(
    difference: float, variance: float, traffic: Traffic, now: datetime, *, alpha: float, n_star: float, most: float
) -> Need:
    """The meter: people and votes that are still needed, and when they will have come; `most` people are waited for."""
    times = needed(difference, variance, alpha=alpha, n_star=n_star)
    if not np.isfinite(times) or times * traffic.people > most:
        return Need(None, None, None)
    people = int(np.ceil((times - 1) * traffic.people))
    votes = int(np.ceil(people * traffic.votes / max(1, traffic.people)))
    if traffic.people_per_day <= 0:
        return Need(people, votes, None)
    at = now + timedelta(days=min(people / traffic.people_per_day, 36500))
    return Need(people, votes, at.isoformat(timespec="minutes"))


def chance_to_decide(
    difference: ArrayLike, variance: ArrayLike, times: ArrayLike, *, alpha: float, n_star: float
) -> NDArray[np.float64]:
    """The chance that the interval lies above zero at the end, when there is `times` (> 1) the information of now.

    Inputs are numbers or arrays that broadcast, and the result has their shape; `variance` is that of the difference.
    Predictive: the truth is taken as normal about `difference` with `variance` (Spiegelhalter, Freedman and Blackburn
    1986). An earlier crossing is not counted, so it is a little low. Stopping for it only takes chances to win away,
    and so needs no part of alpha.
    """
    now, v, more = (np.asarray(one, dtype=np.float64) for one in (difference, variance, times))
    last = v / np.maximum(more, 1)
    short = half_width(last, alpha=alpha, n_star=n_star) - now
    spread = np.sqrt(np.maximum(v - last, 1e-300))
    return np.asarray(0.5 * _erfc(np.clip(short / spread, -40, 40) / sqrt(2)))
