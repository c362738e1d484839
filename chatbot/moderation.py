"""The screen's verdicts in the categories that OpenAI's moderation knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from safety import CONCERNS, Screening, Verdict

MODEL = "ratchet-screen"
CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
# What OpenAI counts as one of these is one of the others as well.
_ALSO: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "harassment/threatening": ("harassment", "violence"),
        "hate/threatening": ("hate",),
        "illicit/violent": ("illicit",),
        "self-harm/intent": ("self-harm",),
        "self-harm/instructions": ("self-harm",),
        "sexual/minors": ("sexual",),
        "violence/graphic": ("violence",),
    }
)


def result(screened: Screening) -> dict[str, Any]:
    """One text's result in OpenAI's form: `flagged` is what would be stopped or shown to a reviewer.

    What is found but none of OpenAI's categories is told under `ratchet` alone, with the decision and every verdict.
    """
    verdicts = [verdict for verdict in screened.verdicts if not verdict.shadow]
    found = {verdict.category for verdict in verdicts if verdict.decision in CONCERNS}
    named = found | {name for category in found for name in _ALSO.get(category, ())}
    scores = dict.fromkeys(CATEGORIES, 0.0)
    for name, score in (scored for verdict in verdicts for scored in _scores(verdict)):
        if name in scores:
            scores[name] = max(scores[name], min(1.0, max(0.0, score)))
    categories = {name: name in named for name in CATEGORIES}
    return {
        "flagged": bool(found),
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": {name: ["text"] if flagged else [] for name, flagged in categories.items()},
        "ratchet": {
            "decision": str(screened.decision),
            "verdicts": [verdict.to_values() for verdict in screened.verdicts],
        },
    }


def _scores(verdict: Verdict) -> Iterator[tuple[str, float]]:
    """The categories that the verdict is about, each with its score."""
    yield from verdict.categories.items()
    if verdict.decision in CONCERNS:
        for name in (verdict.category, *_ALSO.get(verdict.category, ())):
            yield name, verdict.score
