"""Slow drift: a whole generation against another one, looked at as often as one likes."""

from __future__ import annotations

from collections.abc import Mapping
from math import log

import numpy as np

from analytics import drift
from learner.drift.compare import Sample, Test
from learner.drift.metrics import DISTINCT, Scores, metric
from learner.experiment.decide import decide


def surely_moved(before: Sample, after: Sample, *, alpha: float) -> list[Test]:
    """Each metric that has moved by more than its margin, and surely has moved at all.

    It is the rule of experiments, on one number per person and side, so it may be asked again whenever people have come
    to `after`: the chance that it ever names a metric that has not moved is at most `alpha`, which the metrics share.
    People who are in both samples count as two, which makes it too careful. Topics and the filters' categories are for
    windows alone.
    """
    one, other = before.blocks, after.blocks
    pairs: Mapping[str, tuple[Scores, Scores]] = {
        **{name: (before.scores[name], after.scores[name]) for name in drift.METRICS},
        **{name: (one[name], other[name]) for name in DISTINCT},
    }
    found = (_moved(name, *pair, alpha / len(pairs)) for name, pair in pairs.items())
    return [test for test in found if test is not None]


def _moved(name: str, before: Scores, after: Scores, alpha: float) -> Test | None:
    """The rule of experiments, tightest for a change of the metric's margin; None while nothing is proven."""
    what = metric(name)
    sums = [(len(side), side.sum(), side @ side) for side in (before[np.isfinite(before)], after[np.isfinite(after)])]
    found = decide(*sums[0], *sums[1], alpha=alpha, n_star=1.5 * log(2 / alpha) / what.margin**2)
    if not found.decision or min(len(before), len(after)) < 2:
        return None
    change = float(found.lower + found.upper) / 2
    if abs(change) <= what.margin:
        return None
    words = f"{name} ({what.told}): {what.words(change)}, surely {what.words(float(found.lower))} to "
    return Test(name, change, float(found.p_value), True, f"{words}{what.words(float(found.upper))}")
