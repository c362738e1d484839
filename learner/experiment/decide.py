"""The anytime-valid comparison of two arms, on one number per user.

**The rule.** With D the difference of the arms' means and v its estimated variance, I = 1/v is the information, and
S = D I moves like a Brownian motion with a drift of the true difference, in the time I. The e-process of one side is
Robbins' mixture over differences drawn from N(mu, s^2):

    E = exp((s^2 S^2/2 + mu S - mu^2 I/2) / (1 + s^2 I)) / sqrt(1 + s^2 I)

Both sides are tested, each at half of alpha, less a fifth that is kept back (Robbins 1970; Howard et al. 2021,
arXiv:1810.08240). That v may be estimated, and scores need not be normal, is the asymptotic confidence sequence of
Waudby-Smith et al. (arXiv:2103.06476). Its equation 9 is the case mu = 0; a mixture that is off the middle, with
s = mu/2, spends less of its error on differences that are too small to be seen in time, which pays for the fifth.

For few users the t-statistic on Welch's df becomes a z by z^2 = df ln(1 + t^2/df), the likelihood ratio's own scale,
and each arm's v is raised by 1/4 n^2, the variance that one vote at a share of 1/2 brings into the mean of n users: the
newest user has often cast one vote where the others have cast ten. Without it 9% of null experiments with ten
independent votes per user had a winner; its weight is gone after some dozens of users (docs/LOG.md).

**Information, not users, is the time.** With n_star users of one vote each at a share of 1/2, I = n_star. Users with
several votes are worth more, and a vote that only sharpens an old user's mean moves the time as well. Were users the
time, such votes would be looked at again and again at one moment, and the test would promise too much.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.errors import BadScores

Floats = NDArray[np.float64]

BURN_IN = 5  # users of an arm before whom there is no interval
SPENT = 0.8  # of alpha; the rest is kept for what variances that are estimated and votes that come in steps add
_VOTE = 0.25  # the most that a vote of 0 or 1 can vary
_TINY = 1e-300  # in place of a variance of 0
_SLACK = 1e-6  # by which sums of squares may fall short, relative, from rounding


class Decision(NamedTuple):
    """Challenger minus champion, in the unit of the scores; every field has the broadcast shape of the inputs.

    `lower` and `upper` are an interval that covers the true difference at all looks together with probability
    1 - alpha. `p_value` is anytime-valid: its least value so far may be compared with alpha. `decision` is 1 where the
    challenger is better, -1 where it is worse, 0 where nothing is proven.
    """

    lower: Floats
    upper: Floats
    p_value: Floats
    decision: NDArray[np.int8]


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
    """Compare arm b with arm a, as often as one likes.

    Each input is a number or an array, of shapes that broadcast (replications, looks): the users of an arm, the sum of
    their scores and the sum of the squares of their scores. A score is one number per user, such as the mean of their
    votes in [0, 1]; several votes of one user are never several scores. Scores of another scale work as well, if one
    vote moves them by about 1 at most; then 1/n_star is the variance of a difference at which the interval is tightest.

    `alpha` in (0, 1) is the chance that the interval ever misses the truth, however long and often one looks.
    `n_star` > 0 is the number of users, both arms together, at which the interval is tightest (see the module).
    With fewer than `BURN_IN` users in an arm the interval is the whole line. Few users and rare votes are what an
    asymptotic rule is weakest at: ask for 25 users in each arm at least, and for 5 of the rarer kind of vote.

    Raises BadScores for what cannot be: counts below 0, numbers that are not finite, squares that are too small for
    their sum, shapes that do not fit, an alpha or n_star out of range.
    """
    check_level(alpha, n_star)
    a, b = _moments(n_a, sum_a, sumsq_a, _VOTE), _moments(n_b, sum_b, sumsq_b, _VOTE)
    try:
        difference, variance = b.mean - a.mean, _error(a, b)
    except ValueError as error:
        raise BadScores(f"The arrays of the two arms do not fit together: {error}.") from error
    enough = np.minimum(a.n, b.n) >= BURN_IN
    return _decision(difference, variance, _degrees(a, b), enough, alpha, n_star)


def decide_one(n: ArrayLike, total: ArrayLike, sumsq: ArrayLike, *, alpha: float, n_star: float) -> Decision:
    """Whether the mean score of one sample differs from 0, by the same rule.

    It is for comparisons: a user's score is (wins - losses) / comparisons of the challenger, in [-1, 1], ties included
    as neither. `n`, `total` and `sumsq` are the users, the sum of their scores and of their squares, numbers or arrays;
    `n_star` users of one decided comparison each make the interval tightest. Raises BadScores as `decide` does.
    """
    check_level(alpha, n_star)
    sample = _moments(n, total, sumsq, 4 * _VOTE)
    return _decision(sample.mean, sample.error, sample.n - 1, sample.n >= 2 * BURN_IN, alpha, n_star)


def decide_difference(
    difference: float, variance: float, df: float, people: tuple[int, int], *, alpha: float, n_star: float
) -> Decision:
    """`decide` for a difference that was estimated elsewhere, as by `strata.within`: its variance on `df` degrees of
    freedom, and the people of both arms. Raises BadScores for an alpha or n_star out of range.
    """
    check_level(alpha, n_star)
    enough = np.asarray(min(people) >= BURN_IN)
    return _decision(np.float64(difference), np.float64(variance), np.float64(df), enough, alpha, n_star)


def half_width(variance: ArrayLike, *, alpha: float, n_star: float, df: ArrayLike = np.inf) -> Floats:
    """Half the interval's width when the difference has that variance, estimated on `df` degrees of freedom."""
    mu, s2 = _mixture(alpha, n_star)
    v = np.maximum(np.asarray(variance, dtype=np.float64), _TINY)
    level = 2 * np.log(2 / (SPENT * alpha)) + np.log1p(s2 / v)
    width = (np.sqrt(v * (mu * mu * (v + s2) + s2 * level * (v + s2))) - mu * v) / s2
    degrees = np.asarray(df, dtype=np.float64)
    if np.all(np.isinf(degrees)):
        return np.asarray(width)
    with np.errstate(over="ignore"):
        z2 = width * width / v / degrees
        return np.asarray(width * np.sqrt(np.expm1(z2) / z2))


