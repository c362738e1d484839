"""What a metric found, row by row, in a form whose value can be drawn anew: sums of parts, and how they combine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.errors import BadScores

Floats = NDArray[np.float64]
BLEU_ORDERS = 4


def _ratio(sums: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def _perplexity(sums: Floats) -> Floats:
    return np.asarray(np.exp(_ratio(sums)))


def _macro(sums: Floats) -> Floats:
    """The mean of the ratios of each class that occurs; parts come two by two."""
    ratios = _ratio(sums.reshape(*sums.shape[:-1], -1, 2))
    there = np.isfinite(ratios)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(there, ratios, 0.0).sum(-1) / there.sum(-1))


def _gap(sums: Floats) -> Floats:
    """The largest distance of a group's mean from that of the first group; parts come two by two."""
    means = _ratio(sums.reshape(*sums.shape[:-1], -1, 2))
    apart = np.abs(means[..., 1:] - means[..., :1])
    return np.asarray(np.where(np.isnan(apart).all(-1), np.nan, np.nan_to_num(apart, nan=-1.0).max(-1)))


def _bleu(sums: Floats) -> Floats:
    """Corpus BLEU in [0, 1] of matches and totals by order, the answers' and the references' length.

    Papineni et al., ACL 2002; a zero count is smoothed as sacrebleu's `exp` does, halving it with every order.
    """
    matches, totals = sums[..., :BLEU_ORDERS], sums[..., BLEU_ORDERS : 2 * BLEU_ORDERS]
    said, wanted = sums[..., -2], sums[..., -1]
    zeros = np.cumsum((matches == 0) & (totals > 0), axis=-1)
    smoothed = np.where(matches > 0, matches, 0.5**zeros)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(totals > 0, np.log(smoothed / totals), 0.0)
        orders = np.maximum((totals > 0).sum(-1), 1)
        brevity = np.where(said >= wanted, 1.0, np.exp(1 - wanted / said))
        value = brevity * np.exp(logs.sum(-1) / orders)
    return np.asarray(np.where((totals[..., 0] > 0) & (matches[..., 0] > 0), value, np.where(wanted > 0, 0.0, np.nan)))


COMBINE: Mapping[str, Callable[[Floats], Floats]] = {
    "ratio": _ratio, "perplexity": _perplexity, "macro": _macro, "gap": _gap, "bleu": _bleu,
}  # fmt: skip


@dataclass(frozen=True)
class Scores:
    """`parts` has the shape (rows, parts); their sums over rows give the value, by `combine` of `COMBINE`.

    A row of zeros is one that the metric does not apply to. `extremes` are the parts of a row that went as badly and as
    well as can be, shape (2, parts), for metrics that have such. `higher_is_better` is None where neither is.
    """

    parts: Floats
    combine: str = "ratio"
    higher_is_better: bool | None = True
    extremes: Floats | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.parts.ndim != 2 or not np.isfinite(self.parts).all():
            raise BadScores(f"Scores must be finite numbers by row and part, not {self.parts.shape}.")

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def applies(self) -> NDArray[np.bool_]:
        """Which rows the metric could be measured on, shape (rows,)."""
        return np.asarray((self.parts != 0).any(axis=1))

    def value(self, rows: NDArray[Any] | None = None) -> float | None:
        """The metric over all rows, or over `rows` (a mask or places); None where it applies to none of them."""
        parts = self.parts if rows is None else self.parts[rows]
        found = float(COMBINE[self.combine](parts.sum(axis=0)))
        return found if np.isfinite(found) else None

    def of(self, rows: NDArray[Any]) -> Scores:
        """Those of some rows only."""
        return Scores(self.parts[rows], self.combine, self.higher_is_better, self.extremes, self.detail)

    def to_values(self) -> dict[str, Any]:
        """For JSON; `from_values` reads it again."""
        extremes = None if self.extremes is None else self.extremes.tolist()
        parts = [[round(part, 9) for part in row] for row in self.parts.tolist()]
        return {
            "parts": parts,
            "combine": self.combine,
            "higher_is_better": self.higher_is_better,
            "extremes": extremes,
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Scores:
        """What `to_values` wrote."""
        extremes = values["extremes"]
        return cls(
            np.asarray(values["parts"], dtype=np.float64),
            str(values["combine"]),
            values["higher_is_better"],
            None if extremes is None else np.asarray(extremes, dtype=np.float64),
        )


def means(
    values: Sequence[float | None] | Floats,
    *,
    higher_is_better: bool | None = True,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    detail: Mapping[str, Any] | None = None,
) -> Scores:
    """Scores whose value is the mean of `values`; None is a row that the metric does not apply to.

    `bounds` are the least and the most that a value can be, None where there are none. Raises BadScores outside them.
    """
    applies = [value is not None for value in values]
    filled = np.array([0.0 if value is None else float(value) for value in values], dtype=np.float64)
    if (
        bounds is not None
        and len(filled)
        and not bool(((filled[applies] >= bounds[0]) & (filled[applies] <= bounds[1])).all())
    ):
        raise BadScores(f"A score lies outside {bounds[0]:g} to {bounds[1]:g}.")
    parts = np.column_stack([filled, np.array(applies, dtype=np.float64)])
    worst_first = bounds if higher_is_better is not False else bounds and bounds[::-1]
    extremes = None if worst_first is None else np.array([[worst_first[0], 1.0], [worst_first[1], 1.0]])
    return Scores(parts, "ratio", higher_is_better, extremes, detail or {})


def ratios(
    numerators: Sequence[float],
    denominators: Sequence[float],
    *,
    higher_is_better: bool | None = True,
    bounded: bool = False,
    detail: Mapping[str, Any] | None = None,
) -> Scores:
    """Scores whose value is the sum of `numerators` by that of `denominators`.

    `bounded` says that a numerator lies between 0 and its denominator, as those of a share do.
    """
    parts = np.column_stack([np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)])
    extremes = np.array([[0.0, 1.0], [1.0, 1.0]]) if bounded else None
    if extremes is not None and higher_is_better is False:
        extremes = extremes[::-1]
    return Scores(parts, "ratio", higher_is_better, extremes, detail or {})
