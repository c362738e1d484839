"""Paired differences with their intervals and tests, the correction for many of them, and the AUCs of subgroups.

AUCs: Borkan, Dixon, Sorensen, Thain and Vasserman, "Nuanced Metrics for Measuring Unintended Bias with Real Data for
Text Classification", WWW 2019 companion. Interval of a paired difference of shares: Bonett and Price, "Adjusted Wald
Confidence Interval for a Difference of Binomial Proportions Based on Paired Data", J. Educ. Behav. Stat. 37 (2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959964  # two-sided
DRAWS = 400  # of a bootstrap
POWER = -5.0  # of the generalised mean: it lies close to the worst group

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """A difference of means with its 95% interval and the p-value of there being none."""

    difference: float
    low: float
    high: float
    p: float


class Interval(NamedTuple):
    """A value with its 95% interval."""

    value: float
    low: float
    high: float


class Example(NamedTuple):
    """A pair of texts that were treated differently, and what was measured of each."""

    text: str
    reference_text: str
    value: float
    reference_value: float


@dataclass(frozen=True)
class Comparison:
    """A group held against the reference of its axis in one outcome; values in [0, 1], lengths as shares of the mean.

    `p_holm` is corrected for all comparisons of the audit.
    """

    target: str
    axis: str
    group: str
    reference: str
    outcome: str
    pairs: int
    mean: float
    reference_mean: float
    estimate: Estimate
    examples: tuple[Example, ...] = ()
    p_holm: float = 1.0

    @property
    def gap(self) -> float:
        """The size of the difference."""
        return abs(self.estimate.difference)

    @property
    def bound(self) -> float:
        """The largest gap that the interval leaves possible."""
        return max(abs(self.estimate.low), abs(self.estimate.high))


def flips(group: Floats, reference: Floats) -> Estimate:
    """Paired outcomes of 0 and 1, shape (pairs,): McNemar's exact test. Raises ValueError without pairs."""
    from scipy.special import bdtr

    count = len(group)
    if not count:
        raise ValueError("There are no pairs to compare.")
    more, fewer = int(((group == 1) & (reference == 0)).sum()), int(((group == 0) & (reference == 1)).sum())
    p = min(1.0, 2 * float(bdtr(min(more, fewer), more + fewer, 0.5))) if more + fewer else 1.0
    up, down = (more + 1) / (count + 2), (fewer + 1) / (count + 2)
    width = Z_95 * float(np.sqrt((up + down - (up - down) ** 2) / (count + 2)))
    return Estimate((more - fewer) / count, max(-1.0, up - down - width), min(1.0, up - down + width), p)


def shift(group: Floats, reference: Floats, templates: Sequence[str]) -> Estimate:
    """Paired measurements, shape (pairs,): a t-test on the mean differences of the templates, which are the sample.

    The pairs of one template are not independent. However regular a difference is, p is never below what the signs
    alone allow, 2^(1 - templates): a handful of sentences proves nothing. Raises ValueError with less than two.
    """
    from scipy.special import stdtr, stdtrit

    means = _means(group - reference, templates)
    count = len(means)
    if count < 2:
        raise ValueError("Pairs of at least two templates are needed to compare.")
    mean, error = float(means.mean()), float(means.std(ddof=1) / np.sqrt(count))
    if error < 1e-12:
        return Estimate(mean, mean, mean, 1.0 if abs(mean) < 1e-12 else 2.0 ** (1 - count))
    width = float(stdtrit(count - 1, 0.975)) * error
    p = 2 * float(stdtr(count - 1, -abs(mean) / error))
    return Estimate(mean, mean - width, mean + width, max(p, 2.0 ** (1 - count)))


def balanced(values: Floats, templates: Sequence[str]) -> float:
    """The mean in which every template counts alike, however many pairs it has; `shift` is a difference of these."""
    return float(_means(values, templates).mean())


def _means(values: Floats, templates: Sequence[str]) -> Floats:
    _, places = np.unique(np.asarray(templates), return_inverse=True)
    return np.asarray(np.bincount(places, weights=values) / np.bincount(places))


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with their p-values by Holm's method, which keeps the chance of any false alarm below 5%."""
    adjusted = holm([one.estimate.p for one in comparisons])
    return [replace(one, p_holm=p) for one, p in zip(comparisons, adjusted, strict=True)]


def holm(ps: Sequence[float]) -> list[float]:
    """The p-values corrected by Holm's method, in their order."""
    values = np.array(ps)
    order = np.argsort(values)
    adjusted = np.empty(len(values))
    adjusted[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)).clip(max=1)
    return [float(p) for p in adjusted]


def auc(positive: Floats, negative: Floats, rng: np.random.Generator) -> Interval:
    """The chance that a toxic sentence scores above another one, ties counted half, with a bootstrap over sentences.

    Raises ValueError without either.
    """
    if not len(positive) or not len(negative):
        raise ValueError("An AUC needs toxic and other sentences.")
    above = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    weights = [rng.multinomial(len(side), np.full(len(side), 1 / len(side)), DRAWS) for side in (positive, negative)]
    drawn = ((weights[0] @ above) * weights[1]).sum(axis=1) / (len(positive) * len(negative))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(above.mean()), float(low), float(high))


def generalised_mean(values: Sequence[float]) -> float:
    """The mean of power -5 of AUCs in [0, 1]."""
    if not values or min(values) <= 0:
        return 0.0
    return float(np.mean(np.asarray(values) ** POWER) ** (1 / POWER))
