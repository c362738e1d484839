"""The review page: a queue on the left, the conversation and the decision on the right, everything by keyboard."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import gradio as gr

from analytics import queries
from chatbot.api.common import OURS
from chatbot.errors import BadRequest
from chatbot.pages import findings, side_by_side, transcript
from chatbot.pages.access import person_of
from chatbot.pages.findings import RIGHT, WRONG
from chatbot.pages.look import QUIET, bar
from chatbot.reviews import KINDS, Kind, Order
from chatbot.services import Services

REFRESH_SECONDS = 10.0
ANY_KIND, ANY_FILTER = "everything", "any filter"
ORDERS: Mapping[str, Order] = {
    "oldest first": "oldest",
    "highest score": "score",
    "nearest to threshold": "doubt",
    "teaches most": "value",
}
# The conversation scrolls to the turn that waits; the page stays where it is.
TO_THE_TURN = """() => {
  const turn = document.querySelector(".rt-here"), talk = turn?.closest(".rt-talk");
  if (talk) talk.scrollTop += turn.getBoundingClientRect().top - talk.getBoundingClientRect().top - 120;
  return [];
}"""


class ReviewPage:
    """The page's handlers."""

    def __init__(self, services: Services) -> None:
        self._services, self._reviews = services, services.reviews
        self._person_of = partial(person_of, services.accounts)

    def queue(self, chosen: str | None, kind: str, filter_: str, order: str, request: gr.Request) -> Any:  # noqa: ANN401
        """The queue as choices, keeping the chosen one while it is there."""
        wanted = None if kind == ANY_KIND else cast("Kind", kind), None if filter_ == ANY_FILTER else filter_
        items, reviewer = self._reviews.queue(*wanted, ORDERS[order]), self._person_of(request)
        choices = [(transcript.label(item, reviewer), item.turn_id) for item in items]
        ids = [item.turn_id for item in items]
        return gr.update(choices=choices, value=chosen if chosen in ids else (ids[0] if ids else None))

    def show(self, turn_id: str | None) -> tuple[Any, ...]:
        """The conversation, the room for a decision on this turn, nothing decided, and the answer to be bettered."""
        waiting = queries.review_queue(self._services.store)
        here = next((row for row in waiting if row["turn_id"] == turn_id), None)
        if turn_id is None or here is None:
            return transcript.EMPTY, gr.update(visible=False), "", None, "", "", *findings.shown([], quiet=True)
        turns, found = self._reviews.conversation(turn_id), self._reviews.findings(turn_id)
        shown = transcript.conversation(turns, turn_id, here["why"], here["reason"], found)
        rows = findings.shown(found, quiet=set(here["why"]) == {"down-voted"})
        return shown, gr.update(visible=True), turn_id, None, _answer(turns, turn_id), "", *rows

    def claim(self, turn_id: str | None, kind: str, filter_: str, order: str, request: gr.Request) -> tuple[str, Any]:
        """Take the turn."""
        told = self._told(
            lambda: self._reviews.claim(turn_id or "", self._person_of(request)),
            "Yours for 10 minutes.",
        )
        return told, self.queue(turn_id, kind, filter_, order, request)

    def release(self, turn_id: str | None, kind: str, filter_: str, order: str, request: gr.Request) -> tuple[str, Any]:
        """Give the turn back."""
        told = self._told(lambda: self._reviews.release(turn_id or "", self._person_of(request)), "Released.")
        return told, self.queue(turn_id, kind, filter_, order, request)

    def save(
        self,
        turn_id: str | None,
        kind: str,
        filter_: str,
        order: str,
        shown_id: str,
        answer: str | None,
        better: str,
        note: str,
        request: gr.Request,
        *judged: Any,  # noqa: ANN401
    ) -> tuple[str, Any]:
        """Keep the decision about `shown_id`, whose form this is, and go on to the next; `judged` is of its rows."""

        def decide() -> None:
            # The queue moves on before the form does: a second press would decide the next turn by this one's words.
            if shown_id != turn_id:
                raise BadRequest("This turn is only just opening, and nothing was kept for it: look at it, then save.")
            answer_now = _answer(self._reviews.conversation(shown_id), shown_id)
            self._reviews.decide(
                shown_id,
                self._person_of(request),
                **findings.said(judged),
                answer_right=None if answer is None else answer == RIGHT,
                correction=better if better.strip() != answer_now.strip() else None,
                note=note,
            )

        return self._told(decide, "Saved."), self.queue(turn_id, kind, filter_, order, request)

    def _told(self, step: Callable[[], object], done: str) -> str:
        try:
            step()
        except OURS as error:
            return f"<p class='rt-bad'>{html.escape(str(error))}</p>"
        return f"<p class='rt-good'>{done}</p>"


