"""What was measured of a model on a benchmark suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from analytics.events import Event


@dataclass(frozen=True)
class Evaluation(Event):
    """A model on a suite; `value` is that of the metric that decides, with the ends of its 95% interval.

    `adapter` is a name of the registry with the sha256 of its weights, or for an `endpoint` the model's name there, of
    whose weights nothing is known. Only rows of one `suite_sha256` can be compared. `passed` and `reason` say whether
    it was no worse than the evaluation `against`; None where it was held against nothing. `detail` has the other
    metrics, the slices and the scores by row; what was answered lies in `folder`.
    """

    table: ClassVar[str] = "evaluation"

    evaluation_id: str
    suite: str
    suite_sha256: str
    metric: str
    margin: float
    weight: float
    adapter: str
    weights_sha256: str | None
    base: str
    endpoint: str | None
    rows: int
    value: float | None
    low: float | None
    high: float | None
    against: str | None
    passed: bool | None
    reason: str
    detail: Mapping[str, Any]
    folder: str
    actor: str
