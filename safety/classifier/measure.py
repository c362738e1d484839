"""What share of texts is told apart, with an interval: arithmetic alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from safety.interval import wilson

THRESHOLDS = (0.3, 0.5, 0.7, 0.9, 0.95)
Numbers = NDArray[Any]


def auc(scores: Numbers, harmful: Numbers) -> float | None:
    """How often a harmful text scores above an innocent one, ties half; None where there are not both."""
    count = int(harmful.sum())
    if count in (0, len(harmful)):
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[harmful].sum() - count * (count + 1) / 2) / (count * (len(harmful) - count)))


def share(hits: Numbers) -> dict[str, Any]:
    """`of` so many `count` were hit: the `rate`, and Wilson's 95% interval of it."""
    found = wilson(int(hits.sum()), len(hits))
    interval = None if found.rate is None else [found.low, found.high]
    return {"count": found.count, "of": found.of, "rate": found.rate, "interval": interval}


def told_apart(scores: Numbers, harmful: Numbers) -> dict[str, Any]:
    """The AUC, and at each threshold the recall and the rate of false positives."""
    area = auc(scores, harmful)
    at = {
        str(threshold): {
            "recall": share(scores[harmful] >= threshold),
            "false_positives": share(scores[~harmful] >= threshold),
        }
        for threshold in THRESHOLDS
    }
    return {"auc": None if area is None else round(area, 4), "at": at}


def threshold_for(scores: Numbers, rate: float, least: float = 0.05) -> float:
    """The lowest threshold in hundredths, `least` to .99, that at most this share of innocent texts reaches."""
    steps = (step / 100 for step in range(round(least * 100), 100))
    return next((step for step in steps if (scores >= step).mean() <= rate), 0.99)
