"""Wilson's interval for a share: honest for small numbers and near 0 and 1, where the normal one is not.

Source: Wilson, Journal of the American Statistical Association 22 (1927), 209-212.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964  # of 95%


@dataclass(frozen=True)
class Rate:
    """`count` of `of`, with the ends of its 95% interval; `rate` and both ends are None where there was nothing."""

    count: int
    of: int
    rate: float | None
    low: float | None
    high: float | None


def wilson(count: int, of: int) -> Rate:
    """The share with its interval."""
    if of == 0:
        return Rate(0, 0, None, None, None)
    share = count / of
    middle = (share + Z * Z / (2 * of)) / (1 + Z * Z / of)
    half = Z / (1 + Z * Z / of) * math.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    return Rate(count, of, round(share, 4), round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4))