def ln_e_better(difference: float, variance: float, df: float, *, alpha: float, n_star: float) -> float:
    """Log of the one-sided e-value for a difference above 0.

    The e-values of cohorts that have no user in common may be multiplied; `p_of` makes a p-value of
    the greater of both sides. `variance` is that of the difference, from `error_of`, on `df` degrees of freedom.
    """
    z = float(np.sqrt(df * np.log1p(difference * difference / variance / df))) * (1 if difference > 0 else -1)
    return float(_ln_e(np.float64(z), np.float64(variance), alpha, n_star))


def p_of(ln_e: ArrayLike) -> Floats:
    """The two-sided p-value of the log of the greater e-value: it may be compared with the full alpha."""
    return np.asarray(np.minimum(1.0, 2 / SPENT * np.exp(-np.maximum(ln_e, -1.0))))


def error_of(n_a: float, sum_a: float, sumsq_a: float, n_b: float, sum_b: float, sumsq_b: float) -> tuple[float, float]:
    """The variance of the arms' difference and its degrees of freedom, as `decide` takes them."""
    a, b = _moments(n_a, sum_a, sumsq_a, _VOTE), _moments(n_b, sum_b, sumsq_b, _VOTE)
    return float(_error(a, b)), float(_degrees(a, b))


def error_of_one(n: float, total: float, sumsq: float) -> float:
    """The variance of one sample's mean, as `decide_one` takes it."""
    return float(_moments(n, total, sumsq, 4 * _VOTE).error)


def check_level(alpha: float, n_star: float) -> None:
    """Raise BadScores unless 0 < alpha < 1 and n_star > 0."""
    if not 0 < alpha < 1:
        raise BadScores(f"alpha must be above 0 and below 1, and is {alpha!r}.")
    if not 0 < n_star < np.inf:
        raise BadScores(f"n_star must be a number of users above 0, and is {n_star!r}.")


