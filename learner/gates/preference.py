"""Does the challenger rate held-out people's preferred answers higher more often than the champion does?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learner.gates.verdict import Evidence, GateVerdict, Measurement, failed
from learner.settings import LapSettings

NAME = "preference"
DRAWS = 4000


def preference(evidence: Evidence, settings: LapSettings) -> GateVerdict:
    """Pass when the lower bound of the gain in accuracy is above 0, on enough pairs of people not trained on.

    A pair counts as accurate when log p per token of the chosen answer exceeds that of the rejected one. The bound is
    the 5% quantile of a bootstrap that draws whole people, because the pairs of one person are not independent.
    """
    pairs = len(evidence.people)
    if pairs < settings.gate_min_pairs:
        return failed(NAME, 0.0, f"Only {pairs} held-out pairs; {settings.gate_min_pairs} are needed to judge.")
    before, after = accurate(evidence.champion), accurate(evidence.challenger)
    gain = after - before
    lower = lower_bound(gain, evidence.people, settings.seed)
    passed = lower > 0
    return GateVerdict(
        gate=NAME,
        passed=passed,
        measured=float(after.mean()),
        against=float(before.mean()),
        margin=0.0,
        reason=f"Accuracy went from {before.mean():.3f} to {after.mean():.3f} on {pairs} pairs; "
        f"the gain is at least {lower:+.3f}, {'above' if passed else 'not above'} 0.",
        detail={"pairs": pairs, "people": len(set(evidence.people)), "gain": float(gain.mean()), "lower": lower},
        bound=float(before.mean()) + lower,
        limit=float(before.mean()),
    )


def lower_bound(gain: NDArray[np.float64], people: object, seed: int) -> float:
    """The one-sided 95% lower bound of the mean of `gain`, shape (pairs,), by a bootstrap over people."""
    _, index = np.unique(np.asarray(people), return_inverse=True)
    sums, counts = np.bincount(index, weights=gain), np.bincount(index)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(DRAWS, len(sums)))
    return float(np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), 0.05))


def accurate(measured: Measurement) -> NDArray[np.float64]:
    """Whether each pair is rated as people did, 1 or 0, shape (pairs,)."""
    return (measured.chosen > measured.rejected).astype(np.float64)
