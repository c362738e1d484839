"""Do two answers say the same? By what they state, and by the words that tell their subject.

Self-consistency over resamples: Manakul et al., "SelfCheckGPT", arXiv:2303.08896; what many samples say is more often
right: Wang et al., arXiv:2203.11171.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner.tfidf import Tfidf
from learner.trust.claims import claims

SAME = 0.35  # cosine from which two answers are about the same
_NOT = re.compile(r"\b(?:not|no|never|none|cannot|unable)\b|n't\b", re.IGNORECASE)


@dataclass(frozen=True)
class Said:
    """An answer and what it states: its numbers with what they count, and its links and addresses."""

    text: str
    states: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Said:
        """Read an answer. Names are left out: a greeting has some."""
        return cls(text, frozenset(claim for claim in claims(text) if re.search(r"\d|@|/|www", claim)))


def conflict(one: Said, other: Said) -> set[str]:
    """What `one` states of which `other` states another value of the same kind: "3 day" where the other has "5 day"."""
    values: dict[str, set[str]] = {}
    for claim in other.states:
        values.setdefault(_kind(claim), set()).add(claim)
    return {
        claim
        for claim in one.states
        if (others := values.get(_kind(claim))) and claim not in others and not one.states >= others
    }


def agreements(known: Tfidf, answers: Sequence[Said]) -> NDArray[np.bool_]:
    """Which answers say the same, shape (answers, answers): about the same subject, and none denies the other's values."""
    rows = known.matrix([one.text for one in answers])
    alike = np.asarray((rows @ rows.T).toarray() >= SAME)
    for place, one in enumerate(answers):
        for at in range(place):
            other = answers[at]
            if alike[place, at] and (conflict(one, other) or conflict(other, one) or _apart(one, other)):
                alike[place, at] = alike[at, place] = False
    np.fill_diagonal(alike, True)
    return alike


def _apart(one: Said, other: Said) -> bool:
    """Both state values, and none in common."""
    return bool(one.states) and bool(other.states) and not one.states & other.states


def _kind(claim: str) -> str:
    number, _, counted = claim.partition(" ")
    return counted if number[:1].isdigit() else "link"
