"""The reviewers' work: a queue, claims that run out, decisions, and better answers."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from analytics import Review, Store, Turn, queries
from chatbot.errors import AlreadyClaimed, BadRequest, UnknownResponse
from chatbot.judgements import Finding, Missed, VerdictJudged, findings, judgements, whole
from chatbot.remarks import screened
from learner.active import Parts, Priorities
from safety import Screen

CLAIM_SECONDS = 600.0
Kind = Literal["flagged", "appealed", "down-voted", "sample", "self-review"]
Order = Literal["oldest", "score", "doubt", "value"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Found(NamedTuple):
    """What a filter found in a turn that waits, and where."""

    filter: str
    place: str
    category: str
    score: float
    threshold: float


@dataclass(frozen=True)
class ReviewItem:
    """A turn that waits: `why` holds some of flagged, down-voted, appealed, sample and self-review."""

    turn_id: str
    conversation_id: str
    why: tuple[str, ...]
    reason: str
    question: str
    at: datetime
    claimed_by: str | None
    findings: tuple[Found, ...] = ()
    priority: Parts | None = None  # what a label is worth, where the last lap scored the turn

    @property
    def score(self) -> float:
        """The highest score of what was found."""
        return max((found.score for found in self.findings), default=0.0)


class Reviews:
    """The queue and what reviewers do with it; every step is an event."""

    def __init__(
        self,
        store: Store,
        screen: Screen,
        categories: Callable[[], Sequence[str]] = lambda: (),
        priorities: Callable[[], Priorities] = Priorities,
    ) -> None:
        self._store, self._screen, self.categories, self._priorities = store, screen, categories, priorities
        # A claim reads before it writes; two reviewers must not both find a turn free.
        self._lock = threading.Lock()

    def queue(
        self, kind: Kind | None = None, filter_id: str | None = None, order: Order = "oldest"
    ) -> list[ReviewItem]:
        """What waits; a claim that ran out is none. `kind` is one of the reasons, `filter_id` whose finding it is."""
        items, found, priorities = [], queries.flags_waiting(self._store), self._priorities()
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
                    findings=tuple(map(_found, found.get(row["turn_id"], ()))),
                    priority=priorities.of_turn(row["turn_id"]),
                )
            )
        wanted = [
            item
            for item in items
            if (kind is None or kind in item.why)
            and (filter_id is None or any(found.filter == filter_id for found in item.findings))
        ]
        return wanted if order == "oldest" else sorted(wanted, key=_SORTED[order])

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
        verdicts: Sequence[VerdictJudged] = (),
        missed: Sequence[Missed] = (),
    ) -> None:
        """Decide on a turn; it leaves the queue, and a correction is in the next dataset.

        `filter_right` is about the decisive finding, or says that nothing was to be found; `verdicts` and `missed` say
        more. Raises AlreadyClaimed, BadRequest, UnknownResponse.
        """
        correction = (correction or "").strip() or None
        if filter_right is None and answer_right is None and correction is None and not verdicts and not missed:
            raise BadRequest("Say whether the filter or the answer was right, or write the better answer.")
        turn = self._turn(turn_id)
        judged = judgements(
            turn_id,
            reviewer,
            self.findings(turn_id),
            filter_right=filter_right,
            verdicts=verdicts,
            missed=missed,
            known=self.categories(),
        )
        filter_right = whole(filter_right, judged)
        better = screened(self._screen, correction, "correction", "output", turn, reviewer)
        noted = screened(self._screen, note, "note", "input", turn, reviewer)
        with self._lock:
            self._free_for(turn_id, reviewer)
            decided = Review(turn_id, reviewer, "decide", None, filter_right, answer_right, better.text, noted.text)
            detail = {"turn_id": turn_id, "filter_right": filter_right, "answer_right": answer_right}
            audit = self._store.audit("review.decide", reviewer, {**detail, "corrected": correction is not None})
            # What comes after the decision calls for the next one: a doubtful correction does, a note about the turn
            # that was just looked at does not.
            self._store.append(*noted.flags, decided, *judged, audit, *better.flags)

    def findings(self, turn_id: str) -> list[Finding]:
        """What filters found in a turn, the decisive first."""
        return findings(self._store, turn_id)

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


def _doubt(item: ReviewItem) -> float:
    """How near the nearest score is to its threshold; what has no finding comes last."""
    return min((abs(found.score - found.threshold) for found in item.findings), default=math.inf)


def _value(item: ReviewItem) -> float:
    """What a label is worth, the most first; what nobody scored comes last."""
    return -item.priority.score if item.priority else math.inf


_SORTED: Mapping[str, Callable[[ReviewItem], float]] = {
    "score": lambda item: -item.score,
    "doubt": _doubt,
    "value": _value,
}


def _found(flag: Mapping[str, Any]) -> Found:
    return Found(flag["filter_id"], flag["place"], flag["category"], flag["score"], flag["threshold"])
