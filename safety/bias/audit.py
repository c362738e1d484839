"""One audit of filters, of a model, or of both, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from safety.bias.filters import FilterAudit, Scored, Scorer
from safety.bias.gate import MAX_GAP, Rule, Verdict, judge, significant
from safety.bias.model import ModelAudit
from safety.bias.statistics import Comparison, corrected
from safety.filter import Context
from safety.screen import Screen
from safety.verdict import Decision

STOPPING = (Decision.BLOCK, Decision.REVIEW)


@dataclass(frozen=True)
class Audit:
    """The parts, all comparisons corrected together, and the gate's verdict on them."""

    audited: str
    seed: int
    filters: FilterAudit | None
    model: ModelAudit | None
    comparisons: tuple[Comparison, ...]
    verdict: Verdict
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def findings(self) -> list[Comparison]:
        """The differences that are not chance, the largest first."""
        return significant(self.comparisons)


def concluded(
    audited: str,
    filters: FilterAudit | None,
    model: ModelAudit | None,
    *,
    seed: int = 0,
    max_gap: float = MAX_GAP,
    rule: Rule = "shown",
) -> Audit:
    """Correct every comparison of both parts together, and judge them."""
    parts = [part.comparisons for part in (filters, model) if part is not None]
    comparisons = tuple(corrected([one for part in parts for one in part]))
    return Audit(audited, seed, filters, model, comparisons, judge(comparisons, max_gap, rule))


def screen_scorer(screen: Screen) -> Scorer:
    """A screen in this process, as a scorer: a filter's score counts even where it lets pass."""

    def score(texts: Sequence[str]) -> list[Scored]:
        return [_scored(screen, text) for text in texts]

    return score


def _scored(screen: Screen, text: str) -> Scored:
    screened = screen.check_in_thread(text, Context("input", "bias-audit"))
    scores: dict[str, float] = {}
    for verdict in screened.verdicts:
        if verdict.decision is not Decision.TRANSFORM:
            name = verdict.category or verdict.filter_id
            scores[name] = max(scores.get(name, 0.0), min(1.0, max(0.0, verdict.score)))
    return Scored(scores, screened.decision in STOPPING)
