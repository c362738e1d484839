"""From answers to what is kept of an evaluation: every metric with its interval, as a whole and by slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from learner.errors import EvaluationFailed, JudgeFailed
from learner.evaluate.intervals import Interval, interval
from learner.evaluate.metrics import Answers, Metric, Tools
from learner.evaluate.row import Answer
from learner.evaluate.scores import Scores
from learner.evaluate.suite import Suite


@dataclass(frozen=True)
class Measured:
    """One metric on one suite: its interval, the same by slice, and the scores that they come from."""

    metric: Metric
    scores: Scores
    interval: Interval
    slices: dict[str, Interval]

    def to_values(self) -> dict[str, Any]:
        """What is kept beside the scores."""
        return {
            **self.interval._asdict(),
            "rows": int(self.scores.applies.sum()),
            "higher_is_better": self.metric.higher_is_better,
            "slices": {name: found._asdict() for name, found in self.slices.items()},
            **({"detail": dict(self.scores.detail)} if self.scores.detail else {}),
        }


@dataclass(frozen=True)
class Scored:
    """A suite with its answers measured: the deciding metric, the others, and why some could not be measured."""

    suite: Suite
    decides: Measured
    also: tuple[Measured, ...] = ()
    lacking: dict[str, str] = field(default_factory=dict)


def score(suite: Suite, answers: Sequence[Answer], tools: Tools = Tools()) -> Scored:  # noqa: B008 - frozen
    """Measure the answers to a suite, one for each row in order.

    Raises NotMeasured or JudgeFailed where the deciding metric cannot be measured; of the others it is said why.
    """
    given = Answers(suite.rows, answers, suite.options, tools)
    decides = _measured(suite, suite.metric, given)
    also, lacking = [], {}
    for metric in suite.also:
        try:
            also.append(_measured(suite, metric, given))
        except (EvaluationFailed, JudgeFailed) as error:
            lacking[metric.name] = str(error)
    return Scored(suite, decides, tuple(also), lacking)


def _measured(suite: Suite, metric: Metric, given: Answers) -> Measured:
    scores, clusters = metric.scores(given), suite.clusters
    slices = {name: np.array(mask) for name, mask in suite.slices.items()}
    return Measured(
        metric,
        scores,
        interval(scores, clusters, seed=suite.generation.seed),
        {
            name: interval(scores.of(mask), _some(clusters, mask), seed=suite.generation.seed)
            for name, mask in slices.items()
        },
    )


def _some(clusters: list[str] | None, mask: np.typing.NDArray[np.bool_]) -> list[str] | None:
    return None if clusters is None else [one for one, is_in in zip(clusters, mask, strict=True) if is_in]
