"""The operate page: what is served, how satisfied people are, the lap, the experiment, and what moves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from chatbot.accounts import Caller
from chatbot.api.common import OURS
from chatbot.pages import experiment, panels, rollout
from chatbot.pages.access import person_of
from chatbot.pages.look import QUIET, bar
from chatbot.pages.plot import satisfaction
from chatbot.proposals import who
from chatbot.services import Services
from learner import NoExperiment

REFRESH_SECONDS = 2.0
HOURS = 24.0 * 7
SURE = "() => {{ if (!confirm('{}')) throw new Error('cancelled'); return []; }}"


class Moves(NamedTuple):
    """The buttons that move the loop."""

    learn: gr.Button
    promote: gr.Button
    stop: gr.Button
    back: gr.Button
    approve: gr.Button
    withdraw: gr.Button


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
        return *parts, rollout.panel(state), votes, *self._moves(state)

    def learn(self, request: gr.Request) -> str:
        """Start a lap."""
        return self._told(lambda: f"The lap {self._services.operator.learn()} has started.")

    def promote(self, request: gr.Request) -> str:
        """Promote the proven challenger, or send it on its way."""

        def promote() -> str:
            caller = self._services.accounts.caller(request.request, by_key=False)
            champion = self._services.operator.promote(actor=caller.person, person=who(caller))
            share = self._services.learner.registry.state().rollout
            return f"{share:.0%} of all people get it now." if share else f"{champion} is the champion now."

        return self._told(promote)

    def approve(self, request: gr.Request) -> str:
        """Approve of the challenger."""

        def approve(adapter: str, caller: Caller) -> str:
            self._services.learner.approve(adapter, who(caller), caller.name, "on the operate page")
            return f"You approve of {adapter}."

        return self._told(partial(self._of_challenger, request, approve))

    def withdraw(self, request: gr.Request) -> str:
        """Take the approval back."""

        def withdraw(adapter: str, caller: Caller) -> str:
            self._services.learner.policy.withdraw(adapter, who(caller), caller.name, "on the operate page")
            return f"You do not approve of {adapter} any more."

        return self._told(partial(self._of_challenger, request, withdraw))

    def _of_challenger(self, request: gr.Request, step: Callable[[str, Caller], str]) -> str:
        challenger = self._services.learner.registry.state().challenger
        if challenger is None:
            raise NoExperiment("There is no challenger any more.")
        return step(challenger.adapter, self._services.accounts.caller(request.request, by_key=False))

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

    def _moves(self, state: Mapping[str, Any]) -> tuple[Any, ...]:
        """Which of promote, stop, roll back, approve and take back can act."""
        live, waiting = self._services.learner.registry.state(), state["promotion"]
        can_go_back = live.previous is not None or bool(live.rollout)
        asked = waiting is not None and waiting["needed"] > 0 and not live.rollout
        return (
            gr.update(interactive=live.challenger is not None and not live.rollout),
            gr.update(interactive=live.challenger is not None),
            gr.update(interactive=can_go_back),
            gr.update(visible=asked),
            gr.update(visible=asked and bool(waiting["approvals"])),
        )

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
            on_the_way = gr.HTML(elem_id="rt-rollout")
            with gr.Row():
                with gr.Column(min_width=320):
                    experiment_card = gr.HTML()
                with gr.Column(min_width=320):
                    lap = gr.HTML()
        drawn = gr.State(-1)
        seen = [numbers, plot, lap, experiment_card, on_the_way, drawn, *moves[1:]]
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
            gr.Button("Approve", elem_id="rt-approve", visible=False),
            gr.Button("Take approval back", elem_id="rt-withdraw", visible=False),
        )


def _hear(handlers: OperatePage, moves: Moves, told: gr.HTML) -> None:
    moves.learn.click(handlers.learn, None, [told], **QUIET)
    for button, handler, question in (
        (moves.promote, handlers.promote, "Send the challenger on its way to everybody?"),
        (moves.stop, handlers.stop, "Stop the experiment? The challenger is retired."),
        (moves.back, handlers.rollback, "Bring the last champion back for everybody?"),
        (moves.approve, handlers.approve, "Do you approve of the challenger as the next champion?"),
        (moves.withdraw, handlers.withdraw, "Take your approval back?"),
    ):
        button.click(handler, None, [told], js=SURE.format(question), **QUIET)
