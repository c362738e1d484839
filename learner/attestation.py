"""What the trainer swears to: how likely its model found some texts, so that another can show to be the same model.

An engine may take an adapter and not apply it, or apply it by half, without any error. The trainer therefore writes the
log-probabilities of fixed texts beside the weights, by the base alone and with the adapter, and whoever serves the
adapter must find the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learner.adapter import ATTESTATION
from learner.errors import BadAdapter
from learner.tokens import Encoded

SIGMAS = 3.0


@dataclass(frozen=True)
class Attestation:
    """`base` and `adapter` are log p of each token of the completions of `rows`, in nats, one row after the other."""

    weights_sha256: str
    rows: tuple[Encoded, ...]
    base: tuple[float, ...]
    adapter: tuple[float, ...]

    def write(self, folder: Path) -> None:
        """Write it beside the weights in `folder`."""
        told = {**asdict(self), "rows": [row._asdict() for row in self.rows]}
        (folder / ATTESTATION).write_text(json.dumps(told))

    @classmethod
    def read(cls, folder: Path) -> Attestation | None:
        """That of the adapter in `folder`; None where its trainer wrote none. Raises BadAdapter."""
        try:
            told = json.loads((folder / ATTESTATION).read_text())
            rows = tuple(Encoded(list(row["prompt"]), list(row["completion"])) for row in told["rows"])
            base, adapter = (tuple(map(float, told[name])) for name in ("base", "adapter"))
            sha256 = str(told["weights_sha256"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadAdapter(f"{folder / ATTESTATION} cannot be read ({error!r}); train the adapter again.") from error
        if not len(base) == len(adapter) == sum(len(row.completion) for row in rows):
            raise BadAdapter(f"{folder / ATTESTATION} does not have a figure for each token; train the adapter again.")
        return cls(sha256, rows, base, adapter)


class Likeness(NamedTuple):
    """How much of the adapter's `effect` is there: 1 with the adapter, 0 with the base alone; `blur` is its error.

    `gap` is how far the adapter is from the base, and `off` how far what was served is from the adapter, both as a root
    mean square over tokens, in nats.
    """

    effect: float
    blur: float
    gap: float
    off: float


def likeness(attestation: Attestation, served: Sequence[float] | NDArray[np.float64]) -> Likeness:
    """Compare the log p of each token as `served`, in nats, with what the trainer found.

    The effect is the slope of a regression through zero of (served - base) on (adapter - base), and its blur `SIGMAS`
    standard errors of that: roundings, such as those of bfloat16, are independent of the adapter and average out.
    Raises ValueError where `served` has another number of tokens.
    """
    base, adapter, found = (
        np.asarray(one, dtype=np.float64) for one in (attestation.base, attestation.adapter, served)
    )
    if found.shape != adapter.shape:
        raise ValueError(f"{len(found)} tokens came back, where {len(adapter)} were asked for")
    moved = adapter - base
    gap, off = (float(np.sqrt(np.mean(part**2))) for part in (moved, found - adapter))
    if gap == 0.0:
        return Likeness(math.nan, math.inf, gap, off)
    effect = float((found - base) @ moved / (moved @ moved))
    return Likeness(effect, SIGMAS * off / (gap * math.sqrt(len(found))), gap, off)
