"""Does the challenger still answer as many held-out questions rightly as the champion?"""

from __future__ import annotations

import numpy as np

from learner.gates.verdict import Evidence, GateVerdict, lowest, skipped
from learner.settings import LapSettings

NAME = "right_answers"


def right_answers(evidence: Evidence, settings: LapSettings) -> GateVerdict:
    """Pass when the lower 95% bound of the change in right answers, paired by question, is above minus the margin."""
    margin = settings.gate_right_margin
    champion, challenger = evidence.champion.right, evidence.challenger.right
    if champion is None or challenger is None:
        return skipped(
            NAME, margin, "Nobody knows what is right of the questions to this model; the gate does not apply."
        )
    before, after = champion.astype(np.float64), challenger.astype(np.float64)
    lower = lowest(after - before)
    passed = lower > -margin
    return GateVerdict(
        gate=NAME,
        passed=passed,
        measured=float(after.mean()),
        against=float(before.mean()),
        margin=margin,
        reason=f"Right answers went from {before.mean():.3f} to {after.mean():.3f} of {len(after)} questions; "
        f"the loss is at most {max(0.0, -lower):.3f}, {'within' if passed else 'beyond'} {margin:.3f}.",
        detail={"questions": len(after), "difference": float((after - before).mean()), "lower": lower},
        bound=float(before.mean()) + lower,
        limit=float(before.mean()) - margin,
    )
