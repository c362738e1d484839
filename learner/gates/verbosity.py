"""Are the challenger's answers about as long as the champion's, and is what it gained more than length?"""

from __future__ import annotations

import numpy as np

from learner.gates.preference import accurate, lower_bound
from learner.gates.verdict import Evidence, GateVerdict, Measurement, failed
from learner.settings import LapSettings

NAME = "verbosity"
MOST_CUT = 0.05  # as a share of the answers
LONGER = 1.1  # as a multiple of the champion's mean length; from there on the gain must be more than length


def verbosity(evidence: Evidence, settings: LapSettings) -> GateVerdict:
    """Pass when the ratio of the mean lengths is within the bounds and, where answers grew, the gain is more than that.

    Lengths are in tokens, of the answers to the same questions. Nobody knows how long an answer would have become that
    was cut off. Where more than `MOST_CUT` of either model's were, the gate cannot measure: a challenger could grow
    unseen, or shrink against a champion that looks too short.
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
    detail: dict[str, object] = {"ratio": ratio, "questions": len(evidence.challenger.lengths)}
    detail |= {"cut_champion": cut_before, "cut_challenger": cut_after}
    if max(cut_before, cut_after) > MOST_CUT:
        passed = False
        reason = (
            f"{cut_after:.0%} of the challenger's answers and {cut_before:.0%} of the champion's were cut off at "
            f"{settings.gate_max_tokens} tokens, so their lengths cannot be compared; raise gate_max_tokens."
        )
    elif passed and ratio > LONGER:
        passed, told, found = _more_than_length(evidence, settings)
        reason, detail = f"{reason} {told}", {**detail, **found}
    limit = before * (low if ratio < 1 else high)
    return GateVerdict(NAME, passed, after, before, high, reason, detail=detail, bound=after, limit=limit)


def _more_than_length(evidence: Evidence, settings: LapSettings) -> tuple[bool, str, dict[str, object]]:
    """Whether the gain in accuracy stays when pairs whose chosen answer is longer weigh as much as the others.

    A model that has only learned to like length gains on the former what it loses on the latter. As for the preference
    gate the bound is the 5% quantile of a bootstrap over people.
    """
    if evidence.surplus is None:
        return False, "Nobody knows which answers of the pairs are longer, so the gain may be no more than that.", {}
    longer, shorter = evidence.surplus > 0, evidence.surplus < 0
    if min(longer.sum(), shorter.sum()) < 2:
        return False, "The chosen answer is the longer one in all pairs or in none, so nobody can tell them apart.", {}
    gain = accurate(evidence.challenger) - accurate(evidence.champion)
    weights = np.where(longer, 0.5 / longer.mean(), 0.0) + np.where(shorter, 0.5 / shorter.mean(), 0.0)
    weighed = gain * weights
    lower = lower_bound(weighed, evidence.people, settings.seed)
    on_longer, on_shorter = float(gain[longer].mean()), float(gain[shorter].mean())
    controlled = (on_longer + on_shorter) / 2
    passed = lower > 0
    told = (
        f"Accuracy changed by {on_longer:+.3f} on {longer.sum()} pairs whose chosen answer is the longer one and by "
        f"{on_shorter:+.3f} on {shorter.sum()} whose is the shorter one; at equal weight by at least "
        f"{lower:+.3f}, {'above' if passed else 'not above'} 0."
    )
    detail: dict[str, object] = {
        "gain_longer": on_longer,
        "gain_shorter": on_shorter,
        "controlled": controlled,
        "controlled_lower": lower,
    }
    return passed, told, detail


def _cut_off(model: Measurement, settings: LapSettings) -> float:
    """The share of the answers that did not end by themselves; none where people's answers end there as well."""
    if settings.gate_max_tokens >= settings.max_model_len:
        return 0.0
    return float((model.lengths >= settings.gate_max_tokens).mean())
