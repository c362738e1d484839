"""Are the challenger's answers about as long as the champion's?"""

from __future__ import annotations

from learner.gates.verdict import Evidence, GateVerdict, Measurement, failed
from learner.settings import LapSettings

NAME = "length"
MOST_CUT = 0.05  # as a share of the answers


def length(evidence: Evidence, settings: LapSettings) -> GateVerdict:
    """Pass when the ratio of the mean lengths, in tokens on the same questions, is within the bounds.

    Nobody knows how long an answer would have become that was cut off. Where more than `MOST_CUT` of either model's
    were, the gate cannot measure: a challenger could grow unseen, or shrink against a champion that looks too short.
    """
    low, high = settings.gate_length_min, settings.gate_length_max
    if not len(evidence.challenger.lengths):
        return failed(NAME, high, "No question was asked, so there are no lengths to compare.")
    before, after = float(evidence.champion.lengths.mean()), float(evidence.challenger.lengths.mean())
    cut_before, cut_after = (_cut_off(model, settings) for model in (evidence.champion, evidence.challenger))
    ratio = after / before
    passed = low <= ratio <= high
    reason = (
        f"Answers went from {before:.1f} to {after:.1f} tokens, a ratio of {ratio:.2f}, "
        f"{'within' if passed else 'outside'} {low:.2f} to {high:.2f}."
    )
    if max(cut_before, cut_after) > MOST_CUT:
        passed = False
        reason = (
            f"{cut_after:.0%} of the challenger's answers and {cut_before:.0%} of the champion's were cut off at "
            f"{settings.gate_max_tokens} tokens, so their lengths cannot be compared; raise gate_max_tokens."
        )
    detail = {"ratio": ratio, "questions": len(evidence.challenger.lengths)}
    cut = {"cut_champion": cut_before, "cut_challenger": cut_after}
    return GateVerdict(NAME, passed, after, before, high, reason, detail={**detail, **cut})


def _cut_off(model: Measurement, settings: LapSettings) -> float:
    """The share of the answers that did not end by themselves; none where people's answers end there as well."""
    if settings.gate_max_tokens >= settings.max_model_len:
        return 0.0
    return float((model.lengths >= settings.gate_max_tokens).mean())
