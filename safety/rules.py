"""From the labels that a filter finds to what is done about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from safety.verdict import NO_SCORES, STRICTEST_FIRST, Decision, Span, Verdict

ANY = "*"  # a label that is not named


class Step(NamedTuple):
    """From `threshold` on, `decision` is taken."""

    decision: Decision
    threshold: float


@dataclass(frozen=True)
class Rule:
    """What a label leads to in texts of one role, the strictest step first; `category` is OpenAI's name."""

    category: str
    steps: tuple[Step, ...]

    @cached_property
    def lowest(self) -> float:
        """The threshold that is reached first; 1 without any step."""
        return min((step.threshold for step in self.steps), default=1.0)

    def step(self, score: float) -> Step | None:
        """The strictest step that `score` reaches."""
        if score < self.lowest:
            return None
        return next((step for step in self.steps if score >= step.threshold), None)


_Ruled = tuple[str, Rule, float]  # a label with its rule and its score


@dataclass(frozen=True)
class Rules:
    """The rules of one filter: role -> label -> rule."""

    by_role: Mapping[str, Mapping[str, Rule]]

    def applies(self, role: str) -> bool:
        """Whether the filter is asked at all."""
        return bool(self.by_role.get(role))

    def holds_back(self, role: str) -> bool:
        """Whether a text of this role has to wait for it: a review does not stop anything."""
        rules = self.by_role.get(role, {}).values()
        return any(step.decision in (Decision.BLOCK, Decision.TRANSFORM) for rule in rules for step in rule.steps)

    def rule(self, role: str, label: str) -> Rule | None:
        """The rule for a label."""
        rules = self.by_role.get(role, {})
        return rules.get(label) or rules.get(ANY)

    def verdict(
        self, role: str, scores: Mapping[str, float], spans: Sequence[Span] = (), *, note: str = "", log: bool = False
    ) -> Verdict:
        """What `scores` by label lead to; of `spans` those stay whose label leads there too.

        With `log` all scores are kept, so that other thresholds can be tried on them later.
        """
        ruled = [
            (label, rule, score) for label, score in scores.items() if (rule := self.rule(role, label)) is not None
        ]
        kept, categories = (scores, _categories(ruled)) if log else (NO_SCORES, NO_SCORES)
        reached = [(label, rule, step) for label, rule, score in ruled if (step := rule.step(score)) is not None]
        if not reached:
            score, threshold = _nearest(ruled)
            return Verdict(Decision.ALLOW, score=score, threshold=threshold, scores=kept, categories=categories)
        strictest = min((step.decision for _, _, step in reached), key=STRICTEST_FIRST.index)
        labels = {label: (rule, step) for label, rule, step in reached if step.decision is strictest}
        worst = max(labels, key=lambda label: scores[label] - labels[label][1].threshold)
        rule, step = labels[worst]
        return Verdict(
            strictest,
            category=rule.category or worst,
            score=scores[worst],
            threshold=step.threshold,
            spans=tuple(span for span in spans if (span.label or worst) in labels),
            scores=kept,
            categories=categories,
            note=note,
            label=worst,
        )


def _nearest(ruled: Sequence[_Ruled]) -> tuple[float, float]:
    """The score that is closest to its lowest threshold, and that threshold."""
    lowest = [(score, rule.lowest) for _, rule, score in ruled if rule.steps]
    return max(lowest, key=lambda pair: pair[0] - pair[1], default=(0.0, 1.0))


def _categories(ruled: Sequence[_Ruled]) -> Mapping[str, float]:
    highest: dict[str, float] = {}
    for _, rule, score in ruled:
        if rule.category:
            highest[rule.category] = max(score, highest.get(rule.category, 0.0))
    return highest
