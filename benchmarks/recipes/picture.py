"""The gains of all recipes, seed by seed, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.recipes.cell import Cell
from benchmarks.recipes.table import interval

INK, LINE, DOT = "#1f2937", "#4f46e5", "#a5b4fc"


def draw(cells: Mapping[str, Sequence[Cell]], path: Path) -> None:
    """Draw satisfaction's gain beside what became of right answers."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 0.5 * len(cells) + 1.4), sharey=True, layout="constrained")
    for place, group in enumerate(cells.values()):
        mean, low, high = interval([cell.gain for cell in group])
        left.plot([low, high], [place, place], color=LINE, lw=3, solid_capstyle="round", zorder=2)
        left.plot([cell.gain.mean() for cell in group], [place] * len(group), "o", color=DOT, ms=4, zorder=1)
        left.plot([mean], [place], "o", color=INK, ms=6, zorder=3)
        kept = [100 * (cell.after.right - cell.before.right) for cell in group]
        right.plot(kept, [place] * len(group), "o", color=DOT, ms=4)
        right.plot([sum(kept) / len(kept)], [place], "o", color=INK, ms=6)
    for axes, title in ((left, "gain in true satisfaction"), (right, "right answers, in points")):
        axes.axvline(0, color=INK, lw=0.8, ls=":")
        axes.set_xlabel(title)
        axes.spines[["top", "right"]].set_visible(False)
    left.set_yticks(range(len(cells)), list(cells))
    left.invert_yaxis()
    figure.savefig(path, dpi=150)
    plt.close(figure)
