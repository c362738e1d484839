"""The reviewers' work: a queue, claims that run out, decisions, and better answers."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics import Review, Store, Turn, queries
from chatbot.errors import AlreadyClaimed, BadRequest, UnknownResponse
from chatbot.remarks import screened
from safety import Screen

CLAIM_SECONDS = 600.0


@dataclass(frozen=True)
class ReviewItem:
    """A turn that waits: `why` holds some of flagged, down-voted and appealed."""

    turn_id: str
    conversation_id: str
    why: tuple[str, ...]
    reason: str
    question: str
    at: datetime
    claimed_by: str | None


class Reviews:
    """The queue and what reviewers do with it; every step is an event."""

    def __init__(self, store: Store, screen: Screen) -> None:
        self._store, self._screen = store, screen
        # A claim reads before it writes; two reviewers must not both find a turn free.
        self._lock = threading.Lock()

    def queue(self) -> list[ReviewItem]:
        """What waits, the oldest first; a claim that ran out is none."""
        items = []
        for row in queries.review_queue(self._store):
            items.append(
                ReviewItem(
                    turn_id=row["turn_id"],
                    conversation_id=row["conversation_id"],
                    why=tuple(row["why"]),
                    reason=row["reason"] or "",
                    question=row["messages"][-1]["content"],
                    at=row["at"],
                    claimed_by=row["claimed_by"] if (row["until"] or 0) > time.time() else None,
                )
            )
        return items

    def conversation(self, turn_id: str) -> list[dict[str, Any]]:
        """The whole conversation around a turn, in order, each turn with the `notes` of reviewers.

        Raises UnknownResponse.
        """
        turns = queries.conversation(self._store, self._turn(turn_id).conversation_id)
        notes = self._notes([turn["turn_id"] for turn in turns])
        return [{**turn, "notes": [note for note in notes if note["turn_id"] == turn["turn_id"]]} for turn in turns]

    def claim(self, turn_id: str, reviewer: str) -> float:
        """Take a turn for ten minutes; returns when the claim ends, in seconds since 1970. Raises AlreadyClaimed."""
        with self._lock:
            self._free_for(turn_id, reviewer)
            until = time.time() + CLAIM_SECONDS
            self._store.append(Review(turn_id, reviewer, "claim", until, None, None, None, None))
            return until

    def release(self, turn_id: str, reviewer: str) -> None:
        """Give a turn back. Raises AlreadyClaimed when it is somebody else's."""
        with self._lock:
            self._free_for(turn_id, reviewer)
            self._store.append(Review(turn_id, reviewer, "release", None, None, None, None, None))

    def decide(
        self,
        turn_id: str,
        reviewer: str,
        *,
        filter_right: bool | None = None,
        answer_right: bool | None = None,
        correction: str | None = None,
        note: str | None = None,
    ) -> None:
        """Decide on a turn; it leaves the queue, and a correction is in the next dataset.

        Raises AlreadyClaimed, BadRequest, UnknownResponse.
        """
        correction = (correction or "").strip() or None
        if filter_right is None and answer_right is None and correction is None:
            raise BadRequest("Say whether the filter or the answer was right, or write the better answer.")
        turn = self._turn(turn_id)
        better = screened(self._screen, correction, "correction", "output", turn, reviewer)
        noted = screened(self._screen, note, "note", "input", turn, reviewer)
        with self._lock:
            self._free_for(turn_id, reviewer)
            decided = Review(turn_id, reviewer, "decide", None, filter_right, answer_right, better.text, noted.text)
            detail = {"turn_id": turn_id, "filter_right": filter_right, "answer_right": answer_right}
            audit = self._store.audit("review.decide", reviewer, {**detail, "corrected": correction is not None})
            # What comes after the decision calls for the next one: a doubtful correction does, a note about the turn
            # that was just looked at does not.
            self._store.append(*noted.flags, decided, audit, *better.flags)

    def _notes(self, turn_ids: list[str]) -> list[queries.Row]:
        return self._store.rows(
            'SELECT turn_id, reviewer, note, "at" FROM review WHERE note IS NOT NULL AND list_contains(?, turn_id) '
            "ORDER BY seq",
            (turn_ids,),
        )

    def _turn(self, turn_id: str) -> Turn:
        turn = self._store.asked(turn_id)
        # Reviewers see nothing of what its person deleted.
        if turn is None or queries.deleted(self._store, turn.conversation_id):
            raise UnknownResponse(f"There is no turn {turn_id!r}.")
        return turn

    def _free_for(self, turn_id: str, reviewer: str) -> None:
        self._turn(turn_id)
        holder, until = queries.claim(self._store, turn_id)
        if holder not in (None, reviewer) and until > time.time():
            minutes = math.ceil((until - time.time()) / 60)
            told = f"Another reviewer holds this turn, for {minutes} more minutes at most; take another turn meanwhile."
            raise AlreadyClaimed(told)
