"""The metrics by name, one file per family. A metric is a function from what was asked and answered to scores.

What is heavy is imported by a metric when it measures, for the names alone must cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from learner.errors import BadSuite
from learner.evaluate.metrics import (
    embedded,
    fairness,
    judged,
    labels,
    likelihood,
    own,
    right,
    speed,
    style,
    text_overlap,
)
from learner.evaluate.metrics.metric import Answers, Metric, Need, NotMeasured, Tools

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for family in (text_overlap, labels, right, likelihood, judged, embedded, style, fairness, speed)
    for metric in family.METRICS
}


def find_metric(name: str, folder: Path, options: Mapping[str, Any] | None = None) -> Metric:
    """A metric by its name, or a function of one's own as `file.py:function` in `folder`. Raises BadSuite."""
    if name in METRICS:
        return METRICS[name]
    if ":" in name:
        return own.load(name, folder, options or {})
    raise BadSuite(
        f"{folder}: there is no metric {name!r}; there are {', '.join(METRICS)}, and your own as file.py:function."
    )


__all__ = ["METRICS", "Answers", "Metric", "Need", "NotMeasured", "Tools", "find_metric"]
