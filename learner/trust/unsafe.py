"""What the filters or a reviewer found unsafe is never an example of a good answer."""

from __future__ import annotations

from collections.abc import Sequence

from learner.pair import Pair
from learner.settings import LapSettings
from learner.trust.record import Record
from learner.trust.step import Outcome, Row, sift


def without_unsafe(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Take rows in which such an answer is the good one; as the worse one it may stay."""

    def why(row: Row) -> str | None:
        lesson = row.lesson
        # Of a rewrite or a correction the answer of its turn is the rejected one, and of an import there is no turn.
        answers = lesson.source in ("sibling", "comparison") if isinstance(lesson, Pair) else lesson.good
        return record.unsafe.get(lesson.turn_id) if answers else None

    return sift(rows, why)
