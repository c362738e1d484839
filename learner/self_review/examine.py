"""What the model finds in its own answer: other samples say otherwise, it said otherwise before, or the facts do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from learner.self_review.agreement import Said, agreements, conflict
from learner.tfidf import Tfidf
from safety.facts import Index
from safety.facts.check import CONTRADICTED, SURE, findings, told

Kind = Literal["inconsistent", "contradicts itself", "contradicts the facts"]
Messages = Sequence[dict[str, str]]
CLEAR = 0.6  # share of the samples that must say the same for them to be a majority
ALONE = 0.25  # share of the samples up to which an answer that agrees with them is an outlier
NEAR = 0.75  # cosine from which two questions ask nearly the same
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
    known = Tfidf.of([text for one in past for text in (one.answer, *one.samples)])
    found: list[Finding | None] = [inconsistent(one, known) for one in past]
    found += [against_facts(one, facts) for one in past]
    found += against_itself(past, known)
    return [one for one in found if one is not None]


def inconsistent(one: Past, known: Tfidf) -> Finding | None:
    """The answer says what hardly any other sample says, while a clear majority of these agree with one another."""
    if len(one.samples) < 3:
        return None
    said = [Said.of(text) for text in (one.answer, *one.samples)]
    alike = agreements(known, said)
    others = alike[1:, 1:]
    middle = int(np.argmax(others.sum(1)))
    share, own = float(others[middle].mean()), float(alike[0, 1:].mean())
    if share < CLEAR or own > ALONE or alike[0, 1 + middle]:
        return None
    start, end = _span(said[0], said[1 + middle])
    meant = f"says {one.answer[start:end]!r}" if end - start < len(one.answer) else "stands alone"
    count = int(others[middle].sum())
    reason = f"It {meant}; {count} of {len(one.samples)} further samples agree on: {_short(one.samples[middle])}"
    return Finding(one.turn_id, "inconsistent", reason, start, end, share * (1 - own), one.samples[middle])


def against_facts(one: Past, facts: Index | None) -> Finding | None:
    """The answer states a value that the facts, or its own system prompt, contradict."""
    system = next((message["content"] for message in one.messages if message["role"] == "system"), "")
    if facts is None and not system:
        return None
    found = findings(one.answer, told(one.question, system), facts)
    sure = [each for each in found if each.label == CONTRADICTED and each.score >= SURE]
    if not sure:
        return None
    worst = max(sure, key=lambda each: each.score)
    reason = f"It {worst.note or f'says {one.answer[worst.start : worst.end]!r}'}."
    return Finding(one.turn_id, "contradicts the facts", reason, worst.start, worst.end, worst.score)


def against_itself(past: Sequence[Past], known: Tfidf) -> list[Finding | None]:
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