class _Moments(NamedTuple):
    n: Floats
    mean: Floats
    spread: Floats  # the variance of a score
    error: Floats  # the variance of the mean


def _mixture(alpha: float, n_star: float) -> tuple[float, float]:
    """The mean of the differences that are tested for, and their variance; 1.5 puts the tightest spot at n_star."""
    mu2 = 1.5 * np.log(2 / alpha) / n_star
    return float(np.sqrt(mu2)), float(mu2 / 4)


def _moments(n: ArrayLike, total: ArrayLike, sumsq: ArrayLike, vote: float) -> _Moments:
    try:
        users, sums, squares = (np.asarray(one, dtype=np.float64) for one in (n, total, sumsq))
        short = squares * users - sums * sums
    except (TypeError, ValueError) as error:
        raise BadScores(
            f"The users, sums and squares of an arm must be numbers of shapes that fit: {error}."
        ) from error
    if not (np.isfinite(short).all() and np.isfinite(sums).all()):
        raise BadScores("The users, sums and squares of an arm must be finite numbers.")
    if users.size and users.min() < 0:
        raise BadScores(f"An arm cannot have {users.min():g} users.")
    if short.size and (short < -_SLACK * (sums * sums + 1)).any():
        raise BadScores("The squares are too small for their sum: pass the sum of each user's squared score.")
    count = np.maximum(users, 2)
    spread = np.maximum(short, 0) / (count * (count - 1))
    return _Moments(users, sums / count, spread, spread / count + vote / (count * count))


def _error(a: _Moments, b: _Moments) -> Floats:
    """The greater of Welch's variance of the difference and the pooled one, which are the same for an even split.

    Of ten users who meet a challenger all may be content by chance; then their own variance says nothing.
    """
    one, two = np.maximum(a.n, 2), np.maximum(b.n, 2)
    pooled = ((one - 1) * a.spread + (two - 1) * b.spread) / (one + two - 2)
    raised = a.error - a.spread / one + b.error - b.spread / two
    return np.asarray(np.maximum(a.error + b.error, pooled * (1 / one + 1 / two) + raised))


def _degrees(a: _Moments, b: _Moments) -> Floats:
    """Of the variance of a difference (Welch 1947): near those of the smaller arm where the split is uneven."""
    own = a.error**2 / np.maximum(a.n - 1, 1) + b.error**2 / np.maximum(b.n - 1, 1)
    return np.asarray((a.error + b.error) ** 2 / own)


def _decision(
    difference: Floats | np.float64,
    variance: Floats | np.float64,
    df: Floats | np.float64,
    enough: NDArray[np.bool_],
    alpha: float,
    n_star: float,
) -> Decision:
    v, degrees = np.asarray(np.maximum(variance, _TINY)), np.asarray(np.maximum(df, 1))
    width = np.where(enough, half_width(v, alpha=alpha, n_star=n_star, df=degrees), np.inf)
    lower, upper = difference - width, difference + width
    return Decision(
        lower,
        upper,
        np.where(enough, _p_value(difference, v, degrees, alpha, n_star), 1.0),
        (lower > 0).astype(np.int8) - (upper < 0).astype(np.int8),
    )


def _p_value(difference: Floats | np.float64, v: Floats, df: Floats, alpha: float, n_star: float) -> Floats:
    with np.errstate(over="ignore"):
        z = np.sqrt(df * np.log1p(difference * difference / v / df))
        return p_of(_ln_e(z, v, alpha, n_star))


def _ln_e(z: Floats | np.float64, v: Floats | np.float64, alpha: float, n_star: float) -> Floats:
    """Of the side on which z is above 0."""
    mu, s2 = _mixture(alpha, n_star)
    return np.asarray((s2 * z * z / 2 + mu * z * np.sqrt(v) - mu * mu / 2) / (v + s2) - np.log1p(s2 / v) / 2)
