"""AI feedback: pairs that a judge decided where nobody had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from learner.errors import JudgeRefused
from learner.judges.calibration import Calibration
from learner.judges.candidates import Candidate
from learner.judges.judge import Judge
from learner.pair import Pair


@dataclass(frozen=True)
class Labels:
    """The pairs, and what became of the candidates that gave none."""

    pairs: Sequence[Pair]
    candidates: int
    ties: int
    unread: int

    def to_values(self) -> dict[str, Any]:
        """The counts by name, for JSON."""
        return {
            "candidates": self.candidates,
            "pairs": len(self.pairs),
            "ties": self.ties,
            "unread": self.unread,
            "people": len({pair.person for pair in self.pairs}),
        }


def label(judge: Judge, calibration: Calibration, candidates: Sequence[Candidate], *, weight: float = 0.5) -> Labels:
    """Have a calibrated judge decide; ties give no pair. `weight` is what each pair counts beside a person's 1.

    Raises JudgeRefused where the calibration is of another judge or did not pass, and JudgeFailed.
    """
    if calibration.judge != judge.identity:
        raise JudgeRefused(
            f"The calibration is of {calibration.judge}, and the judge is {judge.identity}: calibrate this one first."
        )
    if not calibration.passed:
        raise JudgeRefused(f"{judge.identity} may not label. {calibration.reason}")
    verdicts = judge.compare([candidate.case for candidate in candidates]) if candidates else []
    pairs = []
    for candidate, verdict in zip(candidates, verdicts, strict=True):
        if (winner := verdict.winner) is not None:
            first, second = candidate.case.first, candidate.case.second
            chosen, rejected = (first, second) if winner == "first" else (second, first)
            prompt = candidate.case.prompt
            pairs.append(Pair(candidate.turn_id, candidate.person, prompt, chosen, rejected, "ai-feedback", weight))
    unread = sum(not verdict.read for verdict in verdicts)
    return Labels(pairs, len(candidates), len(candidates) - len(pairs) - unread, unread)
