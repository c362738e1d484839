"""Events of experiments: two answers side by side, and champions of segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from analytics.events import Event


@dataclass(frozen=True)
class ArmComparison(Event):
    """Two answers of an experiment to one message, one by each arm, and what their person found; the latest row holds.

    `first_turn` is the first answer, `second_turn` its sibling, `left_turn` the one that was shown on the left.
    `distance` in [0, 1] says how much they differ, where that was measured before they were shown; `skipped` were not
    shown. The chat goes on with `goes_on`.
    """

    table: ClassVar[str] = "arm_comparison"

    experiment_id: str
    person: str
    first_turn: str
    second_turn: str
    left_turn: str
    distance: float | None
    choice: Literal["skipped", "shown", "left", "right", "tie", "both_bad"]
    goes_on: str


@dataclass(frozen=True)
class SegmentChampion(Event):
    """Under the `champion` everybody of the segment is served `adapter`, or the champion where it is None.

    The latest row of a segment holds.

    `kind` is tenant, language or topic; `base` with `base_sha256` is the model that is served.
    """

    table: ClassVar[str] = "segment_champion"

    champion: str
    kind: str
    segment: str
    adapter: str | None
    reason: str
    actor: str
    base: str
    base_sha256: str
