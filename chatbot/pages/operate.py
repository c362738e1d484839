"""The operate page: what is served, how satisfied people are, the lap, the experiment, and what moves them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from chatbot.api.common import OURS
from chatbot.pages import experiment, panels
from chatbot.pages.access import person_of
from chatbot.pages.look import QUIET, bar
from chatbot.pages.plot import satisfaction
from chatbot.services import Services

REFRESH_SECONDS = 2.0
HOURS = 24.0 * 7
SURE = "() => {{ if (!confirm('{}')) throw new Error('cancelled'); return []; }}"


class Moves(NamedTuple):
    """The buttons that move the loop."""

    learn: gr.Button
    promote: gr.Button
    stop: gr.Button
    back: gr.Button


class OperatePage:
    """The page's handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._person_of = partial(person_of, services.accounts)

    def refresh(self, drawn: int) -> tuple[Any, ...]:
        """Everything that may have changed; the plot only when there are new votes, so that it does not flicker."""
        state = self._services.operator.status()
        points = self._services.operator.satisfaction(HOURS)
        votes = sum(point["votes"] for point in points)
        plot = satisfaction(points) if votes != drawn else gr.skip()
        up = sum(point["share_up"] * point["votes"] for point in points) / votes if votes else None
        parts = (panels.numbers(state, up), plot, panels.lap(state["runs"]), experiment.panel(state["experiment"]))
        return *parts, votes, *self._moves(state["challenger"] is not None)

    def learn(self, request: gr.Request) -> str:
        """Start a lap."""
        return self._told(lambda: f"The lap {self._services.operator.learn()} has started.")

    def promote(self, request: gr.Request) -> str:
        """Promote the proven challenger."""
        return self._told(
            lambda: f"{self._services.operator.promote(actor=self._person_of(request))} is the champion now."
        )

    def stop(self, request: gr.Request) -> str:
        """Stop the experiment."""

        def stop() -> str:
            self._services.operator.stop_experiment("stopped on the operate page", self._person_of(request))
            return "The experiment is stopped; everybody is served by the champion."

        return self._told(stop)

    def rollback(self, request: gr.Request) -> str:
        """Bring the last champion back."""

        def back() -> str:
            done = self._services.operator.rollback(self._person_of(request))
            return f"{done.champion} is the champion again, after {1000 * done.seconds:.0f} ms."

        return self._told(back)

    def _moves(self, challenged: bool) -> tuple[Any, Any, Any]:
        """Which of promote, stop and roll back can act."""
        can_go_back = self._services.learner.registry.state().previous is not None
        promote = stop = gr.update(interactive=challenged)
        return promote, stop, gr.update(interactive=can_go_back)

    def _told(self, step: Callable[[], str]) -> str:
        try:
            return panels.said(step(), good=True)
        except OURS as error:
            return panels.said(str(error), good=False)


def page(services: Services) -> gr.Blocks:
    """Build the page."""
    handlers = OperatePage(services)
    with gr.Blocks(title="Ratchet: operate") as blocks:
        bar(blocks, services.accounts, "Operate")
        with gr.Column(elem_classes="rt-wide"):
            numbers = gr.HTML()
            moves = _moves()
            told = gr.HTML(elem_id="rt-told")
            plot = gr.Plot(show_label=False, elem_id="rt-plot", container=False)
            with gr.Row():
                with gr.Column(min_width=320):
                    experiment_card = gr.HTML()
                with gr.Column(min_width=320):
                    lap = gr.HTML()
        drawn = gr.State(-1)
        seen = [numbers, plot, lap, experiment_card, drawn, *moves[1:]]
        blocks.load(handlers.refresh, [drawn], seen, **QUIET)
        gr.Timer(REFRESH_SECONDS).tick(handlers.refresh, [drawn], seen, **QUIET)
        _hear(handlers, moves, told)
    return blocks


def _moves() -> Moves:
    with gr.Row(elem_classes="rt-actions"):
        return Moves(
            gr.Button("Learn now", variant="primary", elem_id="rt-learn"),
            gr.Button("Promote", elem_id="rt-promote", interactive=False),
            gr.Button("Stop experiment", elem_id="rt-stop-experiment", interactive=False),
            gr.Button("Roll back", elem_id="rt-rollback", interactive=False),
        )


def _hear(handlers: OperatePage, moves: Moves, told: gr.HTML) -> None:
    moves.learn.click(handlers.learn, None, [told], **QUIET)
    for button, handler, question in (
        (moves.promote, handlers.promote, "Make the challenger the champion for everybody?"),
        (moves.stop, handlers.stop, "Stop the experiment? The challenger is retired."),
        (moves.back, handlers.rollback, "Bring the last champion back for everybody?"),
    ):
        button.click(handler, None, [told], js=SURE.format(question), **QUIET)
