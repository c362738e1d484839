"""What models came to on benchmark suites: each suite over time, and every evaluation with its metrics and slices."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from chatbot.pages.look import QUIET
from chatbot.services import Services

REFRESH_SECONDS = 10.0
MOST = 400  # evaluations that are drawn
SHOWN = 12  # in the table of a suite
COLOURS = ("#0d9488", "#d97706", "#2563eb", "#be185d", "#65a30d", "#7c3aed", "#8a837d")
GRID = "rgba(120,113,108,0.18)"
NOTHING = (
    "<div class='rt-card'><p class='rt-soft'>No evaluation yet. <code>./ratchet evaluate</code> asks a model the "
    "questions of the suites that come with the project, or of your own.</p></div>"
)


def tab(blocks: gr.Blocks, services: Services) -> None:
    """Build the tab."""
    suite = gr.Dropdown([], label="Suite", elem_id="rt-suite", interactive=True)
    plot = gr.Plot(show_label=False, elem_id="rt-evaluations-plot")
    shown = gr.HTML(elem_id="rt-evaluations")

    def refresh(chosen: str | None) -> tuple[Any, Any, str]:
        names = services.evaluations.suites()
        name = chosen if chosen in names else (names[0] if names else None)
        rows = services.evaluations.list(name, limit=MOST) if name else []
        figure = gr.Plot(value=over_time(rows), visible=True) if rows else gr.Plot(value=None, visible=False)
        return gr.Dropdown(choices=list(names), value=name, visible=bool(names)), figure, table(rows)

    outputs = [suite, plot, shown]
    blocks.load(refresh, [suite], outputs, **QUIET)
    suite.input(refresh, [suite], outputs, **QUIET)
    gr.Timer(REFRESH_SECONDS).tick(refresh, [suite], outputs, **QUIET)


def over_time(rows: Sequence[Mapping[str, Any]]) -> go.Figure:
    """The value of the deciding metric with its 95% interval, a line for each model."""
    adapters = sorted({str(row["adapter"]) for row in rows})
    figure = go.Figure([_line(rows, adapter, COLOURS[at % len(COLOURS)]) for at, adapter in enumerate(adapters)])
    metric = html.escape(str(rows[0]["metric"]))
    figure.update_layout(
        title={"text": f"{metric}, with its 95% interval", "font": {"size": 13}, "x": 0.012, "y": 0.95},
        height=260,
        margin={"l": 52, "r": 20, "t": 44, "b": 36},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#8a837d", "family": "system-ui, DejaVu Sans, sans-serif"},
        yaxis={"gridcolor": GRID, "zeroline": False},
        xaxis={"gridcolor": GRID, "zeroline": False, "nticks": 8},
        showlegend=True,
    )
    return figure


def _line(rows: Sequence[Mapping[str, Any]], adapter: str, colour: str) -> go.Scatter:
    mine = [row for row in reversed(rows) if row["adapter"] == adapter and row["value"] is not None]
    ends = [(row["low"], row["value"], row["high"]) for row in mine]
    return go.Scatter(
        # Plotly knows no time zones: it shows the clock that it is given.
        x=[row["at"].astimezone().replace(tzinfo=None) for row in mine],
        y=[row["value"] for row in mine],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [0.0 if high is None else max(0.0, high - value) for _, value, high in ends],
            "arrayminus": [0.0 if low is None else max(0.0, value - low) for low, value, _ in ends],
            "thickness": 1.2,
            "width": 4,
        },
        customdata=[row["rows"] for row in mine],
        name=html.escape(adapter),
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 7},
        hovertemplate="%{x|%d %b %H:%M}: %{y:.3f} on %{customdata} rows<extra></extra>",
    )


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The newest evaluations of a suite, each with its other metrics and slices to unfold."""
    if not rows:
        return NOTHING
    head = "<tr><th>model</th><th>value</th><th>95%</th><th>rows</th><th>held against</th><th>when</th></tr>"
    names = {str(row["evaluation_id"]): str(row["adapter"]) for row in rows}
    body = "".join(_row(row, names) for row in rows[:SHOWN])
    older = f"<p class='rt-soft'>and {len(rows) - SHOWN} older</p>" if len(rows) > SHOWN else ""
    return f"<div class='rt-card'><table class='rt-table'>{head}{body}</table>{older}</div>"


def _row(row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    against, at = row["against"], row["at"]
    assert isinstance(at, datetime)
    told = "-" if row["passed"] is None else "no worse" if row["passed"] else "not shown to be no worse"
    tone = "rt-soft" if row["passed"] is None else "rt-good" if row["passed"] else "rt-bad"
    other = f" than {html.escape(names.get(str(against), str(against)))}" if against else ""
    where = f" <span class='rt-soft'>at {html.escape(str(row['endpoint']))}</span>" if row["endpoint"] else ""
    return (
        f"<tr><td>{html.escape(str(row['adapter']))}{where}</td><td>{number(row['value'])}</td>"
        f"<td class='rt-soft'>{_interval(row)}</td><td>{row['rows']}</td>"
        f"<td class='{tone}'>{told}{other}</td><td class='rt-soft'>{at:%Y-%m-%d %H:%M}</td></tr>"
        f"<tr><td class='rt-text' colspan='6'>{_unfolded(row)}</td></tr>"
    )


def _unfolded(row: Mapping[str, Any]) -> str:
    """The reason of the verdict, the other metrics, and the slices of the deciding one."""
    metrics: Mapping[str, Any] = row["metrics"]
    lines = [
        f"{html.escape(name)} {number(found.get('value'))} <span class='rt-soft'>{_interval(found)}</span>"
        for name, found in metrics.items()
    ]
    slices = metrics.get(str(row["metric"]), {}).get("slices") or {}
    parts = [f"{html.escape(name)} {number(found.get('value'))}" for name, found in slices.items()]
    told = f"<p>{html.escape(str(row['reason']))}</p>" if row["reason"] else ""
    cut = f"<p><b>Slices</b> {' · '.join(parts)}</p>" if parts else ""
    return f"<details><summary>{len(metrics)} metrics</summary>{told}<p>{' · '.join(lines)}</p>{cut}</details>"


def number(value: object) -> str:
    """Three decimals, or a dash where nothing was measured."""
    return f"{value:.3f}" if isinstance(value, (int, float)) else "-"


def _interval(found: Mapping[str, Any]) -> str:
    low, high = found.get("low"), found.get("high")
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"
