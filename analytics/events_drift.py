"""What the monitor of drift writes: what each stretch of traffic was like, and its alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from analytics.events import Event


@dataclass(frozen=True)
class DriftWindow(Event):
    """A stretch of a generation's traffic; `began` and `ended` are in seconds since 1970, half-open.

    `figures` has a number for each metric, `tests` what became of the comparison with the generation's reference: empty
    for a window that is a part of it or has too few people.
    """

    table: ClassVar[str] = "drift_window"

    generation: int
    adapter: str
    began: float
    ended: float
    people: int
    answers: int
    figures: Mapping[str, Any]
    tests: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class DriftAlarm(Event):
    """Something moved; the latest row of an `alarm_id` holds.

    `detector` is `window`, a stretch against the generation's reference, or `generation`, a whole generation against
    generation 0 or the one before, which `against` names. `began` is when the stretch did, in seconds since 1970. With
    `accepted` traffic is compared from there on with what came since.
    """

    table: ClassVar[str] = "drift_alarm"

    alarm_id: str
    state: Literal["open", "acknowledged"]
    detector: Literal["window", "generation"]
    metric: str
    generation: int
    against: int
    adapter: str
    began: float
    change: float
    p_value: float
    reason: str
    actor: str
    accepted: bool = False
    note: str | None = None


DRIFT_EVENTS: tuple[type[Event], ...] = (DriftWindow, DriftAlarm)