@dataclass(frozen=True)
class Decision:
    """The parts that a decision is made with.

    `shown` holds the turn that the form is about. It lives in the browser, where it changes together with the form.
    """

    room: gr.Column
    shown: gr.Textbox
    rows: findings.Rows
    answer: gr.Radio
    better: gr.Textbox
    note: gr.Textbox
    save: gr.Button
    claim: gr.Button
    release: gr.Button


def page(services: Services) -> gr.Blocks:
    """Build the page."""
    handlers = ReviewPage(services)
    with gr.Blocks(title="Ratchet: review") as blocks:
        bar(blocks, services.accounts, "Review")
        with gr.Column(elem_classes="rt-wide"), gr.Tabs():
            with gr.Tab("Queue"), gr.Row():
                with gr.Column(scale=4, min_width=270):
                    wanted = _wanted([one.id for one in services.screen.installed])
                    queue = gr.Radio([], show_label=False, elem_id="rt-queue", container=False)
                with gr.Column(scale=8, min_width=300):
                    talk = gr.HTML(transcript.EMPTY)
                    decision = _decision(services.reviews.categories())
                    told = gr.HTML(elem_id="rt-told")
                    gr.HTML(transcript.keys())
            with gr.Tab("Side by side", elem_id="rt-tab-side-by-side"):
                side_by_side.tab(blocks, services)
        _hear(blocks, handlers, [queue, *wanted], talk, decision, told)
    return blocks


def _answer(turns: Sequence[Mapping[str, Any]], turn_id: str) -> str:
    return str(next(turn for turn in turns if turn["turn_id"] == turn_id)["completion"] or "")


def _wanted(filters: Sequence[str]) -> list[Any]:
    """What of the queue is shown, and in which order."""
    plain: dict[str, Any] = {"show_label": False, "container": False, "filterable": False}
    with gr.Row(elem_classes="rt-wanted"):
        return [
            gr.Dropdown([ANY_KIND, *KINDS], value=ANY_KIND, elem_id="rt-kind", **plain),
            gr.Dropdown([ANY_FILTER, *filters], value=ANY_FILTER, elem_id="rt-by", **plain),
            gr.Dropdown([*ORDERS], value=next(iter(ORDERS)), elem_id="rt-order", **plain),
        ]


def _decision(categories: Sequence[str]) -> Decision:
    with gr.Column(visible=False, elem_id="rt-decision") as room:
        shown = gr.Textbox(visible=False)
        with gr.Row():
            with gr.Column(scale=7, min_width=290):
                rows = findings.rows(categories)
            with gr.Column(scale=3, min_width=160):
                answer = gr.Radio([RIGHT, WRONG], label="The answer was", elem_id="rt-answer", elem_classes="rt-pick")
        better = gr.Textbox(label="The better answer", lines=3, elem_id="rt-better")
        note = gr.Textbox(label="Note for colleagues (optional)", lines=1, elem_id="rt-note")
        with gr.Row(elem_classes="rt-actions"):
            save = gr.Button("Save", variant="primary", elem_id="rt-save")
            claim = gr.Button("Claim", elem_id="rt-claim")
            release = gr.Button("Release", elem_id="rt-release")
    return Decision(room, shown, rows, answer, better, note, save, claim, release)


def _hear(
    blocks: gr.Blocks, handlers: ReviewPage, known: list[Any], talk: gr.HTML, decision: Decision, told: gr.HTML
) -> None:
    queue, *wanted = known
    made = [decision.shown, decision.answer, decision.better, decision.note, *decision.rows.parts]
    blocks.load(handlers.queue, known, [queue], **QUIET)
    gr.Timer(REFRESH_SECONDS).tick(handlers.queue, known, [queue], **QUIET)
    for choice in wanted:
        choice.change(handlers.queue, known, [queue], **QUIET)
    queue.change(handlers.show, [queue], [talk, decision.room, *made], **QUIET).then(None, js=TO_THE_TURN)
    decision.claim.click(handlers.claim, known, [told, queue], **QUIET)
    decision.release.click(handlers.release, known, [told, queue], **QUIET)
    decision.save.click(handlers.save, [*known, *made], [told, queue], **QUIET)
