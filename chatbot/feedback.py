"""What people say about answers: votes, reasons, rewrites, comparisons, consent and appeals, each with a receipt."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from analytics import Consent, Event, Feedback, Flag, Store, Turn, queries
from chatbot.errors import BadRequest, NotYours, UnknownResponse
from chatbot.remarks import screened
from safety import Screen

CONSENT_VERSION = 1
LONGEST = 20_000  # characters of a comment or a rewrite
REASONS = ("wrong", "not helpful", "too long", "too short", "unfriendly", "unsafe", "other")
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


@dataclass(frozen=True)
class Receipt:
    """The number of what was kept; `judged` says which model a vote of the decide group judges."""

    receipt: str
    judged: str | None
    consent: bool | None


class Feedbacks:
    """Keeps feedback; when a call returns, it is durable. Its calls block, so they are for threads."""

    def __init__(self, store: Store, screen: Screen) -> None:
        self._store, self._screen = store, screen

    def give(
        self,
        person: str,
        response_id: str,
        *,
        vote: int | None = None,
        reasons: Sequence[str] = (),
        comment: str | None = None,
        rewrite: str | None = None,
        preferred_over: str | None = None,
        consent_to_train: bool | None = None,
    ) -> Receipt:
        """Keep what `person` says about an answer of theirs; a vote of 0 takes one back.

        Raises UnknownResponse, NotYours, BadRequest.
        """
        turn = self._own(person, response_id)
        comment, rewrite = ((text or "").strip() or None for text in (comment, rewrite))
        _check(vote, reasons, comment, rewrite)
        if vote is None and not any((reasons, comment, rewrite, preferred_over)):
            raise BadRequest("There is nothing to keep: give a vote, reasons, a comment, a rewrite or preferred_over.")
        if preferred_over is not None:
            _comparable(turn, self._own(person, preferred_over))
        said = screened(self._screen, comment, "comment", "input", turn, person)
        better = screened(self._screen, rewrite, "rewrite", "output", turn, person)
        number = _receipt("F")
        events: list[Event] = [
            Feedback(number, response_id, person, vote, list(reasons), said.text, better.text, preferred_over, "user"),
            *said.flags,
            *better.flags,
        ]
        agreed = self.consent(person)
        if consent_to_train is not None and consent_to_train != agreed:
            agreed = consent_to_train
            events.append(Consent(person, agreed, CONSENT_VERSION))
        self._store.append(*events)
        judges = vote and turn.experiment_id is not None and turn.person_group == "decide"
        return Receipt(number, f"This vote judges {turn.adapter}." if judges else None, agreed)

    def consent(self, person: str) -> bool | None:
        """Whether the person agreed that their feedback is learned from; None when they were not asked."""
        return queries.consent(self._store, person)

    def set_consent(self, person: str, given: bool) -> None:
        """Keep the person's answer, which holds until the next one."""
        self._store.append(Consent(person, given, CONSENT_VERSION))

    def appeal(self, person: str, response_id: str, comment: str) -> str:
        """Ask for a person's look at a filter's decision; returns a receipt.

        Raises UnknownResponse, NotYours, BadRequest.
        """
        turn = self._own(person, response_id)
        _check(None, (), comment, None)
        said = screened(self._screen, comment, "comment", "input", turn, person)
        number = _receipt("A")
        self._store.append(Flag(response_id, "appeal", person, said.text or "", number), *said.flags)
        return number

    def _own(self, person: str, response_id: str) -> Turn:
        turn = self._store.asked(response_id)
        if turn is None:
            raise UnknownResponse(f"There is no response {response_id!r}; send the id of an answer.")
        if turn.person != person:
            raise NotYours("Only the person who got an answer can rate it.")
        return turn


def _comparable(one: Turn, other: Turn) -> None:
    if one.turn_id == other.turn_id or one.messages != other.messages:
        raise BadRequest("preferred_over must name another answer to the same message.")


def _receipt(kind: str) -> str:
    return f"{kind}-" + "".join(secrets.choice(_LETTERS) for _ in range(8))


def _check(vote: int | None, reasons: Sequence[str], comment: str | None, rewrite: str | None) -> None:
    if vote not in (None, -1, 0, 1):
        raise BadRequest(f"vote is {vote!r}; it must be -1, 1, or 0 to take one back.")
    if unknown := [reason for reason in reasons if reason not in REASONS]:
        raise BadRequest(f"The reason {unknown[0]!r} is not known; choose from {', '.join(REASONS)}.")
    for name, text in (("comment", comment), ("rewrite", rewrite)):
        if text is not None and len(text) > LONGEST:
            raise BadRequest(f"The {name} is too long: {len(text)} characters, at most {LONGEST} are kept.")
