"""The operate page: what is served, how satisfied people are, the lap, the experiment, and what moves them."""

from __future__ import annotations

from typing import Any

import gradio as gr
import plotly.graph_objects as go

from analytics import AnalyticsError
from chatbot.errors import ChatbotError
from chatbot.pages import panels
from chatbot.pages.access import caller_of
from chatbot.pages.look import header
from chatbot.services import Services
from learner import LearnerError

REFRESH_SECONDS = 2.0
HOURS = 24.0 * 7
SURE = "return confirm('{}') ? [] : (() => {{ throw new Error('cancelled') }})();"


class OperatePage:
    """The page's handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def refresh(self, drawn: int) -> tuple[Any, ...]:
        """Everything that may have changed; the plot only when there are new votes, so that it does not flicker."""
        state = self._services.operator.status()
        points = self._services.operator.satisfaction(HOURS)
        votes = sum(point["votes"] for point in points)
        plot = _plot(points) if votes != drawn else gr.skip()
        up = sum(point["share_up"] * point["votes"] for point in points) / votes if votes else None
        runs = state["runs"]
        return panels.numbers(state, up), plot, panels.lap(runs), panels.experiment(state["experiment"]), votes

    def learn(self, request: gr.Request) -> str:
        """Start a lap."""
        return self._told(lambda: f"The lap {self._services.operator.learn()} has started.")

    def promote(self, request: gr.Request) -> str:
        """Promote the proven challenger."""
        return self._told(lambda: f"{self._services.operator.promote(actor=self._who(request))} is the champion now.")

    def stop(self, request: gr.Request) -> str:
        """Stop the experiment."""

        def stop() -> str:
            self._services.operator.stop_experiment("stopped on the operate page", self._who(request))
            return "The experiment is stopped; everybody is served by the champion."

        return self._told(stop)

    def rollback(self, request: gr.Request) -> str:
        """Bring the last champion back."""

        def back() -> str:
            done = self._services.operator.rollback(self._who(request))
            return f"{done.champion} is the champion again, after {1000 * done.seconds:.0f} ms."

        return self._told(back)

    def _who(self, request: gr.Request) -> str:
        return caller_of(self._services.accounts, request.request).person

    def _told(self, step: Any) -> str:  # noqa: ANN401
        try:
            return panels.said(step(), good=True)
        except (ChatbotError, LearnerError, AnalyticsError) as error:
            return panels.said(str(error), good=False)


def page(services: Services) -> gr.Blocks:
    """Build the page."""
    handlers = OperatePage(services)
    quiet = {"show_progress": "hidden"}
    with gr.Blocks(title="Ratchet: operate") as blocks:
        gr.HTML(header("Operate"))
        with gr.Column(elem_classes="rt-wide"):
            numbers = gr.HTML()
            with gr.Row(elem_classes="rt-actions"):
                learn = gr.Button("Learn now", variant="primary", elem_id="rt-learn")
                promote = gr.Button("Promote", elem_id="rt-promote")
                stop = gr.Button("Stop experiment", elem_id="rt-stop-experiment")
                back = gr.Button("Roll back", elem_id="rt-rollback")
            told = gr.HTML(elem_id="rt-told")
            plot = gr.Plot(show_label=False, elem_id="rt-plot", container=False)
            with gr.Row():
                with gr.Column(min_width=320):
                    experiment = gr.HTML()
                with gr.Column(min_width=320):
                    lap = gr.HTML()
        drawn = gr.State(-1)
        seen = [numbers, plot, lap, experiment, drawn]
        blocks.load(handlers.refresh, [drawn], seen, **quiet)
        gr.Timer(REFRESH_SECONDS).tick(handlers.refresh, [drawn], seen, **quiet)
        learn.click(handlers.learn, None, [told], **quiet)
        sure = (
            (promote, handlers.promote, "Make the challenger the champion for everybody?"),
            (stop, handlers.stop, "Stop the experiment? The challenger is retired."),
            (back, handlers.rollback, "Bring the last champion back for everybody?"),
        )
        for button, handler, question in sure:
            button.click(handler, None, [told], js=f"() => {{ {SURE.format(question)} }}", **quiet)
    return blocks


def _plot(points: list[dict[str, Any]]) -> go.Figure:
    figure = go.Figure(
        go.Scatter(
            x=[point["at"] for point in points],
            y=[point["share_up"] for point in points],
            customdata=[point["votes"] for point in points],
            mode="lines+markers",
            line={"color": "#0d9488", "width": 2.5, "shape": "spline", "smoothing": 0.4},
            marker={"size": 6},
            hovertemplate="%{y:.0%} of %{customdata} votes<extra></extra>",
        )
    )
    if not points:
        words = "The first votes will appear here."
        figure.add_annotation(text=words, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    figure.update_layout(
        title={"text": "Thumbs up, as a share of votes", "font": {"size": 14}, "x": 0.01},
        height=290,
        margin={"l": 46, "r": 16, "t": 44, "b": 34},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#78716c", "family": "system-ui, DejaVu Sans, sans-serif"},
        yaxis={"range": [0, 1.02], "tickformat": ".0%", "gridcolor": "rgba(120,113,108,.18)", "zeroline": False},
        xaxis={"gridcolor": "rgba(120,113,108,.10)", "visible": bool(points)},
    )
    return figure
