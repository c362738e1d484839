"""Every adapter by what was said of two answers side by side, and below it where one of them fails."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, cast

import gradio as gr
import plotly.graph_objects as go

from chatbot.api.common import OURS
from chatbot.error_report import report
from chatbot.pages.look import QUIET
from chatbot.pages.plot import FADED
from chatbot.services import Services
from learner.leaderboard.analysis import analyse
from learner.leaderboard.board import Leaderboard, Standing, leaderboard
from learner.leaderboard.votes import SOURCES, Source

AT_EQUAL_STYLE = "at equal length and markdown"
ROW, LEAST_HEIGHT, MARGIN = 34, 120, 62  # pixels
COLOURS = ("#0d9488", "#d97706", "#7c3aed", "#be123c", "#2563eb")  # of sets that nobody has compared with one another


class LeaderboardTab:
    """The tab's handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def ranking(self, sources: list[str], style: list[str]) -> tuple[Any, str]:
        """The plot and the table."""
        wanted = cast("list[Source]", sources)
        found = leaderboard(self._services.store, self._services.learner.registry, wanted, style=bool(style))
        return gr.update(value=plot(found), visible=bool(found.standings)), table(found)

    def adapters(self, chosen: str | None) -> Any:  # noqa: ANN401
        """Whose errors can be looked at; the newest challenger first."""
        names = [str(row["adapter"]) for row in self._services.learner.registry.adapters()] + ["base"]
        return gr.update(choices=names, value=chosen if chosen in names else names[0])

    def errors(self, adapter: str | None) -> str:
        """The error analysis of an adapter beside the champion."""
        if adapter is None:
            return ""
        try:
            found = analyse(self._services.store, self._services.learner.registry, adapter)
        except OURS as error:
            return f"<p class='rt-bad'>{html.escape(str(error))}</p>"
        beside = f"<p class='rt-soft'>{html.escape(adapter)} beside {html.escape(found.against)}.</p>"
        return beside + report(found.to_values())


def tab(blocks: gr.Blocks, services: Services) -> None:
    """Build the tab."""
    handlers = LeaderboardTab(services)
    with gr.Row(elem_classes="rt-wanted", elem_id="rt-board-wanted"):
        sources = gr.CheckboxGroup(
            [*SOURCES], value=[*SOURCES], show_label=False, container=False, elem_classes="rt-chips"
        )
        style = gr.CheckboxGroup([AT_EQUAL_STYLE], show_label=False, container=False, elem_classes="rt-chips")
    drawn = gr.Plot(show_label=False, container=False, elem_id="rt-board-plot", visible=False)
    shown = gr.HTML(elem_id="rt-board")
    gr.HTML("<h2 class='rt-part'>Error analysis</h2>")
    adapter = gr.Dropdown([], show_label=False, container=False, filterable=False, elem_id="rt-errors-of")
    told = gr.HTML(elem_id="rt-errors")
    blocks.load(handlers.ranking, [sources, style], [drawn, shown], **QUIET)
    blocks.load(handlers.adapters, [adapter], [adapter], **QUIET).then(handlers.errors, [adapter], [told], **QUIET)
    for choice in (sources, style):
        choice.change(handlers.ranking, [sources, style], [drawn, shown], **QUIET)
    adapter.input(handlers.errors, [adapter], [told], **QUIET)


def plot(found: Leaderboard) -> go.Figure:
    """Every adapter with its interval, the best on top; sets that nobody has compared have colours of their own."""
    rows = found.standings[::-1]
    seen = list(dict.fromkeys(row.component for row in found.standings))
    figure = go.Figure(
        go.Scatter(
            x=[row.rating for row in rows],
            y=[row.adapter for row in rows],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [(row.upper or row.rating) - row.rating for row in rows],
                "arrayminus": [row.rating - (row.lower or row.rating) for row in rows],
                "thickness": 2,
                "width": 5,
                "color": "#8a837d",
            },
            mode="markers",
            marker={"size": 11, "color": [COLOURS[seen.index(row.component) % len(COLOURS)] for row in rows]},
            customdata=[row.votes for row in rows],
            hovertemplate="%{y}: %{x:.0f}, %{customdata:,} comparisons<extra></extra>",
        )
    )
    figure.update_layout(
        height=max(LEAST_HEIGHT, ROW * len(rows) + MARGIN),
        margin={"l": 20, "r": 20, "t": 14, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#8a837d", "family": "system-ui, DejaVu Sans, sans-serif"},
        xaxis={"title": "rating, in points of Elo", "gridcolor": FADED.format(0.18), "zeroline": False},
        yaxis={"automargin": True, "ticksuffix": "  ", "showgrid": False, "range": [-0.6, len(rows) - 0.4]},
    )
    return figure


def table(found: Leaderboard) -> str:
    """The numbers below the plot, and what they rest on."""
    if not found.standings:
        told = "No two adapters were compared yet: in the chat, by reviewers side by side, or by a calibrated judge."
        return f"<div class='rt-card'><p class='rt-soft'>{told}</p></div>"
    head = (
        "<tr><th>rank</th><th>adapter</th><th class='rt-n'>rating</th><th>95 %</th><th class='rt-n'>comparisons</th>"
        "<th class='rt-n'>would win against the champion</th></tr>"
    )
    rows = "".join(map(_row, found.standings))
    return (
        f"<div class='rt-card'><div class='rt-scroll'><table class='rt-table'>{head}{rows}</table></div>"
        f"{_notes(found)}</div>"
    )


def _row(one: Standing) -> str:
    interval = "not known" if one.lower is None or one.upper is None else f"{one.lower:.0f} to {one.upper:.0f}"
    expected = "-" if one.expected is None else f"{one.expected:.0%}"
    return (
        f"<tr><td>{one.rank}</td><td>{html.escape(one.adapter)}</td><td class='rt-n'>{one.rating:.0f}</td>"
        f"<td class='rt-soft'>{interval}</td><td class='rt-n'>{one.votes:,}</td><td class='rt-n'>{expected}</td></tr>"
    )


def _notes(found: Leaderboard) -> str:
    counted = ", ".join(f"{count:,} of {source}" for source, count in found.counts.items())
    notes = [f"Comparisons: {counted}. Bradley-Terry with ties; intervals by a bootstrap over {found.people:,} people."]
    if len({one.component for one in found.standings}) > 1:
        notes.append("Colours are sets of adapters that nobody has compared with one another; each has a mean of 1000.")
    notes += _worths(found)
    return "".join(f"<p class='rt-soft'>{html.escape(note)}</p>" for note in notes)


def _worths(found: Leaderboard) -> Sequence[str]:
    if not found.style:
        return ()
    told = ", ".join(
        f"{one.feature} {one.worth:+.0f}" + ("" if one.lower is None else f" ({one.lower:+.0f} to {one.upper:+.0f})")
        for one in found.style
    )
    return (f"Points that a unit of style is worth, by which the ratings are corrected: {told}.",)
