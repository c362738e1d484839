"""Whether people came to the arms in the shares that they were sent there: a sequential test of the sample ratio.

A split that is off says that something loses people of one arm, and then no vote can be trusted.
"""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.errors import BadScores
from learner.experiment.exact import ln_gamma

PRIOR = 100.0  # people that the prior is worth: the larger, the closer to the shares the splits that are looked for
ALPHA = 0.01  # how often the alarm sounds for nothing, however often one looks


class Balance(NamedTuple):
    """`p_value` is anytime-valid; `alarm` says that it is at or below `ALPHA`."""

    p_value: float
    alarm: bool
    people: tuple[int, ...]  # in each arm
    expected: tuple[float, ...]


def ln_e_split(counts: ArrayLike, shares: ArrayLike, prior: float = PRIOR) -> NDArray[np.float64]:
    """Log of the e-value against the `shares`, shape (arms,), that sum to 1; `counts` of people, shape (..., arms).

    The result has shape (...). A Dirichlet mixture about the shares: Lindon and Malek, arXiv:2011.03567. Raises
    BadScores.
    """
    c, share = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if share.ndim != 1 or c.shape[-1:] != share.shape:
        raise BadScores("There must be one share for each arm, and one count.")
    if (share <= 0).any() or abs(share.sum() - 1) > 1e-9 or (c < 0).any():
        raise BadScores("Shares must be above 0 and sum to 1, and counts cannot be below 0.")
    before = ln_gamma(prior * share).sum() - ln_gamma(prior)
    after = ln_gamma(prior * share + c).sum(axis=-1) - ln_gamma(prior + c.sum(axis=-1))
    return np.asarray(after - before - (c * np.log(share)).sum(axis=-1))


def balance(strata: list[tuple[tuple[int, int], float]]) -> Balance:
    """Judge the split of champion and challenger; one stratum for each share that was in force when people first came.

    A stratum is the people (champion, challenger) and the share of the challenger. The product of e-values of
    people who are in one stratum each is an e-value, so that a ramp needs no test of its own.
    """
    inside = [((c, d), share) for (c, d), share in strata if 0 < share < 1]
    total = sum(float(ln_e_split(counts, (1 - share, share))) for counts, share in inside)
    people = tuple(sum(counts[arm] for counts, _ in inside) for arm in (0, 1))
    met = sum(sum(counts) * share for counts, share in inside)
    p_value = exp(-max(0.0, total))
    return Balance(p_value, total >= log(1 / ALPHA), people, (sum(people) - met, met))
