"""The parts of the chat page and where they stand."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import gradio as gr

from chatbot.consent import CURRENT, QUESTIONS
from chatbot.feedback import REASONS
from chatbot.model import Model
from chatbot.pages.talk import Tab

STORAGE_KEY = "ratchet-conversation"
EXAMPLES = ("How long does delivery take?", "How do I send something back?", "My parcel came damaged", "Who are you?")


class Composer(NamedTuple):
    """Where a message is written; of the two buttons, the one that can act is there."""

    box: gr.Textbox
    send: gr.Button
    stop: gr.Button


class ReceiptNote(NamedTuple):
    """What became of somebody's feedback, and after a thumb down the question why."""

    note: gr.Column
    text: gr.HTML
    reasons: gr.CheckboxGroup
    comment: gr.Textbox
    send: gr.Button


# The button by which one begins, and which says that this is one.
TEMPORARY: Mapping[bool, str] = {False: "Temporary chat", True: "Temporary chat: on"}


class ConsentNote(NamedTuple):
    """The question if feedback may be learned from."""

    note: gr.Column
    yes: gr.Button
    no: gr.Button


class CompareNote(NamedTuple):
    """The question which of two answers was better, with the earlier one, which is not on show any more."""

    note: gr.Column
    earlier: gr.HTML
    first: gr.Button
    second: gr.Button
    same: gr.Button


class PairNote(NamedTuple):
    """Two answers side by side, and what can be found of them."""

    note: gr.Column
    answers: gr.HTML
    left: gr.Button
    right: gr.Button
    tie: gr.Button
    both_bad: gr.Button


class OfferNote(NamedTuple):
    """The question whether somebody would compare the answer with another one."""

    note: gr.Column
    text: gr.HTML
    yes: gr.Button
    no: gr.Button


class AppealNote(NamedTuple):
    """The way to a person when a filter stopped something."""

    note: gr.Column
    comment: gr.Textbox
    send: gr.Button


@dataclass(frozen=True)
class ChatLayout:
    """Everything on the page that can be heard or changed."""

    chat: gr.Chatbot
    tab: gr.State
    stored: gr.BrowserState
    composer: Composer
    receipt: ReceiptNote
    consent: ConsentNote
    compare: CompareNote
    offer: OfferNote
    pair: PairNote
    appeal: AppealNote
    new: gr.Button
    temporary: gr.Button
    learning: gr.Button

    @property
    def notes(self) -> list[gr.Column]:
        """The notes between the chat and the composer."""
        return [
            self.receipt.note, self.compare.note, self.offer.note, self.pair.note, self.appeal.note, self.consent.note
        ]  # fmt: skip


def lay_out(model: Model) -> ChatLayout:
    """Lay the page out, from top to bottom, in the Blocks that are open."""
    tab = gr.State(Tab())
    stored = gr.BrowserState(None, storage_key=STORAGE_KEY, secret="conversation")  # noqa: S106 - an id, not a secret
    with gr.Column(elem_id="rt-column"):
        chat = _chat(model)
        receipt, compare, offer, pair = _receipt_note(), _compare_note(), _offer_note(), _pair_note()
        appeal, consent = _appeal_note(), _consent_note()
        composer = _composer()
        with gr.Row(elem_classes="rt-foot"):
            new = gr.Button("New conversation", elem_id="rt-new")
            temporary = gr.Button(TEMPORARY[False], elem_id="rt-temporary")
            learning = gr.Button("Learning from you", elem_id="rt-learning")
            gr.Button("Your data", link="/erase-me", elem_id="rt-your-data")
    return ChatLayout(
        chat, tab, stored, composer, receipt, consent, compare, offer, pair, appeal, new, temporary, learning
    )


def earlier_answer(answer: str) -> str:
    """The answer before a regenerated one, to be compared with it."""
    return (
        "<p><b>Which answer was better?</b></p>"
        f"<div class='rt-earlier'><span>The one before</span><div>{html.escape(answer)}</div></div>"
    )


def side_by_side(left: str, right: str) -> str:
    """Two answers to one message."""
    cards = (
        f"<div class='rt-earlier'><span>Answer {name}</span><div>{html.escape(text)}</div></div>"
        for name, text in (("A", left), ("B", right))
    )
    return f"<p><b>Which answer is better?</b> The chat goes on with it.</p><div class='rt-pair'>{''.join(cards)}</div>"


