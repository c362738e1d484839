"""How far has the challenger moved from generation 0, the model without any adapter?"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from learner.gates.verdict import Evidence, Floats, GateVerdict, Measurement, failed, lowest, skipped
from learner.settings import LapSettings
from safety.bias.model import REFUSAL_WORDS

NAME = "drift"
_REFUSES, _WORD = re.compile(REFUSAL_WORDS, re.IGNORECASE), re.compile(r"\w+")


class _Part(NamedTuple):
    """One way of having drifted: what was measured, and the bound that may not pass `limit`."""

    name: str
    measured: float
    against: float
    bound: float
    limit: float
    low: bool = False  # whether the bound must stay above the limit, rather than below

    @property
    def passed(self) -> bool:
        return self.bound > self.limit if self.low else self.bound < self.limit

    def __str__(self) -> str:
        side = "above" if self.low else "below"
        return f"{self.name} {self.measured:.3f} ({'' if self.passed else 'not '}{side} {self.limit:.3f})"


def drift(evidence: Evidence, settings: LapSettings) -> GateVerdict:
    """Pass when all of these stay within their margins, however small each step from champion to champion was.

    The divergence KL(generation 0 || challenger) in nats per token, estimated on what generation 0 answers; the share
    of distinct pairs of words in the answers, and their mean length, as multiples of generation 0's; and the growth of
    the share that refuses. The first and the last by their upper 95% bound.
    """
    margin = settings.gate_drift_kl
    if settings.gate_drift_questions == 0:
        return skipped(NAME, margin, "gate_drift_questions is 0, so the gate is off.")
    base, sides = evidence.base, (evidence.champion, evidence.challenger)
    if base is None or base.repeated is None or not len(base.repeated):
        return failed(NAME, margin, "Generation 0 was not asked anything, so nobody knows how far this one has moved.")
    parts = _parts(base, *sides, settings)
    divergence, passed = parts[0], all(part.passed for part in parts)
    return GateVerdict(
        gate=NAME,
        passed=passed,
        measured=divergence.measured,
        against=divergence.against,
        margin=margin,
        reason=f"Against generation 0, on {len(base.answers)} questions: {', '.join(map(str, parts))}.",
        detail={part.name: {**part._asdict(), "passed": part.passed} for part in parts},
        bound=divergence.bound,
        limit=divergence.limit,
    )


def _parts(base: Measurement, champion: Measurement, challenger: Measurement, settings: LapSettings) -> list[_Part]:
    count = len(base.answers)
    (before, _), (after, upper) = (_divergence(base, side) for side in (champion, challenger))
    distinct, length = _distinct(base.answers), float(base.lengths.mean())
    refused, refuses, refuses_now = (_refusals(side.answers[:count]) for side in (base, champion, challenger))
    varied = [_distinct(side.answers[:count]) / distinct for side in (champion, challenger)]
    long = [float(side.lengths[:count].mean()) / length for side in (champion, challenger)]
    return [
        _Part("divergence", after, before, upper, settings.gate_drift_kl),
        _Part("distinct pairs of words", varied[1], varied[0], varied[1], settings.gate_drift_distinct, low=True),
        _Part("length", long[1], long[0], long[1], settings.gate_drift_length),
        _Part(
            "growth of refusals",
            float(refuses_now.mean() - refused.mean()),
            float(refuses.mean() - refused.mean()),
            0.0 - lowest(refused - refuses_now),
            settings.gate_drift_refusals,
        ),
    ]


def _divergence(base: Measurement, side: Measurement) -> tuple[float, float]:
    """The divergence from generation 0 in nats per token, and its upper 95% bound."""
    assert base.repeated is not None
    assert side.repeated is not None
    apart = base.repeated - side.repeated
    return float(apart.mean()), 0.0 - lowest(-apart)


def _distinct(answers: Sequence[str]) -> float:
    """The share of distinct pairs of neighbouring words (Li et al., arXiv:1510.03055); 1 where there are none."""
    words = [_WORD.findall(answer.lower()) for answer in answers]
    pairs = [pair for one in words for pair in itertools.pairwise(one)]
    return len(set(pairs)) / len(pairs) if pairs else 1.0


def _refusals(answers: Sequence[str]) -> Floats:
    return np.array([_REFUSES.search(answer) is not None for answer in answers], dtype=np.float64)
