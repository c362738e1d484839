"""What people did, written straight into a store: for tests that begin after the chatting."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from analytics import Consent, Event, Feedback, Reply, Review, Store, Turn
from learner import person_group
from learner.people import SHARES, Group
from learner.starter import questions

FinishReason = Literal["stop", "length", "cancelled", "content_filter", "error"]
numbers = itertools.count(1)


def people(group: Group, count: int, shares: tuple[int, int, int] = SHARES) -> list[str]:
    """The first `count` ids that the hash puts into `group`."""
    ids = (f"person-{number}" for number in itertools.count())
    return list(itertools.islice((one for one in ids if person_group(one, shares) == group), count))


def vote(number: int, vote: int = 1) -> Feedback:
    """A thumb of somebody, on a turn that need not be there."""
    return Feedback(f"F-{number}", f"turn-{number}", "somebody", vote, [], None, None, None, "user")


@dataclass
class History:
    """Appends to `store`; everybody agrees to training unless told otherwise."""

    store: Store
    shares: tuple[int, int, int] = SHARES
    agreed: set[str] = field(default_factory=set)
    waiting: list[Event] | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Append all that happens in here at once, which is much faster."""
        self.waiting = []
        yield
        self.store.append(*self.waiting)
        self.waiting = None

    def _append(self, *events: Event) -> None:
        if self.waiting is None:
            self.store.append(*events)
        else:
            self.waiting += events

    def answer(
        self,
        person: str,
        text: str,
        *,
        prompt: str = "how long is delivery?",
        sibling_of: str | None = None,
        consent: bool = True,
        arm: str = "champion",
        experiment_id: str | None = None,
        finish_reason: FinishReason = "stop",
        adapter: str = "base",
        propensity: float | None = None,
        segment: str | None = None,
    ) -> str:
        """One question and its answer; returns the turn's id."""
        turn_id = f"turn-{next(numbers)}"
        turn = Turn(
            turn_id=turn_id,
            conversation_id=f"conversation-{person}",
            person=person,
            person_group=person_group(person, self.shares),
            messages=[{"role": "user", "content": prompt}],
            arm=arm,
            adapter=adapter,
            weights_sha256="0" * 64,
            experiment_id=experiment_id,
            propensity=propensity or (0.5 if experiment_id else None),
            sibling_of=sibling_of,
            source="api",
            parameters={},
            verdicts=[],
            segment=segment,
        )
        self._append(turn, _reply(turn_id, text, finish_reason))
        if consent and person not in self.agreed:
            self.agreed.add(person)
            self._append(Consent(person=person, given=True, version=1))
        return turn_id

    def say(
        self,
        person: str,
        turn_id: str,
        *,
        vote: int | None = None,
        rewrite: str | None = None,
        preferred_over: str | None = None,
    ) -> None:
        """Feedback of `person` on a turn."""
        self._append(
            Feedback(
                feedback_id=f"F-{next(numbers)}",
                turn_id=turn_id,
                person=person,
                vote=vote,
                reasons=[],
                comment=None,
                rewrite=rewrite,
                preferred_over=preferred_over,
                source="user",
            )
        )

    def correct(self, turn_id: str, text: str) -> None:
        """A reviewer's better answer."""
        self.store.append(
            Review(
                turn_id=turn_id,
                reviewer="reviewer",
                action="decide",
                until=None,
                filter_right=None,
                answer_right=False,
                correction=text,
                note=None,
            )
        )


def _reply(turn_id: str, text: str, finish_reason: FinishReason) -> Reply:
    return Reply(
        turn_id=turn_id,
        completion=text,
        finish_reason=finish_reason,
        prompt_tokens=9,
        completion_tokens=12,
        ttft_ms=10.0,
        duration_ms=50.0,
        logprob=None,
        verdicts=[],
    )


def lesson(history: History, learners: int, judges: int) -> None:
    """Enough for a lap: people of the groups learn and decide, each with one rewrite of an answer to their question."""
    prompts = iter(
        dict.fromkeys(question.messages[-1]["content"] for question in questions(1, 4 * (learners + judges)))
    )
    for group, count in (("learn", learners), ("decide", judges)):
        for person, prompt in zip(people(group, count), prompts, strict=False):
            turn = history.answer(person, "I do not know that.", prompt=prompt)
            history.say(person, turn, rewrite="Happy to help! Please have a look at the page of your order.")