def _chat(model: Model) -> gr.Chatbot:
    hello = "### Hello. What can I do for you?"
    hello += "\nI am the help desk of Fernway, a shop for home and garden." if model.is_starter else ""
    return gr.Chatbot(
        elem_id="rt-chat",
        show_label=False,
        container=False,
        layout="bubble",
        buttons=["copy"],
        editable="all",
        feedback_options=("Like", "Dislike"),
        placeholder=hello,
        examples=[{"text": text} for text in EXAMPLES] if model.is_starter else None,
        allow_tags=False,
        group_consecutive_messages=False,
        height=None,
    )


def _composer() -> Composer:
    with gr.Row(elem_id="rt-composer"):
        box = gr.Textbox(placeholder="Write a message …", show_label=False, container=False, scale=8, autofocus=True)
        send = gr.Button("Send", variant="primary", elem_id="rt-send")
        stop = gr.Button("Stop", visible=False, elem_id="rt-stop")
    return Composer(box, send, stop)


def _receipt_note() -> ReceiptNote:
    with gr.Column(visible=False, elem_classes="rt-note", elem_id="rt-receipt") as note:
        text = gr.HTML()
        reasons = gr.CheckboxGroup(list(REASONS), show_label=False, container=False, elem_classes="rt-chips")
        with gr.Row(elem_classes="rt-line"):
            comment = gr.Textbox(placeholder="What should it have said?", show_label=False, container=False, scale=8)
            send = gr.Button("Send", size="sm", elem_id="rt-why")
    return ReceiptNote(note, text, reasons, comment, send)


def _compare_note() -> CompareNote:
    with gr.Column(visible=False, elem_classes="rt-note", elem_id="rt-compare") as note:
        earlier = gr.HTML()
        with gr.Row(elem_classes="rt-line"):
            first = gr.Button("The one before", size="sm")
            second = gr.Button("This one", size="sm")
            same = gr.Button("No difference", size="sm")
    return CompareNote(note, earlier, first, second, same)


def _pair_note() -> PairNote:
    with gr.Column(visible=False, elem_classes="rt-note", elem_id="rt-pair") as note:
        answers = gr.HTML()
        with gr.Row(elem_classes="rt-line"):
            left = gr.Button("A is better", size="sm")
            right = gr.Button("B is better", size="sm")
            tie = gr.Button("A tie", size="sm")
            both_bad = gr.Button("Both are bad", size="sm")
    return PairNote(note, answers, left, right, tie, both_bad)


def offered(why: str) -> str:
    """The question for a comparison, and why it is asked."""
    return f"<p><b>Would you compare this with another answer?</b> {html.escape(why)}</p>"


def _offer_note() -> OfferNote:
    with gr.Column(visible=False, elem_classes="rt-note", elem_id="rt-offer") as note:
        text = gr.HTML()
        with gr.Row(elem_classes="rt-line"):
            yes = gr.Button("Show me another", variant="primary", size="sm")
            no = gr.Button("Not now", size="sm")
    return OfferNote(note, text, yes, no)


def _appeal_note() -> AppealNote:
    with gr.Column(visible=False, elem_classes="rt-note", elem_id="rt-appeal") as note:
        gr.HTML("<p>A safety filter stopped this. If it should not have, say so, and a person will look at it.</p>")
        with gr.Row(elem_classes="rt-line"):
            comment = gr.Textbox(
                placeholder="What did you mean? (optional)", show_label=False, container=False, scale=8
            )
            send = gr.Button("This was wrong", variant="primary", size="sm", elem_id="rt-this-was-wrong")
    return AppealNote(note, comment, send)


def _consent_note() -> ConsentNote:
    with gr.Column(visible=False, elem_classes="rt-note", elem_id="rt-ask-consent") as note:
        question = QUESTIONS[CURRENT]
        gr.HTML(f"<p><b>{html.escape(question.title)}</b> {html.escape(question.text)}</p>")
        with gr.Row(elem_classes="rt-line"):
            yes = gr.Button("Yes, learn from it", variant="primary", size="sm")
            no = gr.Button("No, keep it out", size="sm")
    return ConsentNote(note, yes, no)


def badge(model: Model) -> str:
    """What the demo model says of itself, in the bar on top."""
    if not model.is_starter:
        return ""
    return (
        "<details class='rt-pill'><summary>Demo model</summary><div>This is a small model that ships with Ratchet and "
        "knows only a shop that was made up for it. To chat with a real one:"
        "<p><code>./ratchet up --model Qwen/Qwen3-0.6B</code></p></div></details>"
    )
