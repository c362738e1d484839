"""The rules that are compared. Each says at which looks it would have stopped, shape (replications, looks)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import lgamma, log

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiment.crowd import Floats, Votes
from learner.experiment import Decision, decide, decide_one, half_width

ALPHA = 0.05
Z = 1.959964  # of the normal distribution, two-sided 5%
Stops = NDArray[np.bool_]
OneSample = Callable[[Votes], Stops]


@dataclass(frozen=True)
class Looks:
    """Both arms at each look."""

    a: Votes
    b: Votes

    @cached_property
    def by_users(self) -> Floats:
        """The square of z, of the users' means."""
        return _z2(self.a.users, self.a.total, self.a.squares, self.b.users, self.b.total, self.b.squares)

    @cached_property
    def by_votes(self) -> Floats:
        """The square of z, as if every vote came from another person."""
        return _z2(self.a.count, self.a.ups, self.a.ups, self.b.count, self.b.ups, self.b.ups)


TwoArms = Callable[[Looks], Stops]

NAIVE_FROM = 20  # votes of each arm, before which the naive rule does not look
PULLS = 10  # of each arm, before which track-and-stop does not stop; as published
_PRIOR = 10  # of Robbins' beta mixture


def ours(n_star: float) -> TwoArms:
    """`learner.experiment.decide` from its first interval on."""
    least = _least_z2(n_star)

    def stops(looks: Looks) -> Stops:
        a, b = looks.a, looks.b
        return _where_bold(looks.by_users > least, decide, (*_sums(a), *_sums(b)), n_star)

    return stops


def equation_9(n_star: float) -> TwoArms:
    """The plain asymptotic confidence sequence of arXiv:2103.06476, on user means, from 5 users of each arm on."""
    rho2 = (-2 * log(ALPHA) + log(-2 * log(ALPHA)) + 1) / n_star

    def stops(looks: Looks) -> Stops:
        n = np.maximum(looks.a.users + looks.b.users, 1)
        bound = 2 * (n * rho2 + 1) / (n * rho2) * np.log(np.sqrt(n * rho2 + 1) / ALPHA)
        return (looks.by_users > bound) & (looks.b.users >= 5)

    return stops


def naive(looks: Looks) -> Stops:
    """A z-test of the votes as if each came from another person, at every look."""
    return (looks.by_votes > Z**2) & (looks.b.count >= NAIVE_FROM)


def track_and_stop(looks: Looks) -> Stops:
    """The published rule on votes at an even split: gap^2 / (2 (v1/n1 + v2/n2)) > ln((1 + ln n) / delta)."""
    n = np.maximum(looks.a.count + looks.b.count, 1)
    return (looks.by_votes > 2 * np.log((1 + np.log(n)) / ALPHA)) & (looks.b.count >= PULLS)


def fixed(looks: Looks) -> Stops:
    """One test of the user means, at the end."""
    return looks.by_users[..., -1:] > Z**2


def ours_one(n_star: float) -> OneSample:
    """`decide_one` on each person's wins less losses."""
    least = _least_z2(n_star)

    def stops(a: Votes) -> Stops:
        n = np.maximum(a.users, 2)
        mean = a.total / n
        z2 = (mean - 0.5) ** 2 / np.maximum((a.squares / n - mean * mean) / (n - 1), 1e-12)
        scores = 2 * a.total - a.users, 4 * a.squares - 4 * a.total + a.users  # from [0, 1] to [-1, 1]
        return _where_bold(z2 > least, decide_one, (a.users, *scores), n_star)

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


def _where_bold(bold: Stops, rule: Callable[..., Decision], sums: tuple[Floats, ...], n_star: float) -> Stops:
    """The rule at the looks that are `bold`; at the others it does not stop."""
    found = np.zeros_like(bold)
    if bold.any():
        chosen = (np.broadcast_to(part, bold.shape)[bold] for part in sums)
        found[bold] = rule(*chosen, alpha=ALPHA, n_star=n_star).decision != 0
    return found


def _sums(arm: Votes) -> tuple[Floats, Floats, Floats]:
    return arm.users, arm.total, arm.squares


def _z2(n_a: Floats, sum_a: Floats, sq_a: Floats, n_b: Floats, sum_b: Floats, sq_b: Floats) -> Floats:
    gap, error = _moments(n_a, sum_a, sq_a)
    mean, other = _moments(n_b, sum_b, sq_b)
    gap -= mean
    gap *= gap
    error += other
    np.maximum(error, 1e-12, out=error)
    gap /= error
    return gap


def _moments(n: Floats, total: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Means and the variances of the means; in place, since there are billions of looks."""
    count = np.maximum(n, 2)
    mean = total * (1 / count)
    error = squares * (1 / count)
    error -= mean * mean
    error *= 1 / (count - 1)
    return mean, error
