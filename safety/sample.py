"""Which of the texts that no filter flagged a person looks at all the same: nothing else tells what filters miss."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from safety.verdict import Decision, Verdict

NEAR = 0.5  # of a threshold: from there on a text is near it
NEAR_FACTOR = 10.0  # how much more often those are drawn


def chance(verdicts: Sequence[Verdict], share: float) -> float:
    """The probability in [0, 1] with which a turn of these verdicts is drawn.

    Most misses lie just below a threshold, so what is near one, what was changed, and what a shadow found are drawn ten
    times as often as the `share` of all others. Every turn has a chance above 0, which keeps the estimates unbiased.
    """
    return min(1.0, share * (NEAR_FACTOR if any(_near(verdict) for verdict in verdicts) else 1.0))


def drawn(turn_id: str, probability: float) -> bool:
    """Whether a turn is drawn. It follows from its id, which is random, so that anybody can check it."""
    return int.from_bytes(sha256(f"sample {turn_id}".encode()).digest()[:8], "big") < probability * 2.0**64


def _near(verdict: Verdict) -> bool:
    return verdict.decision is not Decision.ALLOW or 0 < NEAR * verdict.threshold <= verdict.score
