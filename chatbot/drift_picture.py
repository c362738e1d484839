"""The curves of drift as a picture, drawn by matplotlib: for the command line alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chatbot.drift_series import boundaries, series
from chatbot.errors import UserError

ACROSS = 3


def picture(report: Mapping[str, Any], path: Path) -> None:
    """Draw one small curve for each metric; dotted lines are new generations, red dots what moved. Raises UserError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
    from matplotlib.figure import Figure

    found = series(report)
    if not found:
        raise UserError("There is nothing to draw yet: no window of traffic is over.")
    down = -(-len(found) // ACROSS)
    figure = Figure(figsize=(11, 2 * down), layout="constrained")
    FigureCanvasAgg(figure)
    for place, one in enumerate(found, 1):
        axes = figure.add_subplot(down, ACROSS, place, sharex=figure.axes[0] if figure.axes else None)
        days = [float(date2num(at)) for at in one.times]
        axes.plot(days, one.values, color="#0d9488", marker="o", markersize=3)
        axes.plot([days[at] for at in one.alarms], [one.values[at] for at in one.alarms], "o", color="#dc2626")
        for at, _ in boundaries(report):
            axes.axvline(float(date2num(at)), color="#8a837d", linestyle=":", linewidth=1)
        axes.set_ylim(0, max(one.values) * 1.15 or 1)
        axes.set_title(one.title, fontsize=9)
        axes.tick_params(labelsize=7)
        locator = AutoDateLocator(maxticks=5)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    try:
        figure.savefig(path, dpi=130)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be written ({error}); choose another --png.") from None
