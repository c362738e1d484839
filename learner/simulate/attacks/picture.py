"""The results of attacks as a picture: what was measured without the attackers and with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from learner.simulate.attacks.trial import Result

CLEAN, ATTACKED = "#39506b", "#b5482f"
TITLES = {
    "coordinated": "5% of the accounts cast half of all votes",
    "planted-fact": 'A false fact, by "say A or B" and rewrites',
}


def picture(results: Sequence[Result], path: Path) -> None:
    """Draw the results to a PNG, one panel per attack."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    attacks = list(dict.fromkeys(result.attack for result in results))
    figure, panels = plt.subplots(1, len(attacks), figsize=(5.2 * len(attacks), 4.2), dpi=140, squeeze=False)
    for axes, attack in zip(panels[0], attacks, strict=True):
        _panel(axes, sorted((one for one in results if one.attack == attack), key=lambda one: one.defences))
        axes.set_title(TITLES[attack], fontsize=11)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def _panel(axes: Any, results: Sequence[Result]) -> None:  # noqa: ANN401
    for place, result in enumerate(results):
        low, high = (result.clean + bound for bound in result.interval)
        axes.bar(place - 0.2, result.clean, 0.36, color=CLEAN, label="without the attackers" if not place else None)
        axes.bar(place + 0.2, result.attacked, 0.36, color=ATTACKED, label="with them" if not place else None)
        axes.plot([place + 0.2] * 2, [low, high], color="black", lw=1.5)
        for x, value in ((place - 0.2, result.clean), (place + 0.2, result.attacked)):
            axes.annotate(f"{value:.2f}", (x, max(value, high if x > place else 0)), xytext=(0, 4),
                          textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
    axes.set_xticks(range(len(results)), [f"defences {'on' if result.defences else 'off'}" for result in results])
    axes.set(ylabel=results[0].measured, ylim=(0, 1.08))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
