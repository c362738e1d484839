"""Are the challenger's answers about as long as the champion's?"""

from __future__ import annotations

from learner.gates.verdict import Evidence, GateVerdict
from learner.settings import LapSettings

NAME = "length"


def length(evidence: Evidence, settings: LapSettings) -> GateVerdict:
    """Pass when the ratio of the mean lengths, in tokens on the same questions, is within the bounds."""
    before, after = float(evidence.champion.lengths.mean()), float(evidence.challenger.lengths.mean())
    low, high = settings.gate_length_min, settings.gate_length_max
    ratio = after / before
    passed = low <= ratio <= high
    return GateVerdict(
        gate=NAME,
        passed=passed,
        measured=after,
        against=before,
        margin=high,
        reason=f"Answers went from {before:.1f} to {after:.1f} tokens, a ratio of {ratio:.2f}, "
        f"{'within' if passed else 'outside'} {low:.2f} to {high:.2f}.",
        detail={"ratio": ratio, "questions": len(evidence.challenger.lengths)},
    )
