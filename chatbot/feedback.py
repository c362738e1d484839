"""What people say about answers: votes, stars, texts, surveys, critiques, consent and appeals, each with a receipt."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Unpack

from analytics import Consent, Event, Feedback, Flag, Store, Turn, queries, said
from analytics.columns import canonical
from chatbot import consent
from chatbot.errors import BadRequest, IdempotencyConflict, UnknownConversation
from chatbot.keyed import KeyedLocks
from chatbot.metrics import Metrics
from chatbot.remarks import Remark, own_turn, screened
from chatbot.saying import LONGEST, REASONS, Given, Saying, check_key, check_text
from learner.settings import RewriteReview
from learner.trust import newly_named, told
from safety import Screen

__all__ = ["LONGEST", "REASONS", "Feedbacks", "Receipt", "Standing"]

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


@dataclass(frozen=True)
class Receipt:
    """The number of what was kept; `judged` says which model a vote of the decide group judges.

    `replayed` when it was kept by an earlier call with the same idempotency key.
    """

    receipt: str
    judged: str | None
    consent: bool | None
    replayed: bool = False


@dataclass(frozen=True)
class Standing:
    """What stands of all that somebody said of an answer: the latest of each, None or empty when there is none.

    `vote` is 1 or -1, `stars` its rating where it was given as stars; both are None once they were taken back.
    """

    vote: int | None = None
    stars: int | None = None
    reasons: Sequence[str] = ()
    comment: str | None = None
    rewrite: str | None = None
    preferred_over: str | None = None
    survey: Mapping[str, Any] | None = None
    critique: Sequence[Mapping[str, Any]] = ()
    at: datetime | None = None
    receipts: Sequence[str] = ()


class Feedbacks:
    """Keeps feedback; when a call returns, it is durable. Its calls block, so they are for threads."""

    def __init__(
        self, store: Store, screen: Screen, metrics: Metrics, rewrite_review: RewriteReview = "new", terms: str = ""
    ) -> None:
        self._metrics, self._rewrite_review, self._terms = metrics, rewrite_review, terms
        self._store, self._screen, self._keys = store, screen, KeyedLocks()

    def give(
        self, person: str, response_id: str, *, idempotency_key: str | None = None, **given: Unpack[Given]
    ) -> Receipt:
        """Keep what `person` says about an answer of theirs; a vote of 0 takes one back.

        Under an idempotency key of theirs that was used before, nothing is kept and the receipt of then comes back.
        Raises UnknownResponse, NotYours, BadRequest, IdempotencyConflict.
        """
        check_key(idempotency_key)
        saying = Saying(**given)
        saying = replace(saying, comment=_stripped(saying.comment), rewrite=_stripped(saying.rewrite))
        saying.check()
        digest = None
        if idempotency_key is not None:
            digest = sha256(canonical([response_id, saying.to_values()]).encode()).hexdigest()
        # Two calls at once with one key must not both find that it was never used.
        with nullcontext() if idempotency_key is None else self._keys.alone((person, idempotency_key)):
            before = None if idempotency_key is None else said.by_key(self._store, person, idempotency_key)
            if before is not None:
                return self._again(before, digest, person)
            return self._keep(person, self._own(person, response_id), saying, idempotency_key, digest)

    def withdraw(self, person: str, response_id: str) -> Receipt | None:
        """Take the live vote back, thumb or stars; None when there is none. Raises UnknownResponse, NotYours."""
        standing = self.standing(person, response_id)
        if standing.vote is None and standing.stars is None:
            return None
        return self.give(person, response_id, vote=0)

    def standing(self, person: str, response_id: str) -> Standing:
        """What stands of all that `person` said of an answer of theirs. Raises UnknownResponse, NotYours."""
        self._own(person, response_id)
        rows = said.all_of(self._store, person, response_id)
        vote = next((row for row in reversed(rows) if row["vote"] is not None), {})

        def latest(name: str, nothing: Any = None) -> Any:  # noqa: ANN401
            return next((row[name] for row in reversed(rows) if row[name]), nothing)

        return Standing(
            vote=vote.get("vote") or None,
            stars=vote.get("stars"),
            reasons=latest("reasons", ()),
            comment=latest("comment"),
            rewrite=latest("rewrite"),
            preferred_over=latest("preferred_over"),
            survey=latest("survey"),
            critique=latest("critique", ()),
            at=rows[-1]["at"] if rows else None,
            receipts=[row["feedback_id"] for row in rows],
        )

    def consent(self, person: str, conversation_id: str | None = None) -> bool | None:
        """Whether the person agreed to learning from their feedback in a conversation; None when they were not asked.

        Without a conversation: in all that have no answer of their own. A temporary one is never learned from.
        """
        return queries.consent(self._store, person, conversation_id)

    def set_consent(self, person: str, given: bool, conversation_id: str | None = None) -> None:
        """Keep the person's answer, for a conversation of theirs or for all; it holds until the next one.

        A no to all is a no to each. Raises UnknownConversation.
        """
        if conversation_id is not None and self._store.owner(conversation_id) != person:
            raise UnknownConversation(f"There is no conversation {conversation_id!r} of yours.")
        self._store.append(Consent(person, given, consent.CURRENT, conversation_id))

    def appeal(self, person: str, response_id: str, comment: str) -> str:
        """Ask for a person's look at a filter's decision; returns a receipt.

        Raises UnknownResponse, NotYours, BadRequest.
        """
        turn = self._own(person, response_id)
        check_text("comment", comment)
        said_of_it = screened(self._screen, comment, "comment", "input", turn, person)
        number = _receipt("A")
        self._store.append(Flag(response_id, "appeal", person, said_of_it.text or "", number), *said_of_it.flags)
        return number

    def _keep(self, person: str, turn: Turn, saying: Saying, key: str | None, digest: str | None) -> Receipt:
        if saying.critique:
            answer = said.answer(self._store, turn.turn_id)
            if not answer:
                raise BadRequest("This response has no answer yet that could be criticised; wait for its end.")
            saying.check_against(answer)
        if saying.preferred_over is not None:
            _comparable(turn, self._own(person, saying.preferred_over))
        kept, flags = self._screened(saying, turn, person)
        flags += self._doubts(turn, kept.rewrite)
        number = _receipt("F")
        feedback = Feedback(
            feedback_id=number,
            turn_id=turn.turn_id,
            person=person,
            vote=kept.live_vote,
            reasons=list(kept.reasons),
            comment=kept.comment,
            rewrite=kept.rewrite,
            preferred_over=kept.preferred_over,
            source="user",
            stars=kept.stars,
            survey=kept.survey,
            critique=[asdict(span) for span in kept.critique],
            idempotency_key=key,
            body_sha256=digest,
        )
        events: list[Event] = [feedback, *flags]
        agreed = self.consent(person, turn.conversation_id)
        if saying.consent_to_train is not None and saying.consent_to_train != agreed:
            events.append(Consent(person, saying.consent_to_train, consent.CURRENT, turn.conversation_id))
            agreed = saying.consent_to_train and not queries.temporary(self._store, turn.conversation_id)
        self._store.append(*events)
        if kept.live_vote is not None:
            self._metrics.voted(turn.arm, turn.adapter, kept.live_vote)
        return Receipt(number, judged(turn, kept.live_vote), agreed)

    def _screened(self, saying: Saying, turn: Turn, person: str) -> tuple[Saying, list[Flag]]:
        """What was said as it may be kept, and what a reviewer should look at because of it."""
        flags: list[Flag] = []

        def seen(text: str | None, name: str) -> str | None:
            remark: Remark = screened(
                self._screen, text, name, "output" if name == "rewrite" else "input", turn, person
            )
            flags.extend(remark.flags)
            return remark.text

        survey = {
            question: (seen(answer, f"survey's answer to {question}") or "") if isinstance(answer, str) else answer
            for question, answer in saying.survey.items()
        }
        critique = [replace(span, comment=seen(_stripped(span.comment), "critique")) for span in saying.critique]
        comment, rewrite = seen(saying.comment, "comment"), seen(saying.rewrite, "rewrite")
        return replace(saying, comment=comment, rewrite=rewrite, survey=survey, critique=critique), flags

    def _doubts(self, turn: Turn, rewrite: str | None) -> list[Flag]:
        """A rewrite that names what is new waits for a reviewer; only once one found no fault is it learned from."""
        if rewrite is None or self._rewrite_review == "off":
            return []
        if self._rewrite_review == "all":
            return [Flag(turn.turn_id, "filter", None, "every rewrite waits for a reviewer")]
        new = newly_named(self._store, turn, said.answer(self._store, turn.turn_id) or "", rewrite, self._terms)
        return [Flag(turn.turn_id, "filter", None, told(new))] if new else []

    def _again(self, before: Mapping[str, Any], digest: str | None, person: str) -> Receipt:
        if before["body_sha256"] != digest:
            raise IdempotencyConflict(
                "This Idempotency-Key was used for other feedback; use a new key for what is not the same."
            )
        turn = self._store.asked(before["turn_id"])
        assert turn is not None
        return Receipt(
            before["feedback_id"],
            judged(turn, before["vote"]),
            self.consent(person, turn.conversation_id),
            replayed=True,
        )

    def _own(self, person: str, response_id: str) -> Turn:
        return own_turn(self._store, person, response_id, "rate it")


def judged(turn: Turn, vote: int | None) -> str | None:
    """Which model a vote judges: one of the decide group, on an answer of an experiment."""
    judges = vote and turn.experiment_id is not None and turn.person_group == "decide"
    return f"This vote judges {turn.adapter}." if judges else None


def _comparable(one: Turn, other: Turn) -> None:
    if one.turn_id == other.turn_id or one.messages != other.messages:
        raise BadRequest("preferred_over must name another answer to the same message.")


def _receipt(kind: str) -> str:
    return f"{kind}-" + "".join(secrets.choice(_LETTERS) for _ in range(8))


def _stripped(text: str | None) -> str | None:
    return (text or "").strip() or None
