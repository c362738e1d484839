"""What the filters say of a prompt: the decision, and how far it is from another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STOPS = ("block", "review")
HALF = 0.5  # where a score that comes without a threshold is taken to flag


@dataclass(frozen=True)
class Catch:
    """A filter that would stop the prompt, or ask a person to look."""

    filter_id: str
    category: str
    decision: str
    score: float
    threshold: float


@dataclass(frozen=True)
class Sight:
    """`decision` is the strictest of all messages: block, review, transform or allow; `unseen` where nobody told.

    `margin` is the highest score less its threshold, over all filters: the further below zero, the less they see.
    """

    decision: str
    margin: float
    score: float
    catches: tuple[Catch, ...] = ()

    @property
    def flagged(self) -> bool:
        """Whether it would be stopped or shown to a reviewer."""
        return self.decision in STOPS

    @property
    def by(self) -> tuple[str, ...]:
        """The filters that flag it, each with its category, as `terms: weapons`."""
        return tuple(dict.fromkeys(f"{catch.filter_id}: {catch.category}" for catch in self.catches))


UNSEEN = Sight("unseen", 0.0, 0.0)


def seen(results: Sequence[Mapping[str, Any]]) -> Sight:
    """What the results of a moderation, one for each message, come to."""
    decisions = [_decision(result) for result in results]
    said = [verdict for result in results for verdict in (result.get("ratchet") or {}).get("verdicts", ())]
    verdicts = [verdict for verdict in said if not verdict.get("shadow")]
    scores = [float(score) for result in results for score in result["category_scores"].values()]
    margins = [_margin(verdict) for verdict in verdicts if verdict["decision"] != "transform"]
    return Sight(
        decision=min(decisions, key=(*STOPS, "transform", "allow").index, default="allow"),
        margin=max(margins, default=max(scores, default=0.0) - HALF),
        score=max(scores, default=0.0),
        catches=tuple(_catch(verdict) for verdict in verdicts if verdict["decision"] in STOPS),
    )


def _decision(result: Mapping[str, Any]) -> str:
    ours = result.get("ratchet") or {}
    return str(ours.get("decision") or ("block" if result["flagged"] else "allow"))


def _catch(verdict: Mapping[str, Any]) -> Catch:
    return Catch(
        str(verdict["filter_id"]), str(verdict.get("category", "")), str(verdict["decision"]),
        float(verdict.get("score", 0.0)), float(verdict.get("threshold", 0.0)),
    )  # fmt: skip


def _margin(verdict: Mapping[str, Any]) -> float:
    # What is nought is not told; a filter of patterns that found nothing is as far away as can be.
    unless_told = 1.0 if verdict["decision"] == "allow" else 0.0
    return float(verdict.get("score", 0.0)) - float(verdict.get("threshold", unless_told))
