"""Is the model that answers the one that was trained, or was its adapter not applied, or not as it should be?

Asked twice: in the lap, of the weights as they were read back from their files, and of the engine once it holds the
adapter and before anybody meets it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learner.attestation import Attestation, Likeness, likeness
from learner.gates.verdict import Evidence, GateVerdict, failed
from learner.settings import LapSettings

NAME = "attestation"
ROUNDING = 0.1  # nats per token, root mean square; bfloat16 is off by 0.07 (docs/gates.md)


def attestation(evidence: Evidence, settings: LapSettings) -> GateVerdict:
    """Pass when the saved adapter finds the trainer's texts as likely as the trainer did."""
    if evidence.attestation is None or evidence.challenger.attested is None:
        return failed(NAME, settings.gate_attestation_margin, "The trainer wrote no attestation beside the weights.")
    return attested(evidence.attestation, evidence.challenger.attested, settings, "read back from its files")


def attested(
    sworn: Attestation, found: Sequence[float] | NDArray[np.float64], settings: LapSettings, where: str
) -> GateVerdict:
    """Pass when the share of the adapter's effect that was `found` `where` is 1, give or take the margin.

    `found` is log p of each token, in nats. The error of the share counts against it: what cannot be told from the base
    does not pass. Beyond what roundings explain, the tokens may not be further off than the margin of the effect
    either, for noise in the weights may leave the share as it is.
    """
    margin = settings.gate_attestation_margin
    like = likeness(sworn, found)
    below = not like.effect > 1
    bound, limit = (like.effect - like.blur, 1 - margin) if below else (like.effect + like.blur, 1 + margin)
    passed = abs(like.effect - 1) + like.blur <= margin and like.off <= _most_off(like, margin)
    return GateVerdict(
        gate=NAME,
        passed=passed,
        measured=_finite(like.effect),
        against=None,
        margin=margin,
        reason=_reason(like, where, passed, margin),
        detail={
            "where": where,
            "tokens": len(sworn.adapter),
            **{name: _finite(value) for name, value in like._asdict().items()},
        },
        bound=_finite(bound),
        limit=limit,
    )


def _most_off(like: Likeness, margin: float) -> float:
    return max(ROUNDING, margin * like.gap)


def _reason(like: Likeness, where: str, passed: bool, margin: float) -> str:
    if like.gap == 0.0:
        return "The adapter changes nothing that was asked for, so nobody can tell whether it is applied."
    told = f"As {where} it has {like.effect:.3f} of the effect that it had in training, give or take {like.blur:.3f}"
    if passed:
        return f"{told}: within {margin:.3f} of the whole."
    if abs(like.effect - 1) + like.blur <= margin:
        return (
            f"{told}, and yet tokens are off by {like.off:.3f} nats, where {_most_off(like, margin):.3f} is the most."
        )
    why = "so it is as good as not applied" if abs(like.effect) < margin else f"not within {margin:.3f} of the whole"
    return f"{told}: {why}."


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None  # JSON has no nan
