"""What a filter says about a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Decision(StrEnum):
    """ALLOW lets pass, BLOCK stops, TRANSFORM replaces the spans, REVIEW lets pass and asks a person to look."""

    ALLOW = "allow"
    BLOCK = "block"
    TRANSFORM = "transform"
    REVIEW = "review"


STRICTEST_FIRST = (Decision.BLOCK, Decision.TRANSFORM, Decision.REVIEW, Decision.ALLOW)
CONCERNS = frozenset({Decision.BLOCK, Decision.REVIEW})  # what a person should look at


class Span(NamedTuple):
    """A half-open range of characters; `label` is what stands there, where that is not the verdict's category."""

    start: int
    end: int
    label: str = ""


NO_SCORES: Mapping[str, float] = MappingProxyType({})


def _no_scores() -> Mapping[str, float]:
    return NO_SCORES


@dataclass(frozen=True)
class Verdict:
    """A filter returns one; the screen adds which filter it was and how long it took.

    `score` and `threshold` are of the `label` that decided, in [0, 1]; `scores` are of all labels where a filter gives
    some, and `categories` the highest of them by category. A category is OpenAI's name where one fits. A filter that
    could not decide has `failed`: its decision is then the one that fails closed. One of a `shadow` filter is not acted
    upon.
    """

    decision: Decision
    category: str = ""
    score: float = 0.0
    threshold: float = 1.0
    spans: Sequence[Span] = ()
    filter_id: str = ""
    filter_version: str = ""
    latency_ms: float = 0.0
    failed: bool = False
    shadow: bool = False
    scores: Mapping[str, float] = field(default_factory=_no_scores)
    categories: Mapping[str, float] = field(default_factory=_no_scores)
    note: str = ""
    label: str = ""

    def told_by(self, filter_id: str, filter_version: str, latency_ms: float, shadow: bool) -> Verdict:
        """The same, of this filter. A stream makes many, and `dataclasses.replace` takes several times as long."""
        told = object.__new__(Verdict)
        told.__dict__.update(
            self.__dict__,
            filter_id=filter_id,
            filter_version=filter_version,
            latency_ms=latency_ms,
            shadow=shadow,
        )
        return told

    def to_values(self) -> dict[str, object]:
        """The fields by name, for the log; of what says nothing only the filter and its version."""
        named: dict[str, object] = {
            "filter_id": self.filter_id,
            "filter_version": self.filter_version,
            "decision": str(self.decision),
        }
        said = {
            "category": self.category,
            "label": self.label if self.label != self.category else "",
            "score": round(self.score, 4),
            "threshold": self.threshold if self.category or self.score else 0,
            "spans": [list(span) if span.label else [span.start, span.end] for span in self.spans],
            "latency_ms": self.latency_ms,
            "failed": self.failed,
            "shadow": self.shadow,
            "scores": {label: round(score, 4) for label, score in self.scores.items()},
            "note": self.note,
        }
        return named | {name: value for name, value in said.items() if value}


ALLOWED = Verdict(Decision.ALLOW)


def strictest(verdicts: Sequence[Verdict]) -> Decision:
    """The decision that counts: a block, else a review, else a change. Shadows do not count."""
    said = {verdict.decision for verdict in verdicts if not verdict.shadow}
    order = (Decision.BLOCK, Decision.REVIEW, Decision.TRANSFORM)
    return next((decision for decision in order if decision in said), Decision.ALLOW)


def sterner(one: Verdict, other: Verdict) -> Verdict:
    """Of what one filter says of two readings of a text the stricter, or that nearer to its threshold; all scores."""

    def order(verdict: Verdict) -> tuple[int, float]:
        return STRICTEST_FIRST.index(verdict.decision), verdict.threshold - verdict.score

    counts = min(one, other, key=order)
    return replace(
        counts,
        scores=highest(one.scores, other.scores),
        categories=highest(one.categories, other.categories),
    )


def highest(one: Mapping[str, float], other: Mapping[str, float]) -> Mapping[str, float]:
    """Each label's highest score: what a text reaches is what its worst part reaches."""
    if not other:
        return one
    return {label: max(one.get(label, 0.0), other.get(label, 0.0)) for label in {**one, **other}}
