"""Is it chance? Exact binomial tests, many at once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Literal, TypeVar

from safety.bias.statistics import holm as corrected

Key = TypeVar("Key", bound=Hashable)


def p_value(hits: int, tries: int, rate: float, side: Literal["less", "greater"]) -> float:
    """How likely so few ("less") or so many hits are, where each try hits at `rate`."""
    from scipy.special import bdtr, bdtrc  # only laps test anything, and the server need not load it

    return float(bdtr(hits, tries, rate) if side == "less" else bdtrc(hits - 1, tries, rate))


def holm(found: Mapping[Key, float], alpha: float) -> set[Key]:
    """Whose p-values are significant together (Holm 1979): with probability 1 - `alpha` not one is there by chance."""
    return {key for key, p in zip(found, corrected(list(found.values())), strict=True) if p <= alpha}
