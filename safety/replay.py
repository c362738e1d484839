"""Decides once more about texts whose scores were logged, under other rules: as the screen does, for all at once.

Scores are logged with four decimals, so a text within 0.00005 of a threshold may fall on its other side.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from safety.rules import Rule, Rules, Step
from safety.verdict import STRICTEST_FIRST, Decision

Scores = Mapping[str, NDArray[np.float64]]
Ranks = NDArray[np.int8]
# Among the findings of one filter a change goes before a review, among those of several a review before a change.
_WITHIN = {decision: rank for rank, decision in enumerate(STRICTEST_FIRST)}
OUTCOMES = (Decision.BLOCK, Decision.REVIEW, Decision.TRANSFORM, Decision.ALLOW)
_BETWEEN = np.array([OUTCOMES.index(decision) for decision in STRICTEST_FIRST], dtype=np.int8)


def decisions(rules: Rules, role: str, scores: Scores) -> Ranks:
    """What `rules` lead to for texts of `role`, shape (texts,), as places in OUTCOMES.

    `scores` has each label's, shape (texts,), with NaN where a text has none.
    """
    size = len(next(iter(scores.values()), ()))
    strictest = np.full(size, _WITHIN[Decision.ALLOW], dtype=np.int8)
    for label, column in scores.items():
        if (rule := rules.rule(role, label)) is not None:
            for step in rule.steps:
                rank = np.where(column >= step.threshold, _WITHIN[step.decision], _WITHIN[Decision.ALLOW])
                strictest = np.minimum(strictest, rank.astype(np.int8))
    return _BETWEEN[strictest]


def outcomes(decided: Ranks, others: Ranks) -> Ranks:
    """What happens to the texts if the other filters say `others`: the strictest counts."""
    return np.minimum(decided, others)


def with_threshold(rules: Rules, role: str, label: str, action: Decision, threshold: float) -> Rules:
    """The same rules, but that `label` leads to `action` from `threshold` on."""
    by_label = dict(rules.by_role.get(role, {}))
    known = by_label.get(label)
    kept = [step for step in (known.steps if known else ()) if step.decision is not action]
    steps = sorted([*kept, Step(action, threshold)], key=lambda step: STRICTEST_FIRST.index(step.decision))
    by_label[label] = Rule(known.category if known else "", tuple(steps))
    return Rules({**rules.by_role, role: by_label})
