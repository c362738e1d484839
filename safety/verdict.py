"""What a filter says about a text, and what it is told about where the text comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol


class Decision(StrEnum):
    """ALLOW lets pass, BLOCK stops, TRANSFORM replaces the spans, REVIEW lets pass and asks a person to look."""

    ALLOW = "allow"
    BLOCK = "block"
    TRANSFORM = "transform"
    REVIEW = "review"


Span = tuple[int, int]


class Edit(NamedTuple):
    """Put `text` in place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


def merged(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """The edits in order; of those that overlap one is made, with the words of the first."""
    apart: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if apart and edit.start < apart[-1].end:
            apart[-1] = apart[-1]._replace(end=max(apart[-1].end, edit.end))
        else:
            apart.append(edit)
    return tuple(apart)


def edited(text: str, edits: Sequence[Edit]) -> str:
    """`text` with each edit made; they must not overlap."""
    for start, end, words in reversed(edits):
        text = text[:start] + words + text[end:]
    return text


@dataclass(frozen=True)
class Context:
    """Where a text comes from: a person's `input` or the model's `output`."""

    role: Literal["input", "output"]
    person: str = ""
    conversation_id: str = ""


@dataclass(frozen=True)
class Verdict:
    """`score` and `threshold` are in the filter's own unit; `spans` are half-open ranges of characters.

    A filter that could not decide has `failed`; its decision is then the one that fails closed.
    """

    decision: Decision
    category: str
    score: float
    threshold: float
    spans: tuple[Span, ...]
    filter_id: str
    filter_version: str
    latency_ms: float
    failed: bool = False

    def to_values(self) -> dict[str, object]:
        """The fields by name, for the log."""
        return {**vars(self), "decision": str(self.decision), "spans": [list(span) for span in self.spans]}


@dataclass(frozen=True)
class Finding:
    """What a filter found, before the screen adds who it was and how long it took."""

    decision: Decision
    category: str = ""
    score: float = 0.0
    spans: tuple[Span, ...] = ()


ALLOWED = Finding(Decision.ALLOW)


class Filter(Protocol):
    """A filter says what it finds in a text; it may raise, which the screen takes as a failure."""

    id: str
    version: str
    threshold: float
    quick: bool  # takes well under a millisecond, so a thread would only add to it

    def check(self, text: str, context: Context) -> Finding:
        """Look at `text`."""
        ...

    def undecided(self, text: str, context: Context) -> int:
        """Where what this filter cannot decide yet begins, if `text` goes on; its length when all is decided.

        As a text grows this never moves back, and what it would find later never begins before it.
        """
        ...

    def replacement(self, category: str) -> str:
        """What stands in place of a span of this category when the decision is TRANSFORM."""
        ...
