"""The curves of the pages: the share of thumbs up over time, and what a threshold comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go

from chatbot.what_if import Curve

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


def thresholds(curve: Curve, before: float | None, threshold: float) -> go.Figure:
    """How many texts reach each threshold, with precision and recall; the one in force and the one tried are marked."""
    x = curve.thresholds
    texts = go.Scatter(
        x=x, y=curve.texts, name="texts", yaxis="y2", mode="lines", fill="tozeroy", line={"width": 0, "shape": "hv"},
        fillcolor=FADED.format(0.22), hovertemplate="%{y:,} texts<extra></extra>",
    )  # fmt: skip
    lines = [
        go.Scatter(
            x=x,
            y=y,
            name=name,
            mode="lines",
            line={"color": colour, "width": 2.5},
            hovertemplate=f"{name} %{{y:.0%}}<extra></extra>",
        )
        for name, y, colour in (("precision", curve.precision, "#0d9488"), ("recall", curve.recall, "#d97706"))
    ]
    figure = go.Figure([texts, *lines])
    if before is not None:
        figure.add_vline(before, line={"color": "#8a837d", "width": 1.5, "dash": "dot"}, annotation=_mark("in force"))
    if threshold != before:
        figure.add_vline(threshold, line={"color": "#0d9488", "width": 1.5}, annotation=_mark("tried"))
    if not any(value is not None for value in curve.precision):
        words = "Precision and recall appear once reviewers have judged some of these texts."
        figure.add_annotation(text=words, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    figure.update_layout(
        height=300,
        margin={"l": 52, "r": 62, "t": 30, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#8a837d", "family": "system-ui, DejaVu Sans, sans-serif"},
        hovermode="x",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        xaxis={"range": [0, 1], "title": "threshold", "gridcolor": FADED.format(0.10), "zeroline": False, **TICKS},
        yaxis={"range": [0, 1.02], "tickformat": ".0%", "gridcolor": FADED.format(0.18), "zeroline": False},
        yaxis2=_counts_axis(curve.texts),
    )
    return figure


def _mark(text: str) -> dict[str, Any]:
    return {"text": text, "font": {"size": 11}, "yref": "paper", "y": 1.0, "xanchor": "center", "yanchor": "bottom"}


def _counts_axis(texts: Sequence[int]) -> dict[str, Any]:
    """Almost all texts have scores near 0, so only a logarithm shows the others."""
    top = max(10, max(texts, default=0))
    drawn = {"side": "right", "overlaying": "y", "showgrid": False, "title": "texts"}
    return {**drawn, "type": "log", "dtick": 1, "range": [-0.3, math.log10(top) + 0.1]}


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
