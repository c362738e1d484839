"""The review page: a queue on the left, the conversation and the decision on the right, everything by keyboard."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from chatbot.errors import ChatbotError
from chatbot.pages.access import caller_of
from chatbot.pages.look import header
from chatbot.reviews import ReviewItem
from chatbot.services import Services

REFRESH_SECONDS = 10.0
LABEL_CHARACTERS = 70
KEYS = (
    ("j k", "next, previous"), ("c", "claim"), ("1 2", "filter right, wrong"), ("3 4", "answer right, wrong"),
    ("e", "write the better answer"), ("Esc", "leave it"), ("s", "save"), ("r", "release"),
)  # fmt: skip
RIGHT, WRONG = "right", "wrong"
EMPTY = (
    "<div class='rt-card'><h3>Nothing waits</h3>"
    "<p class='rt-soft'>Flagged, down-voted and appealed answers come here.</p></div>"
)


class ReviewPage:
    """The page's handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def queue(self, chosen: str | None) -> Any:  # noqa: ANN401
        """The queue as choices, keeping the chosen one while it is there."""
        items = self._services.reviews.queue()
        choices = [(_label(item), item.turn_id) for item in items]
        ids = [item.turn_id for item in items]
        return gr.update(choices=choices, value=chosen if chosen in ids else (ids[0] if ids else None))

    def show(self, turn_id: str | None) -> tuple[str, str, str]:
        """The conversation around a turn, and the answer to start the better one from."""
        if turn_id is None:
            return EMPTY, "", ""
        turns = self._services.reviews.conversation(turn_id)
        here = next(turn for turn in turns if turn["turn_id"] == turn_id)
        return _talk(turns, turn_id), here["completion"] or "", ""

    def claim(self, turn_id: str | None, request: gr.Request) -> str:
        """Take the turn."""
        return self._told(
            lambda: self._services.reviews.claim(turn_id or "", self._who(request)), "Yours for 10 minutes."
        )

    def release(self, turn_id: str | None, request: gr.Request) -> str:
        """Give the turn back."""
        return self._told(lambda: self._services.reviews.release(turn_id or "", self._who(request)), "Released.")

    def save(
        self, turn_id: str | None, filter_: str | None, answer: str | None, better: str, note: str, request: gr.Request
    ) -> tuple[str, Any]:
        """Keep the decision and go on to the next."""

        def decide() -> None:
            turns = self._services.reviews.conversation(turn_id or "")
            here = next(turn for turn in turns if turn["turn_id"] == turn_id)
            self._services.reviews.decide(
                turn_id or "",
                self._who(request),
                filter_right=None if filter_ is None else filter_ == RIGHT,
                answer_right=None if answer is None else answer == RIGHT,
                correction=better if better.strip() != (here["completion"] or "").strip() else None,
                note=note,
            )

        return self._told(decide, "Saved."), self.queue(turn_id)

    def _who(self, request: gr.Request) -> str:
        return caller_of(self._services.accounts, request.request).person

    def _told(self, step: Any, done: str) -> str:  # noqa: ANN401
        try:
            step()
        except ChatbotError as error:
            return f"<p class='rt-bad'>{html.escape(str(error))}</p>"
        return f"<p class='rt-good'>{done}</p>"


def page(services: Services) -> gr.Blocks:
    """Build the page."""
    handlers = ReviewPage(services)
    quiet = {"show_progress": "hidden"}
    with gr.Blocks(title="Ratchet: review") as blocks:
        gr.HTML(header("Review"))
        with gr.Row(elem_classes="rt-wide"):
            with gr.Column(scale=4, min_width=270):
                queue = gr.Radio([], show_label=False, elem_id="rt-queue", container=False)
            with gr.Column(scale=8, min_width=300):
                talk = gr.HTML(EMPTY)
                with gr.Row():
                    filter_, filter_buttons = _pair("Filter", "rt-filter")
                    answer, answer_buttons = _pair("Answer", "rt-answer")
                better = gr.Textbox(label="The better answer", lines=4, elem_id="rt-better")
                note = gr.Textbox(label="Note for colleagues (optional)", lines=1)
                with gr.Row(elem_classes="rt-actions"):
                    save = gr.Button("Save", variant="primary", elem_id="rt-save")
                    claim = gr.Button("Claim", elem_id="rt-claim")
                    release = gr.Button("Release", elem_id="rt-release")
                told = gr.HTML(elem_id="rt-told")
                gr.HTML("<div class='rt-keys'>" + "".join(f"<kbd>{key}</kbd>{what}" for key, what in KEYS) + "</div>")
        buttons = [*filter_buttons, *answer_buttons]
        cleared = [filter_, answer, *buttons]
        blocks.load(handlers.queue, [queue], [queue], **quiet)
        gr.Timer(REFRESH_SECONDS).tick(handlers.queue, [queue], [queue], **quiet)
        queue.change(handlers.show, [queue], [talk, better, note], **quiet).then(
            lambda: (None, None, *(gr.update(elem_classes=[]) for _ in buttons)), None, cleared, **quiet
        )
        claim.click(handlers.claim, [queue], [told], **quiet).then(handlers.queue, [queue], [queue], **quiet)
        release.click(handlers.release, [queue], [told], **quiet).then(handlers.queue, [queue], [queue], **quiet)
        save.click(handlers.save, [queue, filter_, answer, better, note], [told, queue], **quiet)
    return blocks


def _pair(name: str, stem: str) -> tuple[gr.State, list[gr.Button]]:
    """Two buttons of which one is chosen; the state holds which."""
    chosen = gr.State(None)
    with gr.Column(min_width=200):
        gr.HTML(f"<span class='rt-soft'>{name}</span>")
        with gr.Row(elem_classes="rt-actions"):
            right = gr.Button("right", size="sm", elem_id=f"{stem}-right")
            wrong = gr.Button("wrong", size="sm", elem_id=f"{stem}-wrong")
    for value in (RIGHT, WRONG):
        button = right if value == RIGHT else wrong

        def choose(value: str = value) -> tuple[Any, ...]:
            classes = [["rt-chosen"] if one == value else [] for one in (RIGHT, WRONG)]
            return value, *(gr.update(elem_classes=some) for some in classes)

        button.click(choose, None, [chosen, right, wrong], show_progress="hidden")
    return chosen, [right, wrong]


def _label(item: ReviewItem) -> str:
    age = _age(item.at)
    held = " · claimed" if item.claimed_by else ""
    question = item.question if len(item.question) <= LABEL_CHARACTERS else item.question[:LABEL_CHARACTERS] + " …"
    return f"{question}\n{', '.join(item.why)} · {age}{held}"


def _age(at: datetime) -> str:
    minutes = int((datetime.now(UTC) - at).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    return f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago"


def _talk(turns: list[dict[str, Any]], here: str) -> str:
    parts = []
    for turn in turns:
        mark = " rt-here" if turn["turn_id"] == here else ""
        vote = {1: " · thumb up", -1: " · thumb down"}.get(turn["vote"], "")
        parts.append(f"<div class='rt-said rt-user'>{html.escape(turn['messages'][-1]['content'])}</div>")
        parts.append(f"<div class='rt-said rt-bot{mark}'>{html.escape(turn['completion'] or '(interrupted)')}</div>")
        parts.append(f"<div class='rt-mark'>{html.escape(turn['adapter'])} · {turn['finish_reason']}{vote}</div>")
    return f"<div class='rt-card rt-talk'><h3>The conversation</h3>{''.join(parts)}</div>"
