"""Strengths of adapters from comparisons: Bradley-Terry with ties, style control and clustered bootstrap intervals.

The model of ties is Davidson's (Journal of the American Statistical Association 65 (1970), 317-328). With strengths s
in nats, eta = s_a - s_b + style . gamma and delta = ln nu,

    P(a wins) : P(tie) : P(b wins) = exp(eta / 2) : exp(delta) : exp(-eta / 2),

so that eta is the log of the odds of a win against a loss. It is an exponential family: the log likelihood is concave
and needs only how often each outcome came, and Newton's method finds its maximum. Style control puts differences of
style into eta, so that strengths are those at equal style (Li, Angelopoulos and Chiang, "Does style matter?", LMSYS
2024; for length alone Dubois et al., arXiv:2404.04475). A normal prior of `prior_sd` nats keeps the strengths of who
won everything finite, and sets the mean of every set of adapters that are connected by comparisons to 0.

A resample draws whole people with replacement. Its estimate is one Newton step from that of all votes, with the
resample's own gradient and Hessian: its distance from the full fit is of a smaller order than the bootstrap's own error
(Davidson and MacKinnon, International Economic Review 40 (1999), 487-508), and both are sums over people, so that a
thousand resamples are one product of matrices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.errors import BadScores

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
STEPS = 100
AT_ONCE = 50  # resamples
MOST_NUMBERS = 30_000_000  # of Hessians of people; beyond, all resamples share that of all votes
TIE_PRIOR = 0.01  # precision of ln nu, so that it is finite where nothing but ties was said


@dataclass(frozen=True)
class Strengths:
    """What a fit found, for `adapters` numbered 0 to n - 1.

    `strengths`, `lower` and `upper` of shape (adapters,) are in nats, `style` and its ends of shape (features,) in nats
    per unit of the feature. Ends are those of 95%, NaN where a single person voted. `component` numbers the sets that
    comparisons connect: between two of them nothing is known. `votes` counts the comparisons of each adapter, `nu` is
    Davidson's, 0 without ties. `draws` of shape (resamples, adapters) are the strengths of every resample, of which the
    share `tail` lies beyond each end.
    """

    strengths: Floats
    lower: Floats
    upper: Floats
    component: Places
    votes: Places
    style: Floats
    style_lower: Floats
    style_upper: Floats
    nu: float
    people: int
    draws: Floats
    tail: float

    def surely_better(self, a: int, b: int) -> bool:
        """Whether the 95% interval of how much stronger `a` is lies above 0."""
        if self.component[a] != self.component[b] or not len(self.draws) or math.isnan(self.tail):
            return False
        return bool(np.quantile(self.draws[:, a] - self.draws[:, b], self.tail) > 0)

    def share(self, a: int, b: int) -> float:
        """The share of comparisons that `a` is expected to win against `b` at equal style, ties as half."""
        half = np.exp((self.strengths[a] - self.strengths[b]) / 2)
        return float((half + self.nu / 2) / (half + self.nu + 1 / half))


class _Data(NamedTuple):
    """`design` has the shape (votes, parameters without delta); `half` (1/2, 0, -1/2) and `tie` (1, 0) (votes,)."""

    design: Floats
    half: Floats
    tie: Floats
    precision: Floats  # of shape (parameters,)


def fit(
    a: ArrayLike,
    b: ArrayLike,
    outcome: ArrayLike,
    person: ArrayLike | None = None,
    style: ArrayLike | None = None,
    *,
    adapters: int | None = None,
    resamples: int = 1000,
    seed: int = 0,
    prior_sd: float = 3.0,
) -> Strengths:
    """Fit the strengths of adapters numbered from 0.

    `a` and `b` are the adapters of each vote, `outcome` is 1 where a won, 0 where b did and 0.5 for a tie, `person` who
    voted (each vote its own where left out), all of shape (votes,); `style` of shape (votes, features) is how much more
    of each feature the answer of a had. Raises BadScores for numbers that cannot be.
    """
    first, second, won = np.asarray(a, dtype=np.intp), np.asarray(b, dtype=np.intp), np.asarray(outcome, dtype=float)
    votes = len(won)
    features = np.zeros((votes, 0)) if style is None else np.asarray(style, dtype=float)
    count = adapters if adapters is not None else int(max(first.max(initial=-1), second.max(initial=-1))) + 1
    _check(first, second, won, features, count)
    scale = features.std(axis=0) if votes else np.ones(features.shape[1])
    scale[scale == 0] = 1.0
    data = _data(first, second, won, features / scale, count, prior_sd)
    whose = np.arange(votes) if person is None else np.unique(np.asarray(person), return_inverse=True)[1]
    found = _newton(data)
    draws = _resampled(data, found, whose, resamples, seed) if votes else np.zeros((0, len(found)))
    tail = _tail(int(whose.max(initial=-1)) + 1)
    low, high = _ends(draws, tail)
    to_style = slice(count, count + features.shape[1])
    return Strengths(
        strengths=found[:count],
        lower=low[:count],
        upper=high[:count],
        component=_components(first, second, count),
        votes=np.bincount(np.concatenate([first, second]), minlength=count),
        style=found[to_style] / scale,
        style_lower=low[to_style] / scale,
        style_upper=high[to_style] / scale,
        nu=float(np.exp(found[-1])) if data.tie.any() else 0.0,
        people=int(whose.max(initial=-1)) + 1,
        draws=draws[:, :count],
        tail=tail,
    )


def _check(a: Places, b: Places, won: Floats, features: Floats, count: int) -> None:
    if features.ndim != 2 or not a.shape == b.shape == won.shape == features.shape[:1]:
        raise BadScores("a, b, outcome and style must have a row for each vote.")
    if len(a) and (min(a.min(), b.min()) < 0 or max(a.max(), b.max()) >= count):
        raise BadScores(f"Adapters are numbered from 0 to {count - 1}.")
    if (a == b).any():
        raise BadScores("A vote compares an adapter with itself.")
    if not np.isin(won, (0.0, 0.5, 1.0)).all() or not np.isfinite(features).all():
        raise BadScores("An outcome is 1, 0.5 or 0, and a difference of style a finite number.")


def _data(a: Places, b: Places, won: Floats, features: Floats, count: int, prior_sd: float) -> _Data:
    design = np.zeros((len(won), count + features.shape[1]))
    rows = np.arange(len(won))
    design[rows, a], design[rows, b] = 1.0, -1.0
    design[:, count:] = features
    precision = np.append(np.full(design.shape[1], prior_sd**-2.0), TIE_PRIOR)
    return _Data(design, won - 0.5, (won == 0.5).astype(float), precision)


def _moments(data: _Data, parameters: Floats) -> tuple[Floats, Floats, Floats]:
    """E[half], E[tie] and the log of the sum of the three weights, each of shape (votes,)."""
    eta = data.design @ parameters[:-1]
    # Without a tie there is no such outcome, and the model is Bradley and Terry's own.
    delta = parameters[-1] if data.tie.any() else -np.inf
    logs = np.stack([eta / 2, np.full_like(eta, delta), -eta / 2])
    top = logs.max(axis=0, initial=-np.inf)
    weights = np.exp(logs - top)
    total = weights.sum(axis=0)
    return (weights[0] - weights[2]) / (2 * total), weights[1] / total, top + np.log(total)


def _newton(data: _Data) -> Floats:
    """The parameters at which the penalized likelihood is highest: strengths, style, delta."""
    parameters = np.zeros(data.design.shape[1] + 1)

    def height(tried: Floats) -> float:
        eta, total = data.design @ tried[:-1], _moments(data, tried)[2]
        return float(data.half @ eta + data.tie.sum() * tried[-1] - total.sum() - data.precision @ tried**2 / 2)

    now = height(parameters)
    for _ in range(STEPS):
        gradient, hessian = _slopes(data, parameters)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-6 and (then := height(parameters + size * step)) < now:
            size /= 2
        parameters, gained, now = parameters + size * step, then - now, then
        if gained <= 1e-12 * (1 + abs(now)):
            break
    return parameters


def _slopes(data: _Data, parameters: Floats) -> tuple[Floats, Floats]:
    """Gradient and minus Hessian of the penalized likelihood."""
    half, tie, _ = _moments(data, parameters)
    gradient = np.append(data.design.T @ (data.half - half), (data.tie - tie).sum()) - data.precision * parameters
    spread, crossed, tied = _variances(half, tie)
    hessian = np.empty((len(parameters), len(parameters)))
    hessian[:-1, :-1] = data.design.T @ (data.design * spread[:, None])
    hessian[:-1, -1] = hessian[-1, :-1] = data.design.T @ crossed
    hessian[-1, -1] = tied.sum()
    return gradient, hessian + np.diag(data.precision)


def _variances(half: Floats, tie: Floats) -> tuple[Floats, Floats, Floats]:
    """Var(half), Cov(half, tie) and Var(tie) of each vote."""
    return (1 - tie) / 4 - half**2, -half * tie, tie * (1 - tie)


def _resampled(data: _Data, found: Floats, whose: Places, resamples: int, seed: int) -> Floats:
    """One Newton step from `found` for each resample of people, shape (resamples, parameters)."""
    people, size = int(whose.max()) + 1, len(found)
    upper = np.triu_indices(size)
    gradients, hessians = _by_person(data, found, whose, people, upper)
    prior, whole = data.precision * found, _slopes(data, found)[1]
    rng, drawn = np.random.default_rng(seed), np.empty((resamples, size))
    for first in range(0, resamples, AT_ONCE):
        rows = min(AT_ONCE, resamples - first)
        picked = rng.integers(people, size=(rows, people)) + people * np.arange(rows)[:, None]
        weights = np.bincount(picked.ravel(), minlength=rows * people).reshape(rows, people).astype(float)
        curved = np.broadcast_to(whole, (rows, size, size)).copy()
        if hessians is not None:
            curved[:, upper[0], upper[1]] = weights @ hessians
            curved[:, upper[1], upper[0]] = curved[:, upper[0], upper[1]]
            curved += np.diag(data.precision)
        steps = np.linalg.solve(curved, (weights @ gradients - prior)[:, :, None])[:, :, 0]
        drawn[first : first + rows] = found + steps
    return drawn


def _by_person(
    data: _Data, found: Floats, whose: Places, people: int, upper: tuple[Places, Places]
) -> tuple[Floats, Floats | None]:
    """The gradient of each person's votes and the upper half of their minus Hessian; None where that is too much."""
    half, tie, _ = _moments(data, found)
    variances = _variances(half, tie)
    order = np.argsort(whose, kind="stable")
    starts = np.searchsorted(whose[order], np.arange(people))
    design = data.design[order]

    def summed(values: Floats) -> Floats:
        return np.add.reduceat(values, starts, axis=0)

    gradients = np.column_stack(
        [summed(design * (data.half - half)[order, None]), summed((data.tie - tie)[order])],
    )
    if people * len(upper[0]) > MOST_NUMBERS:
        return gradients, None
    spread, crossed, tied = (values[order] for values in variances)
    last = design.shape[1]
    columns = np.empty((people, len(upper[0])))
    at = 0
    for row in range(last):  # in the order of the upper half: a row of it at a time
        weighed = design[:, row, None] * np.column_stack([design[:, row:] * spread[:, None], crossed])
        columns[:, at : at + weighed.shape[1]] = summed(weighed)
        at += weighed.shape[1]
    columns[:, at] = summed(tied)
    return gradients, columns


def _tail(people: int) -> float:
    """The share beyond each end, less for few people (Hesterberg, The American Statistician 69 (2015), 371-386).

    NaN for a single one.
    """
    from scipy.special import ndtr, stdtrit  # takes a fifth of a second to load

    if people < 2:
        return math.nan
    return float(ndtr(-math.sqrt(people / (people - 1)) * stdtrit(people - 1, 0.975)))


def _ends(draws: Floats, tail: float) -> tuple[Floats, Floats]:
    if math.isnan(tail) or not len(draws):
        nothing = np.full(draws.shape[1], np.nan)
        return nothing, nothing
    low, high = np.quantile(draws, (tail, 1 - tail), axis=0)
    return low, high


def _components(a: Places, b: Places, count: int) -> Places:
    """The number of the set that each adapter belongs to, counted by its first adapter."""
    leader = list(range(count))

    def led(one: int) -> int:
        while leader[one] != one:
            one = leader[one]
        return one

    for one, other in {(int(x), int(y)) for x, y in zip(a, b, strict=True)}:
        first, second = sorted((led(one), led(other)))
        leader[second] = first
    return np.unique([led(one) for one in range(count)], return_inverse=True)[1] if count else np.zeros(0, np.intp)
