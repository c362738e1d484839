"""Suites over time, one panel each: the value of every evaluation with its interval, a colour for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

PANEL_INCHES = (9.0, 2.4)
COLOURS = ("#0d9488", "#d97706", "#2563eb", "#be185d", "#65a30d", "#7c3aed", "#475569")


def draw(suites: Sequence[tuple[str, Sequence[Mapping[str, Any]]]], path: Path) -> None:
    """Write a picture; each suite has a title and its evaluations, with at, adapter, metric, value, low and high."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import ConciseDateFormatter
    from matplotlib.figure import Figure

    figure = Figure((PANEL_INCHES[0], PANEL_INCHES[1] * len(suites)), layout="constrained")
    FigureCanvasAgg(figure)
    adapters = sorted({str(row["adapter"]) for _, rows in suites for row in rows})
    colours = {adapter: COLOURS[place % len(COLOURS)] for place, adapter in enumerate(adapters)}
    for place, (title, rows) in enumerate(suites, start=1):
        axes = figure.add_subplot(len(suites), 1, place)
        axes.set_title(f"{title}: {rows[0]['metric']}" if rows else title, loc="left", fontsize=10)
        for adapter in adapters:
            mine = [row for row in rows if row["adapter"] == adapter and row["value"] is not None]
            if mine:
                _line(axes, mine, adapter, colours[adapter])
        axes.grid(alpha=0.25)
        axes.margins(x=0.05, y=0.15)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
            axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
        else:
            axes.text(0.5, 0.5, "Nothing could be measured yet.", transform=axes.transAxes, ha="center", color="gray")
            axes.set(xticks=[], yticks=[])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def _line(axes: Any, rows: Sequence[Mapping[str, Any]], adapter: str, colour: str) -> None:  # noqa: ANN401
    times = [_when(row["at"]) for row in rows]
    values = [float(row["value"]) for row in rows]
    below = [
        max(0.0, value - float(row["low"])) if row["low"] is not None else 0.0
        for row, value in zip(rows, values, strict=True)
    ]
    above = [
        max(0.0, float(row["high"]) - value) if row["high"] is not None else 0.0
        for row, value in zip(rows, values, strict=True)
    ]
    axes.errorbar(times, values, yerr=[below, above], fmt="o-", capsize=3, color=colour, label=adapter, linewidth=1.2)


def _when(at: datetime | str) -> datetime:
    return at if isinstance(at, datetime) else datetime.fromisoformat(at)
