"""What a gate measured, against what, and whether the adapter may pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from learner.attestation import Attestation
from learner.gates.asked import Asked
from learner.settings import LapSettings

Floats = NDArray[np.float64]
Z_95 = 1.6449  # one-sided 95% quantile of the normal distribution


@dataclass(frozen=True)
class GateVerdict:
    """`measured` belongs to the challenger, `against` to the champion, both in the unit that `margin` has.

    `bound` is the worst that `measured` may well be, and `limit` what that may not pass, in the same unit. A gate that
    does not apply to this model, or is off, has `passed` and `skipped`; one that could not measure has not passed.
    """

    gate: str
    passed: bool
    measured: float | None
    against: float | None
    margin: float
    reason: str
    skipped: bool = False
    detail: Mapping[str, object] = field(default_factory=dict)
    bound: float | None = None
    limit: float | None = None

    def to_values(self) -> dict[str, object]:
        """The fields by name, for `gates.json`."""
        return asdict(self)


@dataclass(frozen=True)
class Measurement:
    """One model as it answered and as it rates the held-out pairs.

    `chosen` and `rejected` have the shape (pairs,), in nats per token; `right` has the shape (questions,), or is None
    where nobody knows what is right; `lengths` has the shape (questions,), in tokens. `swapped` answers the swaps,
    `answers` the ordinary questions and `provoked` the provoking ones. `facts` has the shape (facts, ways of asking)
    and `held` (doubted answers,), each whether the answer is right. `suites` has the answers to each suite by
    its name. `repeated` is how likely the model finds what generation 0 answered, of shape (answers,), and
    `attested` how likely the rows of the trainer's attestation, of shape (tokens,); both in nats per token.
    """

    chosen: Floats
    rejected: Floats
    lengths: Floats
    right: NDArray[np.bool_] | None
    swapped: Sequence[str] = ()
    answers: Sequence[str] = ()
    provoked: Sequence[str] = ()
    facts: NDArray[np.bool_] | None = None
    held: NDArray[np.bool_] | None = None
    suites: Mapping[str, Sequence[str]] = field(default_factory=dict)
    repeated: Floats | None = None
    attested: Floats | None = None


@dataclass(frozen=True)
class Evidence:
    """Both models on the same pairs and the same questions; `people` names the person of each pair.

    `base` is generation 0, the model without an adapter; it answered the first of the ordinary questions. `surplus`
    has the shape (pairs,): by how many tokens the chosen answer is longer than the rejected one.
    """

    champion: Measurement
    challenger: Measurement
    people: Sequence[str]
    asked: Asked = field(default_factory=Asked)
    base: Measurement | None = None
    surplus: Floats | None = None
    attestation: Attestation | None = None


Gate = Callable[[Evidence, LapSettings], GateVerdict]


def failed(gate: str, margin: float, reason: str) -> GateVerdict:
    """The verdict of a gate that could not measure."""
    return GateVerdict(gate, False, None, None, margin, reason)


def skipped(gate: str, margin: float, reason: str) -> GateVerdict:
    """The verdict of a gate that is off, or that does not apply to this model."""
    return GateVerdict(gate, True, None, None, margin, reason, skipped=True)


def lowest(difference: Floats) -> float:
    """The one-sided 95% lower bound of the mean of paired differences, shape (n,), by the normal distribution.

    It is nan, and so above no margin, for fewer than two of them.
    """
    if len(difference) < 2:
        return float("nan")
    return float(difference.mean() - Z_95 * difference.std(ddof=1) / np.sqrt(len(difference)))
