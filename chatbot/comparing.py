"""Which answers a person is asked to compare with another one: those where the comparison teaches most."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime

from analytics import Store, Turn
from learner.active import Priorities
from safety import drawn

OFTEN = "A comparison here teaches the model most."
ANY = "Now and then we ask which of two answers is better."


class Comparing:
    """Chooses. At most `per_day` comparisons are asked of a person, and of all answers a share of about `share`.

    In the group that teaches, the lap's scores choose (`learner.active`). In the groups that judge, and before any lap
    has scored, chance chooses: who was asked about what is hard would judge models by that alone.
    """

    def __init__(self, store: Store, priorities: Callable[[], Priorities], *, per_day: int, share: float) -> None:
        self._store, self._priorities, self._per_day, self._share = store, priorities, per_day, share
        self._lock = threading.Lock()
        self._day, self._asked = date.min, Counter[str]()

    def why(self, turn: Turn) -> str | None:
        """Why the answer of a turn should be compared with another one; None where it should not."""
        if self._per_day == 0 or turn.sibling_of is not None or not self._chosen(turn):
            return None
        if not self._may(turn.person):
            return None
        return OFTEN if turn.person_group == "learn" and len(self._priorities()) else ANY

    def _chosen(self, turn: Turn) -> bool:
        worth = None
        if turn.person_group == "learn":
            worth = self._priorities().of_question(turn.messages[-1]["content"])
        return drawn(turn.turn_id, self._share) if worth is None else worth >= 1 - self._share

    def may(self, person: str) -> bool:
        """Whether the person was asked less often than the cap today."""
        with self._lock:
            return self._times(person) < self._per_day

    def count(self, person: str) -> None:
        """Note that the person was asked once more."""
        with self._lock:
            self._times(person)
            self._asked[person] += 1

    def _may(self, person: str) -> bool:
        """Whether the person was asked less often than the cap today, and that they are asked once more."""
        with self._lock:
            if self._times(person) >= self._per_day:
                return False
            self._asked[person] += 1
            return True

    def _times(self, person: str) -> int:
        """How often the person was asked today."""
        today = datetime.now(UTC).date()
        if today != self._day:
            self._day, self._asked = today, Counter()
        if person not in self._asked:
            # After a restart, what they compared today still counts.
            self._asked[person] = self._compared(person, today)
        return self._asked[person]

    def _compared(self, person: str, today: date) -> int:
        begun = datetime(today.year, today.month, today.day, tzinfo=UTC)
        rows = self._store.rows(
            """
            SELECT (SELECT count(*) FROM feedback JOIN turn USING (turn_id) WHERE turn.person = $person
                    AND feedback.preferred_over IS NOT NULL AND turn.cohort IS NULL AND feedback."at" >= $begun)
                 + (SELECT count(*) FROM arm_comparison WHERE person = $person AND choice = 'shown' AND "at" >= $begun)
                   AS n
            """,
            {"person": person, "begun": begun},
        )
        return int(rows[0]["n"])
