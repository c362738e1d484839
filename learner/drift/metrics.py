"""What is watched, and how much each may move before anybody is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
DISTINCT = ("distinct-1", "distinct-2", "distinct-3")
TOPICS = "topics"
CATEGORY = "flag:"  # before the name of a category
DISTINCT_MARGIN, CATEGORY_MARGIN = 0.05, 0.03


@dataclass(frozen=True)
class Metric:
    """A number per person (of `distinct`: per block of texts), and the least change that is worth an alarm.

    `ratio` says that the numbers are logarithms, whose differences are ratios; others are shares in [0, 1].
    """

    name: str
    margin: float
    told: str
    ratio: bool = False

    def figure(self, mean: float) -> float:
        """A mean as a person reads it."""
        return exp(mean) - 1 if self.ratio else mean

    def words(self, change: float) -> str:
        """A change as a person reads it."""
        if self.name == TOPICS:
            return f"{change:.3f} bits apart"
        return f"{100 * (exp(change) - 1):+.0f}%" if self.ratio else f"{100 * change:+.1f} points"


METRICS: Mapping[str, Metric] = {
    one.name: one
    for one in (
        Metric("length", log(1.25), "tokens of an answer, geometric mean", ratio=True),
        *(Metric(name, DISTINCT_MARGIN, f"distinct {name[-1]}-grams of 300 words of answers") for name in DISTINCT),
        Metric("refusals", 0.05, "answers that refuse or were blocked"),
        Metric("up", 0.1, "thumbs up among the votes"),
        Metric("rating", 0.1, "answers with a vote"),
        Metric("flags", 0.05, "turns in which a filter found something"),
        Metric("scripts", 0.05, "questions in another script than Latin"),
        Metric(TOPICS, 0.03, "what is asked about, Jensen-Shannon divergence beyond chance"),
    )
}


def metric(name: str) -> Metric:
    """The metric of that name; categories of the filters share one kind."""
    if name.startswith(CATEGORY):
        return Metric(name, CATEGORY_MARGIN, f"turns in which a filter found {name.removeprefix(CATEGORY)}")
    return METRICS[name]
