"""What somebody may say about an answer, and whether it makes sense: votes, stars, texts, surveys, critiques."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from chatbot.errors import BadRequest

LONGEST = 20_000  # characters of a comment or a rewrite
REASONS = ("wrong", "not helpful", "too long", "too short", "unfriendly", "unsafe", "other")
MOST_STARS = 5
MOST_QUESTIONS, LONGEST_ANSWER = 10, 2_000  # of a survey, and characters of an answer in it
MOST_SPANS, LONGEST_REMARK = 50, 2_000  # of a critique, and characters of a comment in it
WHOLE = range(-(2**63), 2**63)  # the whole numbers that a survey may hold
_QUESTION = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

SurveyAnswer = bool | int | str


@dataclass(frozen=True)
class Span:
    """A remark about a part of an answer: half-open, in code points from the answer's first."""

    start: int
    end: int
    label: str | None = None
    comment: str | None = None


class Given(TypedDict, total=False):
    """What `Saying` is made of, for whoever passes it on."""

    vote: int | None
    stars: int | None
    reasons: Sequence[str]
    comment: str | None
    rewrite: str | None
    preferred_over: str | None
    survey: Mapping[str, SurveyAnswer]
    critique: Sequence[Span]
    consent_to_train: bool | None


@dataclass(frozen=True)
class Saying:
    """One call's worth. Stars are a vote as well: 4 and 5 up, 1 and 2 down, and 3 is neither, which takes one back."""

    vote: int | None = None
    stars: int | None = None
    reasons: Sequence[str] = ()
    comment: str | None = None
    rewrite: str | None = None
    preferred_over: str | None = None
    survey: Mapping[str, SurveyAnswer] = field(default_factory=dict)
    critique: Sequence[Span] = ()
    consent_to_train: bool | None = None

    @property
    def live_vote(self) -> int | None:
        """The vote, be it given as a thumb or as stars."""
        return self.vote if self.stars is None else (self.stars > 3) - (self.stars < 3)

    def check(self) -> None:
        """Raise BadRequest for what cannot be kept, without a look at the answer."""
        if self.vote not in (None, -1, 0, 1):
            raise BadRequest(f"vote is {_shown(self.vote)}; it must be -1, 1, or 0 to take one back.")
        if self.stars is not None and not 1 <= self.stars <= MOST_STARS:
            raise BadRequest(f"stars is {_shown(self.stars)}; it must be from 1 to {MOST_STARS}.")
        if self.vote is not None and self.vote != self.live_vote:
            raise BadRequest(f"A vote of {self.vote} and {self.stars} stars contradict each other; send one of them.")
        check_reasons(self.reasons)
        check_text("comment", self.comment)
        check_text("rewrite", self.rewrite)
        _check_survey(self.survey)
        _check_critique(self.critique)
        something = (self.reasons, self.comment, self.rewrite, self.preferred_over, self.survey, self.critique)
        if self.live_vote is None and not any(something):
            raise BadRequest(
                "There is nothing to keep: give a vote, stars, reasons, a comment, a rewrite, preferred_over, a survey "
                "or a critique."
            )

    def check_against(self, answer: str) -> None:
        """Raise BadRequest for a critique of what is not in the answer."""
        for span in self.critique:
            if span.end > len(answer):
                raise BadRequest(
                    f"The critique from {_shown(span.start)} to {_shown(span.end)} reaches beyond the answer, which "
                    f"has {len(answer)} characters; offsets count Unicode code points."
                )

    def to_values(self) -> dict[str, Any]:
        """What was sent, as plain values: equal for equal calls."""
        return {**vars(self), "critique": [vars(span) for span in self.critique]}


def check_key(key: str | None) -> None:
    """Raise BadRequest for an idempotency key that cannot be kept."""
    if key is not None and _KEY.fullmatch(key) is None:
        raise BadRequest("The Idempotency-Key must have 1 to 255 visible ASCII characters and no spaces.")


def check_reasons(reasons: Sequence[str]) -> None:
    """Raise BadRequest for a reason that is not on the list."""
    if unknown := [reason for reason in reasons if reason not in REASONS]:
        raise BadRequest(f"The reason {_shown(unknown[0])} is not known; choose from {', '.join(REASONS)}.")


def check_text(name: str, text: str | None, longest: int = LONGEST) -> None:
    """Raise BadRequest for a text that is too long."""
    if text is not None and len(text) > longest:
        raise BadRequest(f"The {name} is too long: {len(text)} characters, at most {longest} are kept.")


def _check_survey(survey: Mapping[str, SurveyAnswer]) -> None:
    if len(survey) > MOST_QUESTIONS:
        raise BadRequest(f"The survey has {len(survey)} questions; at most {MOST_QUESTIONS} are kept.")
    for name, said in survey.items():
        if _QUESTION.fullmatch(name) is None:
            raise BadRequest(
                f"The survey's question {_shown(name)} must be a name of up to 64 letters, digits, _ and -, beginning "
                "with a letter."
            )
        if isinstance(said, str):
            check_text(f"survey's answer to {name}", said, LONGEST_ANSWER)
        elif said not in WHOLE:
            raise BadRequest(f"The survey's answer to {name} is a number beyond 64 bits; send a smaller one.")


def _check_critique(critique: Sequence[Span]) -> None:
    if len(critique) > MOST_SPANS:
        raise BadRequest(f"The critique has {len(critique)} parts; at most {MOST_SPANS} are kept.")
    for span in critique:
        if not 0 <= span.start < span.end:
            raise BadRequest(
                f"The critique from {_shown(span.start)} to {_shown(span.end)} is empty; start counts from 0, and end "
                "is behind the last character."
            )
        check_reasons([] if span.label is None else [span.label])
        check_text("comment of a critique", span.comment, LONGEST_REMARK)


def _shown(value: object) -> str:
    """A value that somebody sent, short enough for a message; Python writes no number of thousands of digits."""
    if isinstance(value, int) and value not in WHOLE:
        return "a number beyond 64 bits"
    told = repr(value)
    return told if len(told) <= 80 else f"{told[:79]}…"
