"""How sure a value is: Wilson's interval for a share of rows that stand alone, else a bootstrap over clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from learner.evaluate.scores import COMBINE, Floats, Scores
from safety.interval import wilson

DRAWS = 2000
ENDS = (0.025, 0.975)


class Interval(NamedTuple):
    """A value with the ends of its 95% interval; None where there was nothing, or too little, to tell."""

    value: float | None
    low: float | None
    high: float | None


def interval(scores: Scores, clusters: Sequence[str] | None = None, *, seed: int = 0) -> Interval:
    """The value of `scores` and its 95% interval; rows of one cluster are drawn together.

    A bootstrap says that what was right every time is right for certain, so a share has Wilson's interval instead.
    """
    value, sums = scores.value(), cluster_sums(scores, clusters)
    if value is None:
        return Interval(None, None, None)
    if is_share(scores) and len(sums) == len(scores):
        right, of = scores.parts.sum(axis=0)
        share = wilson(round(right), round(of))
        return Interval(value, share.low, share.high)
    if len(sums) < 2:
        return Interval(value, None, None)
    if is_share(scores) and value in (0.0, 1.0):  # then all clusters are alike, and each is one observation
        of = int((sums[:, 1] > 0).sum())
        share = wilson(round(value * of), of)
        return Interval(value, share.low, share.high)
    drawn = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=DRAWS)
    values = COMBINE[scores.combine](drawn @ sums)
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, ENDS)
    return Interval(value, float(low), float(high))


def cluster_sums(scores: Scores, clusters: Sequence[str] | None) -> Floats:
    """The sums of the parts by cluster, shape (clusters, parts); every row is its own where there are none."""
    if clusters is None:
        return scores.parts
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.zeros((int(index.max()) + 1, scores.parts.shape[1]))
    np.add.at(sums, index, scores.parts)
    return sums


def is_share(scores: Scores) -> bool:
    """Whether every row is right, wrong or does not apply, so that the value is a share."""
    return (
        scores.combine == "ratio"
        and scores.extremes is not None
        and bool(np.isin(scores.parts, (0.0, 1.0)).all() and (scores.parts[:, 0] <= scores.parts[:, 1]).all())
    )
