"""The curve of the operate page: the share of thumbs up over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go

SHORTEST = timedelta(minutes=10)  # the least time on the axis, so that a single vote does not show microseconds
ONE_DAY = timedelta(days=1)
TICKS = {"ticks": "outside", "ticklen": 7, "tickcolor": "rgba(0,0,0,0)"}  # no more than room below the corner
FADED = "rgba(120,113,108,{})"


def satisfaction(points: Sequence[Mapping[str, Any]]) -> go.Figure:
    """The curve of `points`, each with at, share_up in [0, 1] and votes; times are shown in the server's zone."""
    # Plotly knows no time zones: it shows the clock that it is given.
    times = [point["at"].astimezone().replace(tzinfo=None) for point in points]
    curve = go.Scatter(
        x=times,
        y=[point["share_up"] for point in points],
        customdata=[point["votes"] for point in points],
        mode="lines+markers",
        line={"color": "#0d9488", "width": 2.5},
        marker={"size": 7},
        cliponaxis=False,
        hovertemplate="%{x|%d %b %H:%M}: %{y:.0%} of %{customdata} votes<extra></extra>",
    )
    figure = go.Figure(curve)
    if not points:
        words = "The first votes will appear here."
        figure.add_annotation(text=words, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    figure.update_layout(
        title={"text": "Thumbs up, as a share of votes", "font": {"size": 13}, "x": 0.012, "y": 0.95},
        height=230,
        margin={"l": 52, "r": 20, "t": 44, "b": 36},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#8a837d", "family": "system-ui, DejaVu Sans, sans-serif"},
        yaxis={"range": [0, 1], "tickformat": ".0%", "dtick": 0.25, "gridcolor": FADED.format(0.18), "zeroline": False},
        xaxis=_axis(times),
    )
    return figure


def _axis(times: Sequence[datetime]) -> dict[str, Any]:
    if not times:
        return {"visible": False}
    first, last = times[0], times[-1]
    missing = max(SHORTEST - (last - first), timedelta(0)) / 2
    span = max(last - first, SHORTEST)
    form = "%H:%M" if span < ONE_DAY else "%d %b<br>%H:%M" if span < 4 * ONE_DAY else "%d %b"
    margin = span / 50
    axis_range = [first - missing - margin, last + missing + margin]
    return {"gridcolor": FADED.format(0.10), "range": axis_range, "tickformat": form, "nticks": 9, **TICKS}
