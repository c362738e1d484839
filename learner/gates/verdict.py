"""What a gate measured, against what, and whether the adapter may pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from learner.settings import LapSettings
from safety.bias import Prompt


@dataclass(frozen=True)
class GateVerdict:
    """`measured` belongs to the challenger, `against` to the champion, both in the unit that `margin` has.

    A gate that does not apply to this model has `passed` and `skipped`; one that could not measure has not passed.
    """

    gate: str
    passed: bool
    measured: float | None
    against: float | None
    margin: float
    reason: str
    skipped: bool = False
    detail: Mapping[str, object] = field(default_factory=dict)

    def to_values(self) -> dict[str, object]:
        """The fields by name, for `gates.json`."""
        return asdict(self)


@dataclass(frozen=True)
class Measurement:
    """One model as it answered and as it rates the held-out pairs.

    `chosen` and `rejected` have the shape (pairs,), in nats per token; `right` has the shape (questions,), or is None
    where no suite exists for the model; `lengths` has the shape (questions,), in tokens. `swapped` answers the swaps.
    """

    chosen: NDArray[np.float64]
    rejected: NDArray[np.float64]
    lengths: NDArray[np.float64]
    right: NDArray[np.bool_] | None
    swapped: Sequence[str] = ()


@dataclass(frozen=True)
class Evidence:
    """Both models on the same pairs and the same questions; `people` names the person of each pair.

    `swaps` come two by two, the same question from somebody of an axis' reference and from somebody else.
    """

    champion: Measurement
    challenger: Measurement
    people: Sequence[str]
    swaps: Sequence[Prompt] = ()


Gate = Callable[[Evidence, LapSettings], GateVerdict]


def failed(gate: str, margin: float, reason: str) -> GateVerdict:
    """The verdict of a gate that could not measure."""
    return GateVerdict(gate, False, None, None, margin, reason)
