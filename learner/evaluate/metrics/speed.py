"""How long an answer takes."""

from __future__ import annotations

import numpy as np

from learner.evaluate.metrics.metric import Answers, Metric
from learner.evaluate.scores import Scores, means


def latency(answers: Answers) -> Scores:
    """The mean of the seconds to a whole answer; half of the answers, and 95 of 100, took `p50` and `p95` at most."""
    seconds = [float(one.seconds or 0.0) for one in answers.answers]
    p50, p95 = (round(float(at), 4) for at in np.quantile(seconds, (0.5, 0.95)))
    return means(seconds, higher_is_better=False, bounds=None, detail={"p50": p50, "p95": p95})


METRICS = (Metric("latency", "seconds to a whole answer", latency, False, needs=("seconds",)),)
