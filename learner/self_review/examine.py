"""What the model finds in its own answer: other samples say otherwise, it said otherwise before, or the facts do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from learner.self_review.agreement import Said, Words, conflict
from learner.tfidf import Tfidf
from safety.facts import Index
from safety.facts.check import CONTRADICTED, findings, told

Kind = Literal["inconsistent", "contradicts itself", "contradicts the facts"]
Messages = Sequence[dict[str, str]]
CLEAR = 0.4  # mean overlap of the samples' middle with the others, from which they agree
ALONE = 0.3  # mean overlap of an answer with the samples, up to which it says something else
NEAR = 0.75  # cosine from which two questions ask nearly the same
LEAST_SAMPLES = 3
CONTRADICTS = 0.25  # score of a contradiction to the facts; below it all that were seen were false
EARLIER = 2  # other answers that must agree with one another against it


@dataclass(frozen=True)
class Finding:
    """Why an answer may be wrong; [start, end) is the part of it that is meant, `score` how sure that is, in [0, 1].

    `better` is what the samples say instead, where a majority does.
    """

    turn_id: str
    kind: Kind
    reason: str
    start: int
    end: int
    score: float
    better: str = ""


@dataclass(frozen=True)
class Past:
    """An answer of the past, with further samples of an answer to the same."""

    turn_id: str
    person: str
    messages: Messages
    answer: str
    samples: tuple[str, ...] = ()
    may_teach: bool = False  # its person agreed, and is of the group that teaches

    @property
    def question(self) -> str:
        """What was asked."""
        return self.messages[-1]["content"]


def examined(past: Sequence[Past], facts: Index | None) -> list[Finding]:
    """All findings, at most one of each kind for an answer."""
    words = Words.of([text for one in past for text in (one.answer, *one.samples)])
    found: list[Finding | None] = [inconsistent(one, words) for one in past]
    found += [against_facts(one, facts) for one in past]
    found += against_itself(past)
    return [one for one in found if one is not None]


def inconsistent(one: Past, words: Words) -> Finding | None:
    """The answer has little in common with further samples, while these agree with one another."""
    if len(one.samples) < LEAST_SAMPLES:
        return None
    overlaps = words.overlaps([one.answer, *one.samples])
    others = overlaps[1:, 1:]
    middle = int(np.argmax(others.sum(1)))
    agreed, own = float((others[middle].sum() - 1) / (len(others) - 1)), float(overlaps[0, 1:].mean())
    if agreed < CLEAR or own >= ALONE:
        return None
    better = one.samples[middle]
    start, end = _span(Said.of(one.answer), Said.of(better))
    part = f"{one.answer[start:end]!r}" if end - start < len(one.answer) else "something"
    reason = f"It says {part} that {len(one.samples)} further samples do not; most are like: {_short(better)}"
    return Finding(one.turn_id, "inconsistent", reason, start, end, agreed * (1 - own), better)


def against_facts(one: Past, facts: Index | None) -> Finding | None:
    """The answer states a value that the facts, or its own system prompt, contradict."""
    system = next((message["content"] for message in one.messages if message["role"] == "system"), "")
    if facts is None and not system:
        return None
    found = findings(one.answer, told(one.question, system), facts)
    sure = [each for each in found if each.label == CONTRADICTED and each.score >= CONTRADICTS]
    if not sure:
        return None
    worst = max(sure, key=lambda each: each.score)
    reason = f"It {worst.note or f'says {one.answer[worst.start : worst.end]!r}'}."
    return Finding(one.turn_id, "contradicts the facts", reason, worst.start, worst.end, worst.score)


def against_itself(past: Sequence[Past]) -> list[Finding | None]:
    """Where several answers to nearly the same question agree on a value, those that state another one."""
    asked = Tfidf.of([one.question for one in past])
    rows = asked.matrix([one.question for one in past])
    near = (rows @ rows.T).toarray() >= NEAR
    said = [Said.of(one.answer) for one in past]
    found: list[Finding | None] = []
    for place, one in enumerate(past):
        if len(one.messages) > 1:
            continue  # what was asked before may have changed what is meant
        others = [at for at in np.flatnonzero(near[place]) if at != place and len(past[at].messages) == 1]
        against = [at for at in others if conflict(said[place], said[at])]
        if len(against) < EARLIER or len(against) <= len(others) / 2:
            continue
        start, end = _span(said[place], said[against[0]])
        share = len(against) / len(others)
        reason = (
            f"It says {one.answer[start:end]!r}; {len(against)} of {len(others)} answers to nearly the same question "
            f"say otherwise, such as: {_short(past[against[0]].answer)}"
        )
        found.append(Finding(one.turn_id, "contradicts itself", reason, start, end, share))
    return found


def _span(one: Said, other: Said) -> tuple[int, int]:
    """The first value of `one` that `other` does not state; all of the answer where there is none."""
    apart = sorted(conflict(one, other) or one.states - other.states)
    for claim in apart:
        start = one.text.lower().find(claim.split()[0])
        if start >= 0:
            words = one.text[start:].split()[: 1 + claim.count(" ")]
            return start, start + len(" ".join(words).rstrip(".,;:!?"))
    return 0, len(one.text)


def _short(text: str, most: int = 120) -> str:
    return repr(text if len(text) <= most else f"{text[: most - 1]}…")
