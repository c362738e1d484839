"""The rules that are compared. Each says at which looks it would have stopped, shape (replications, looks)."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma, log

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiment.crowd import Floats, Votes
from learner.experiment import decide, decide_one, half_width

ALPHA = 0.05
Z = 1.959964  # of the normal distribution, two-sided 5%
Stops = NDArray[np.bool_]
TwoArms = Callable[[Votes, Votes], Stops]
OneSample = Callable[[Votes], Stops]

NAIVE_FROM = 20  # votes of each arm, before which the naive rule does not look
PULLS = 10  # of each arm, before which track-and-stop does not stop; as published
_PRIOR = 10  # of Robbins' beta mixture


def ours(n_star: float) -> TwoArms:
    """`learner.experiment.decide` from its first interval on."""
    least = _least_z2(n_star)

    def stops(a: Votes, b: Votes) -> Stops:
        z2 = _z2(a.users, a.total, a.squares, b.users, b.total, b.squares)
        return _where_bold(z2 > least, lambda rows: (a.rows(rows), b.rows(rows)), decided)

    def decided(a: Votes, b: Votes) -> Stops:
        sums = a.users, a.total, a.squares, b.users, b.total, b.squares
        return decide(*sums, alpha=ALPHA, n_star=n_star).decision != 0

    return stops


def equation_9(n_star: float) -> TwoArms:
    """The plain asymptotic confidence sequence of arXiv:2103.06476, on user means, from 5 users of each arm on."""
    rho2 = (-2 * log(ALPHA) + log(-2 * log(ALPHA)) + 1) / n_star

    def stops(a: Votes, b: Votes) -> Stops:
        z2 = _z2(a.users, a.total, a.squares, b.users, b.total, b.squares)
        n = a.users + b.users
        return (z2 > 2 * (n * rho2 + 1) / (n * rho2) * np.log(np.sqrt(n * rho2 + 1) / ALPHA)) & (a.users >= 5)

    return stops


def naive(a: Votes, b: Votes) -> Stops:
    """A z-test of the votes as if each came from another person, at every look."""
    return (_z2(a.count, a.ups, a.ups, b.count, b.ups, b.ups) > Z**2) & (b.count >= NAIVE_FROM)


def track_and_stop(a: Votes, b: Votes) -> Stops:
    """The published rule on votes at an even split: gap^2 / (2 (v1/n1 + v2/n2)) > ln((1 + ln n) / delta)."""
    n = np.maximum(a.count + b.count, 1)
    bound = 2 * np.log((1 + np.log(n)) / ALPHA)
    return (_z2(a.count, a.ups, a.ups, b.count, b.ups, b.ups) > bound) & (b.count >= PULLS)


def fixed(a: Votes, b: Votes) -> Stops:
    """One test of the user means, at the end."""
    a, b = (Votes(*(part[..., -1:] for part in arm)) for arm in (a, b))
    return _z2(a.users, a.total, a.squares, b.users, b.total, b.squares) > Z**2


def ours_one(n_star: float) -> OneSample:
    """`decide_one` on each person's wins less losses."""
    least = _least_z2(n_star)

    def stops(a: Votes) -> Stops:
        n = np.maximum(a.users, 2)
        mean = a.total / n
        z2 = (mean - 0.5) ** 2 / np.maximum((a.squares / n - mean * mean) / (n - 1), 1e-12)
        return _where_bold(z2 > least, lambda rows: (a.rows(rows),), decided)

    def decided(a: Votes) -> Stops:
        scores = 2 * a.total - a.users, 4 * a.squares - 4 * a.total + a.users  # from [0, 1] to [-1, 1]
        return decide_one(a.users, *scores, alpha=ALPHA, n_star=n_star).decision != 0

    return stops


def naive_one(a: Votes) -> Stops:
    """A z-test of the comparisons as if each came from another person, at every look."""
    return ((2 * a.ups - a.count) ** 2 > Z**2 * a.count) & (a.count >= NAIVE_FROM)


def fixed_one(a: Votes) -> Stops:
    """One test of the user means, at the end."""
    n, mean = a.users[-1], a.total[..., -1:] / a.users[-1]
    spread = a.squares[..., -1:] / n - mean**2
    return (mean - 0.5) ** 2 * n > Z**2 * spread


def raw_mixture(most: int) -> OneSample:
    """Robbins' beta mixture on comparisons as if each came from another person; `most` comparisons at most."""
    table = np.array([lgamma(number) for number in range(1, most + 2 * _PRIOR + 1)])
    start = 2 * table[_PRIOR - 1] - table[2 * _PRIOR - 1]

    def stops(a: Votes) -> Stops:
        won, n = a.ups.astype(np.intp), a.count.astype(np.intp)
        mixed = table[_PRIOR - 1 + won] + table[_PRIOR - 1 + n - won] - table[2 * _PRIOR - 1 + n]
        return mixed - start + n * log(2) >= log(1 / ALPHA)

    return stops


def _least_z2(n_star: float) -> float:
    """Below this square of z the interval never leaves zero: what cannot stop need not be decided."""
    variances = np.logspace(-3, 3, 2000) / n_star
    return 0.99 * float((half_width(variances, alpha=ALPHA, n_star=n_star) ** 2 / variances).min())


def _where_bold(bold: Stops, part: Callable[[Stops], tuple[Votes, ...]], rule: Callable[..., Stops]) -> Stops:
    """The rule for the replications in which some look is `bold`; the others never stop."""
    rows, found = bold.any(axis=1), np.zeros_like(bold)
    if rows.any():
        found[rows] = rule(*part(rows))
    return found


def _z2(n_a: Floats, sum_a: Floats, sq_a: Floats, n_b: Floats, sum_b: Floats, sq_b: Floats) -> Floats:
    m, n = np.maximum(n_a, 2), np.maximum(n_b, 2)
    one, two = sum_a / m, sum_b / n
    variance = (sq_a / m - one * one) / (m - 1) + (sq_b / n - two * two) / (n - 1)
    gap = (two - one) ** 2
    return np.asarray(gap / np.maximum(variance, 1e-12))
