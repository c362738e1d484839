"""The figures as a picture: false wins by crowd, the saving by power, and what the stream of candidates may spend."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.experiment.show import NAMES
from learner.experiment import spend

COLORS = {
    "ours": "#b5482f",
    "naive": "#8a8a8a",
    "fixed": "#c9b458",
    "track_and_stop": "#4a6fa5",
    "equation_9": "#4a6fa5",
}
NIGHTS, EVERY = 90, 10  # candidates, and of them one is promoted
ALPHA = 0.05


def picture(result: Mapping[str, Any], path: Path) -> None:
    """Draw what was measured to a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (wins, saved, spent) = plt.subplots(
        1, 3, figsize=(13, 4.4), dpi=140, gridspec_kw={"width_ratios": [3, 1.6, 2]}
    )
    _wins(wins, result["false_wins"])
    _saved(saved, result["saving_by_power"])
    _spent(spent)
    for axes in (wins, saved, spent):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    plt.close(figure)


def _wins(axes: Any, rates: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:  # noqa: ANN401 - matplotlib has no types
    cells = [(votes, icc) for votes, row in rates["ours"].items() for icc in row]
    for place, (rule, by) in enumerate(rates.items()):
        values = [by[votes][icc] for votes, icc in cells]
        axes.bar(np.arange(len(cells)) + 0.2 * place - 0.3, values, 0.2, color=COLORS[rule], label=NAMES[rule])
    axes.axhline(ALPHA, color="#222222", lw=1, ls="--")
    axes.set_xticks(range(len(cells)), [f"{votes}\n{icc}" for votes, icc in cells])
    axes.set(ylim=(0, 1), xlabel="votes of a person, and their ICC", title="False winners, a look after every vote")


def _saved(axes: Any, by_power: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:  # noqa: ANN401
    for rule, by in by_power.items():
        axes.plot(
            [100 * float(p) for p in by],
            [100 * of["saving"] for of in by.values()],
            "o-",
            color=COLORS[rule],
            label=NAMES[rule],
        )
    axes.set(ylim=(0, 60), xlabel="power, %", ylabel="users saved, %", title="To a fixed horizon, +5 points")


def _spent(axes: Any) -> None:  # noqa: ANN401
    nights = np.arange(1, NIGHTS + 1)
    for label, won, color in (
        ("LORD++, one in ten promoted", nights % EVERY == 0, "#b5482f"),
        ("LORD++, none promoted", np.zeros(NIGHTS, dtype=bool), "#d79a86"),
    ):
        axes.plot(nights, spend(won, alpha=ALPHA).levels, color=color, label=label)
    axes.plot(nights, ALPHA * 6 / np.pi**2 / nights**2, color="#8a8a8a", label="1/k² spending")
    axes.set(yscale="log", xlabel="candidate", ylabel="its alpha", title="What each candidate may spend")
