"""The screen's verdicts in the categories that OpenAI's moderation knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from safety import Decision, Screening, Verdict

MODEL = "ratchet-screen"
CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
# What our filters find, in OpenAI's words. Cards and keys are none of these: they are told under `ratchet` alone.
_NAMES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "weapons": ("illicit", "illicit/violent"),
        "child_abuse": ("sexual", "sexual/minors"),
        "violence": ("violence", "illicit/violent"),
        "self_harm": ("self-harm", "self-harm/intent"),
        "threat": ("harassment/threatening", "violence"),
    }
)


def result(screened: Screening) -> dict[str, Any]:
    """One text's result in OpenAI's form: `flagged` is what would be stopped or shown to a reviewer.

    A score is the filter's, in [0, 1]; `ratchet` has the decision and every verdict.
    """
    scores = dict.fromkeys(CATEGORIES, 0.0)
    found = [verdict for verdict in screened.verdicts if verdict.decision in (Decision.BLOCK, Decision.REVIEW)]
    for verdict in found:
        for name in _NAMES.get(verdict.category, ()):
            scores[name] = max(scores[name], _score(verdict))
    return {
        "flagged": bool(found),
        "categories": {name: score > 0 for name, score in scores.items()},
        "category_scores": scores,
        "category_applied_input_types": {name: ["text"] if score > 0 else [] for name, score in scores.items()},
        "ratchet": {
            "decision": str(screened.decision),
            "verdicts": [verdict.to_values() for verdict in screened.verdicts],
        },
    }


def _score(verdict: Verdict) -> float:
    return min(1.0, max(0.0, verdict.score))
