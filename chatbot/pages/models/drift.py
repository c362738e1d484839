"""Whether traffic or answers have moved: small curves over time with the generations, and the alarms."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import gradio as gr
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from chatbot.api.common import OURS
from chatbot.drift_series import Series, boundaries, series
from chatbot.pages import panels
from chatbot.pages.access import person_of
from chatbot.pages.look import QUIET
from chatbot.pages.plot import FADED
from chatbot.services import Services

REFRESH_SECONDS = 30.0
ACROSS, CELL_HEIGHT = 3, 150
LINE, ALARM = "#0d9488", "#dc2626"
SHOWN = 12  # alarms
LEGEND = (
    "<p class='rt-soft'>Dotted: another champion. Red: moved by more than chance and more than what is tolerated.</p>"
)


class DriftTab:
    """The tab's handlers."""

    def __init__(self, services: Services) -> None:
        self._operator, self._person_of = services.operator, partial(person_of, services.accounts)

    def refresh(self, drawn: int) -> tuple[Any, ...]:
        """The alarms, the curves where there is a new window, and which alarms can be acknowledged."""
        report = self._operator.drift()
        newest = max((window["seq"] for window in report["windows"]), default=0)
        plot = figure(report) if newest != drawn else gr.skip()
        waiting = [row["alarm_id"] for row in report["alarms"] if row["state"] == "open"]
        chosen = gr.update(choices=waiting, value=waiting[0] if waiting else None)
        return alarms(report), plot, chosen, gr.update(visible=bool(waiting)), newest

    def acknowledge(self, alarm_id: str | None, note: str, accept: bool, request: gr.Request) -> str:
        """Close the chosen alarm."""
        try:
            self._operator.acknowledge_drift(alarm_id or "", self._person_of(request), note, accept=accept)
        except OURS as error:
            return panels.said(str(error), good=False)
        return panels.said("Acknowledged.", good=True)


def tab(blocks: gr.Blocks, services: Services) -> None:
    """Build the tab."""
    handlers = DriftTab(services)
    shown = gr.HTML(elem_id="rt-drift-alarms")
    with gr.Row(visible=False, elem_id="rt-drift-close") as row:
        chosen = gr.Dropdown(label="Alarm", choices=[], scale=3, elem_id="rt-drift-alarm")
        note = gr.Textbox(label="What was found out", max_lines=1, scale=3, elem_id="rt-drift-note")
        accept = gr.Checkbox(label="It is normal from now on", scale=2, elem_id="rt-drift-accept")
        button = gr.Button("Acknowledge", scale=1, elem_id="rt-drift-acknowledge")
    told = gr.HTML(elem_id="rt-drift-told")
    gr.HTML(LEGEND)
    plot = gr.Plot(show_label=False, container=False, elem_id="rt-drift-plot")
    drawn = gr.State(-1)
    seen = [shown, plot, chosen, row, drawn]
    blocks.load(handlers.refresh, [drawn], seen, **QUIET)
    gr.Timer(REFRESH_SECONDS).tick(handlers.refresh, [drawn], seen, **QUIET)
    button.click(handlers.acknowledge, [chosen, note, accept], [told], **QUIET).then(
        handlers.refresh, [drawn], seen, **QUIET
    )


def alarms(report: Mapping[str, Any]) -> str:
    """The alarms as a table, the newest on top; or what is being waited for."""
    rows = report["alarms"]
    if not report["window_hours"]:
        return _card("<p class='rt-soft'>The monitor is off; the setting drift_window_hours turns it on.</p>")
    if not rows:
        hours, count = report["window_hours"], len(report["windows"])
        told = f"No alarm yet. Traffic is looked at in windows of {hours:g} hours; {count} are over."
        return _card(f"<p class='rt-soft'>{told}</p>")
    head = "<tr><th>since</th><th>generation</th><th>what moved</th><th></th></tr>"
    return _card(f"<table class='rt-table'>{head}{''.join(map(_row, rows[:SHOWN]))}</table>")


def figure(report: Mapping[str, Any]) -> go.Figure:
    """One small curve for each metric; where a generation began there is a line, where something moved a red dot."""
    found, marks = series(report), boundaries(report)
    if not found:
        empty = go.Figure()
        empty.add_annotation(text="The first window is not over yet.", x=0.5, y=0.5, showarrow=False)
        empty.update_layout(height=160, xaxis={"visible": False}, yaxis={"visible": False}, **_look())
        return empty
    down = -(-len(found) // ACROSS)
    drawn = make_subplots(
        rows=down,
        cols=ACROSS,
        subplot_titles=[one.title for one in found],
        vertical_spacing=0.34 / down,
        horizontal_spacing=0.07,
    )
    for place, one in enumerate(found):
        row, column = divmod(place, ACROSS)
        for trace in _traces(one):
            drawn.add_trace(trace, row=row + 1, col=column + 1)
        for at, _ in marks:
            line = {"color": "#8a837d", "width": 1, "dash": "dot"}
            drawn.add_vline(_clock(at), line=line, row=row + 1, col=column + 1)
    drawn.update_annotations(font={"size": 12})
    drawn.update_xaxes(gridcolor=FADED.format(0.10), tickformat="%d %b", nticks=5, matches="x")
    drawn.update_yaxes(gridcolor=FADED.format(0.18), zeroline=False, nticks=4, rangemode="tozero")
    drawn.update_layout(height=70 + CELL_HEIGHT * down, showlegend=False, **_look())
    return drawn


def _traces(one: Series) -> list[go.Scatter]:
    times = [_clock(at) for at in one.times]
    tip = f"%{{x|%d %b %H:%M}}: %{{y:.3g}}<extra>{one.title}</extra>"
    curve = go.Scatter(
        x=times, y=list(one.values), mode="lines+markers", line={"color": LINE, "width": 2}, marker={"size": 4},
        hovertemplate=tip,
    )  # fmt: skip
    told = go.Scatter(
        x=[times[at] for at in one.alarms], y=[one.values[at] for at in one.alarms], mode="markers",
        marker={"color": ALARM, "size": 9}, hovertemplate=tip,
    )  # fmt: skip
    return [curve, told]


def _look() -> dict[str, Any]:
    return {
        "margin": {"l": 44, "r": 16, "t": 34, "b": 30},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "#8a837d", "size": 11, "family": "system-ui, DejaVu Sans, sans-serif"},
    }


def _clock(at: datetime) -> datetime:
    """Plotly knows no time zones: it shows the clock that it is given."""
    return at.astimezone().replace(tzinfo=None)


def _row(alarm: Mapping[str, Any]) -> str:
    since = datetime.fromtimestamp(alarm["began"], UTC)
    tone, state = ("rt-bad", "open") if alarm["state"] == "open" else ("rt-soft", _closed(alarm))
    against = f" against {alarm['against']}" if alarm["detector"] == "generation" else ""
    return (
        f"<tr><td class='rt-soft'>{since:%Y-%m-%d %H:%M}</td>"
        f"<td>{alarm['generation']}: {html.escape(alarm['adapter'])}{against}</td>"
        f"<td class='rt-text'>{html.escape(alarm['reason'])}</td><td class='{tone}'>{html.escape(state)}</td></tr>"
    )


def _closed(alarm: Mapping[str, Any]) -> str:
    words: Sequence[str] = ("acknowledged", *(["normal now"] if alarm["accepted"] else []), alarm["note"] or "")
    return ", ".join(word for word in words if word)


def _card(body: str) -> str:
    return f"<div class='rt-card'>{body}</div>"
