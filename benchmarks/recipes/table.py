"""All cells of a recipe together, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.recipes.cell import Cell

HEAD = (
    "| recipe | taught by | seeds | held-out accuracy | true satisfaction | gain, 95% interval | right answers | words "
    "| seconds |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def summary(cells: Sequence[Cell]) -> dict[str, Any]:
    """Means over the seeds of one recipe, and the interval of the gain in satisfaction."""
    gain, low, high = interval([cell.gain for cell in cells])
    return {
        "taught_by": f"{cells[0].pieces} {cells[0].taught_by}",
        "seeds": len(cells),
        "rows": _mean([cell.rows for cell in cells]),
        "held_out": [_mean([cell.held_out_before for cell in cells]), _mean([cell.held_out_after for cell in cells])],
        "satisfaction": [_mean(np.concatenate([_side(cell, side) for cell in cells])) for side in ("before", "after")],
        "gain": round(gain, 4),
        "interval": [round(low, 4), round(high, 4)],
        "right": [_mean([cell.before.right for cell in cells]), _mean([cell.after.right for cell in cells])],
        "words": [_mean([cell.before.words for cell in cells]), _mean([cell.after.words for cell in cells])],
        "seconds": _mean([cell.seconds for cell in cells]),
    }


def interval(gains: Sequence[np.ndarray[Any, np.dtype[np.float64]]]) -> tuple[float, float, float]:
    """Mean and 95% interval of gains, arrays of shape (people,), one per seed.

    From three seeds on Student's t over the seeds' means, which holds the luck of training as well; with fewer the
    normal interval over people, which does not.
    """
    means = np.array([gain.mean() for gain in gains])
    if len(means) >= 3:
        half = stats.t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / math.sqrt(len(means))
    else:
        people = np.concatenate(gains)
        half = 1.96 * people.std(ddof=1) / math.sqrt(len(people))
    mean = float(means.mean())
    return mean, mean - float(half), mean + float(half)


def line(recipe: str, row: dict[str, Any]) -> str:
    """A line of the table, in Markdown."""
    low, high = row["interval"]
    return (
        f"| {recipe} | {row['taught_by']} | {row['seeds']} | {_arrow(row['held_out'])} | {_arrow(row['satisfaction'])} "
        f"| {row['gain']:+.3f} ({low:+.3f} to {high:+.3f}) | {_arrow(row['right'])} "
        f"| {row['words'][0]:.0f} to {row['words'][1]:.0f} | {row['seconds']:.0f} |"
    )


def _arrow(pair: Sequence[float]) -> str:
    return f"{pair[0]:.3f} to {pair[1]:.3f}"


def _side(cell: Cell, side: str) -> list[float]:
    return cell.before.satisfaction if side == "before" else cell.after.satisfaction


def _mean(values: Any) -> float:  # noqa: ANN401 - numbers, in a list or an array
    return round(float(np.mean(values)), 4)
