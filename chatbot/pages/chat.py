"""The chat page: ask, stop, regenerate, rate, rewrite, compare. Ids of turns stay on the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from chatbot import conversations
from chatbot.errors import ChatbotError
from chatbot.feedback import REASONS
from chatbot.model import Model
from chatbot.pages.access import caller_of
from chatbot.pages.look import header
from chatbot.services import Services
from chatbot.turn import Begun, Delta, Done, TurnRequest
from learner import LearnerError

YIELD_SECONDS = 0.08  # between two updates of a streaming answer; more often only costs
WAKING_SECONDS = 180.0
STORAGE_KEY = "ratchet-conversation"
EXAMPLES = ("How long does delivery take?", "How do I send something back?", "My parcel came damaged", "Who are you?")
MOST_TOKENS = 512
WAKING = "*The model is waking up …*"

History = list[dict[str, Any]]


@dataclass
class Talk:
    """One browser tab's conversation: the turn behind every message, by its place; `first` waits for a comparison."""

    conversation_id: str | None = None
    turns: dict[int, str] = field(default_factory=dict)
    about: str | None = None
    first: str | None = None
    blocked: str | None = None


class ChatPage:
    """The page's handlers; one object serves everybody, and what belongs to somebody travels in `Talk`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def open(self, stored: str | None, request: gr.Request) -> tuple[History, Talk, str]:
        """Bring the last conversation of this browser back."""
        person, talk = self._person(request), Talk()
        turns = conversations.shown(self._services.store, stored) if stored else []
        if not turns or turns[0]["person"] != person:
            return [], talk, self._consent_text(person)
        talk.conversation_id = stored
        history: History = []
        for turn in turns:
            history.append(_message("user", turn["messages"][-1]["content"]))
            talk.turns[len(history)] = turn["turn_id"]
            history.append(_message("assistant", turn["completion"] or "*This answer was interrupted.*"))
        return history, talk, self._consent_text(person)

    async def ask(self, text: str, history: History, talk: Talk, request: gr.Request) -> AsyncIterator[tuple[Any, ...]]:
        """Answer a message, piece by piece."""
        if not text.strip():
            yield history, talk, talk.conversation_id
            return
        history = [*history, _message("user", text)]
        messages = await asyncio.to_thread(
            conversations.next_messages, self._services.store, talk.conversation_id, text.strip()
        )
        async for step in self._stream(messages, history, talk, request, None):
            yield step

    async def again(
        self, place: int, history: History, talk: Talk, request: gr.Request
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Answer the same message once more; the two answers can be compared then."""
        place = next((at for at in range(place, len(history)) if at in talk.turns), -1)
        first = talk.turns.get(place)
        if first is None:
            yield history, talk, talk.conversation_id
            return
        talk.turns = {at: turn for at, turn in talk.turns.items() if at < place}
        messages = await asyncio.to_thread(conversations.sibling_messages, self._services.store, first)
        async for step in self._stream(messages, history[:place], talk, request, first):
            yield step
        if place in talk.turns:
            talk.first = first

    def rate(self, place: int, liked: bool | str, talk: Talk, request: gr.Request) -> str:
        """Keep a thumb; returns the receipt as text."""
        turn_id = talk.turns.get(place)
        if turn_id is None:
            return "That answer is not finished yet."
        talk.about = turn_id
        return self._give(request, turn_id, vote=1 if liked in (True, "Like") else -1)

    def explain(self, reasons: list[str], comment: str, talk: Talk, request: gr.Request) -> str:
        """Keep why an answer was bad."""
        if talk.about is None or not (reasons or comment.strip()):
            return "Choose a reason or write a few words."
        return self._give(request, talk.about, reasons=reasons, comment=comment.strip() or None)

    def rewrite(self, place: int, text: str, talk: Talk, request: gr.Request) -> str:
        """Keep the answer as the person would have written it."""
        turn_id = talk.turns.get(place)
        if turn_id is None:
            return "That answer is not finished yet."
        talk.about = turn_id
        return self._give(request, turn_id, rewrite=text)

    def compare(self, second_is_better: bool, talk: Talk, request: gr.Request) -> str:
        """Keep which of two answers was better."""
        first, talk.first = talk.first, None
        second = max(talk.turns.items(), default=(0, None))[1]
        if first is None or second is None:
            return "There is nothing to compare any more."
        better, worse = (second, first) if second_is_better else (first, second)
        talk.about = better
        return self._give(request, better, preferred_over=worse)

    def appeal(self, comment: str, talk: Talk, request: gr.Request) -> str:
        """Ask a person to look at what the filter stopped."""
        if talk.blocked is None:
            return "There is nothing to appeal."
        number = self._services.feedbacks.appeal(self._person(request), talk.blocked, comment.strip())
        talk.blocked = None
        return f"A person will look at it. Receipt {number}."

    def must_ask(self, request: gr.Request) -> bool:
        """Whether the person was never asked if their feedback may be learned from."""
        return self._services.feedbacks.consent(self._person(request)) is None

    def agree(self, given: bool, request: gr.Request) -> str:
        """Keep the person's consent, or their refusal."""
        person = self._person(request)
        self._services.feedbacks.set_consent(person, given)
        return self._consent_text(person)

    def change_consent(self, request: gr.Request) -> str:
        """Turn the consent around."""
        return self.agree(not self._services.feedbacks.consent(self._person(request)), request)

    async def _stream(
        self,
        messages: list[dict[str, str]],
        history: History,
        talk: Talk,
        request: gr.Request,
        sibling_of: str | None,
    ) -> AsyncIterator[tuple[Any, ...]]:
        place, shown, drawn = len(history), "", 0.0
        talk.first = talk.blocked = None

        def view(text: str) -> tuple[Any, ...]:
            return [*history, _message("assistant", text)], talk, talk.conversation_id

        try:
            if not self._services.engine.ready:
                yield view(WAKING)
                await self._awake()
            asked = TurnRequest(
                person=self._person(request),
                messages=messages,
                source="page",
                conversation_id=talk.conversation_id,
                parameters={"max_tokens": MOST_TOKENS},
                sibling_of=sibling_of,
            )
            async with aclosing(self._services.turns.run(asked)) as steps:
                async for step in steps:
                    if isinstance(step, Begun):
                        talk.conversation_id, talk.turns[place] = step.conversation_id, step.turn_id
                    elif isinstance(step, Delta):
                        shown += step.text
                        if time.monotonic() - drawn > YIELD_SECONDS:
                            drawn = time.monotonic()
                            yield view(shown)
                    elif isinstance(step, Done) and step.finish_reason == "content_filter":
                        talk.blocked = step.turn_id
            yield view(shown)
        except (ChatbotError, LearnerError) as error:
            talk.turns.pop(place, None)
            yield view(f"{shown}\n\n*{error}*".strip())

    async def _awake(self) -> None:
        until = time.monotonic() + WAKING_SECONDS
        while not self._services.engine.ready and time.monotonic() < until:  # noqa: ASYNC110 - readiness is a flag
            await asyncio.sleep(0.3)

    def _give(self, request: gr.Request, turn_id: str, **given: Any) -> str:  # noqa: ANN401
        try:
            receipt = self._services.feedbacks.give(self._person(request), turn_id, **given)
        except ChatbotError as error:
            return str(error)
        return f"Thank you. Receipt {receipt.receipt}. {receipt.judged or ''}".strip()

    def _person(self, request: gr.Request) -> str:
        return caller_of(self._services.accounts, request.request).person

    def _consent_text(self, person: str) -> str:
        given = self._services.feedbacks.consent(person)
        if given is None:
            return "Learning from you: not asked yet"
        return f"Learning from you: {'on' if given else 'off'}"


def page(services: Services) -> gr.Blocks:
    """Build the page."""
    handlers = ChatPage(services)
    with gr.Blocks(title="Ratchet") as blocks:
        gr.HTML(header("Chat", _badge(services.model)))
        talk, stored = gr.State(Talk()), gr.BrowserState(None, storage_key=STORAGE_KEY, secret="conversation")  # noqa: S106
        with gr.Column(elem_id="rt-column"):
            chat = _chatbot(services.model)
            receipt_note, receipt, reasons, comment, send = _receipt_note()
            consent_note, yes, no = _consent_note()
            compare_note, first, second, same = _compare_note()
            appeal_note, appeal_text, appeal_button = _appeal_note()
            with gr.Row(elem_id="rt-composer"):
                box = gr.Textbox(
                    placeholder="Write a message …", show_label=False, container=False, scale=8, autofocus=True
                )
                ask = gr.Button("Send", variant="primary", elem_id="rt-send")
                stop = gr.Button("Stop", visible=False, elem_id="rt-stop")
            with gr.Row(elem_classes="rt-foot"):
                new = gr.Button("New conversation", elem_id="rt-new")
                consent = gr.Button("Learning from you: not asked yet", elem_id="rt-consent")

        notes = [consent_note, receipt_note, compare_note, appeal_note]
        out = [chat, talk, stored]
        blocks.load(handlers.open, [stored], [chat, talk, consent])

        def busy() -> tuple[Any, ...]:
            hidden = [gr.update(visible=False) for _ in notes]
            return (gr.update(visible=False), gr.update(visible=True), *hidden)

        def idle(state: Talk) -> tuple[Any, ...]:
            waits = (state.first is not None, state.blocked is not None)
            return (gr.update(visible=True), gr.update(visible=False), *(gr.update(visible=one) for one in waits))

        def take(text: str) -> tuple[str, str]:
            return "", text

        pending = gr.State("")
        after = [ask, stop, compare_note, appeal_note]
        streams = []
        for event in (box.submit, ask.click):
            taken = event(take, [box], [box, pending], show_progress="hidden").then(
                busy, None, [ask, stop, *notes], show_progress="hidden"
            )
            streams.append(taken.then(handlers.ask, [pending, chat, talk], out, show_progress="hidden"))

        async def retry(data: gr.RetryData, history: History, state: Talk, request: gr.Request) -> AsyncIterator[Any]:
            async for step in handlers.again(_place(data.index), history, state, request):
                yield step

        async def example(
            data: gr.SelectData, history: History, state: Talk, request: gr.Request
        ) -> AsyncIterator[Any]:
            async for step in handlers.ask(data.value["text"], history, state, request):
                yield step

        for event in (chat.retry, chat.example_select):
            event(busy, None, [ask, stop, *notes], show_progress="hidden")
        streams.append(chat.retry(retry, [chat, talk], out, show_progress="hidden"))
        streams.append(chat.example_select(example, [chat, talk], out, show_progress="hidden"))
        for stream in streams:
            stream.then(idle, [talk], after, show_progress="hidden")
        stop.click(idle, [talk], after, cancels=streams, show_progress="hidden")

        said = [receipt, receipt_note, reasons, comment, send, consent_note]

        def told(text: str, asks_why: bool, request: gr.Request) -> tuple[Any, ...]:
            why = gr.update(visible=asks_why)
            clear_reasons, clear_comment = gr.update(visible=asks_why, value=[]), gr.update(visible=asks_why, value="")
            ask_consent = gr.update(visible=handlers.must_ask(request))
            return f"<p>{text}</p>", gr.update(visible=True), clear_reasons, clear_comment, why, ask_consent

        def like(data: gr.LikeData, state: Talk, request: gr.Request) -> tuple[Any, ...]:
            text = handlers.rate(_place(data.index), data.liked, state, request)
            return told(text, data.liked not in (True, "Like"), request)

        def edit(data: gr.EditData, history: History, state: Talk, request: gr.Request) -> tuple[Any, ...]:
            place = _place(data.index)
            if place not in state.turns:
                return told("Only answers can be rewritten.", False, request)
            return told(handlers.rewrite(place, str(data.value), state, request), False, request)

        def explain(chosen: list[str], words: str, state: Talk, request: gr.Request) -> tuple[Any, ...]:
            return told(handlers.explain(chosen, words, state, request), False, request)

        def prefer(second_is_better: bool) -> Any:  # noqa: ANN401
            def handle(state: Talk, request: gr.Request) -> tuple[Any, ...]:
                return (
                    *told(handlers.compare(second_is_better, state, request), False, request),
                    gr.update(visible=False),
                )

            return handle

        def object_(words: str, state: Talk, request: gr.Request) -> tuple[Any, ...]:
            return (*told(handlers.appeal(words, state, request), False, request), gr.update(visible=False))

        def agree(given: bool) -> Any:  # noqa: ANN401
            def handle(request: gr.Request) -> tuple[str, Any]:
                return handlers.agree(given, request), gr.update(visible=False)

            return handle

        def start_over() -> tuple[Any, ...]:
            return [], Talk(), None, *(gr.update(visible=False) for _ in notes)

        quiet = {"show_progress": "hidden"}
        chat.like(like, [talk], said, **quiet)
        chat.edit(edit, [chat, talk], said, **quiet)
        send.click(explain, [reasons, comment, talk], said, **quiet)
        first.click(prefer(False), [talk], [*said, compare_note], **quiet)
        second.click(prefer(True), [talk], [*said, compare_note], **quiet)
        same.click(lambda: gr.update(visible=False), None, [compare_note], **quiet)
        appeal_button.click(object_, [appeal_text, talk], [*said, appeal_note], **quiet)
        yes.click(agree(True), None, [consent, consent_note], **quiet)
        no.click(agree(False), None, [consent, consent_note], **quiet)
        consent.click(handlers.change_consent, None, [consent], **quiet)
        new.click(start_over, None, [chat, talk, stored, *notes], **quiet)
    return blocks


def _chatbot(model: Model) -> gr.Chatbot:
    examples = [{"text": text} for text in EXAMPLES] if model.is_starter else None
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
        examples=examples,
        allow_tags=False,
        group_consecutive_messages=False,
        height=None,
    )


def _consent_note() -> tuple[gr.Column, gr.Button, gr.Button]:
    with gr.Column(visible=False, elem_classes="rt-note", elem_id="rt-ask-consent") as note:
        gr.HTML(
            "<p><b>May we learn from this?</b> With a yes, your votes and rewrites help to train the next version of "
            "the model. You can change it below at any time.</p>"
        )
        with gr.Row():
            yes = gr.Button("Yes, learn from it", variant="primary", size="sm")
            no = gr.Button("No, keep it out", size="sm")
    return note, yes, no


def _receipt_note() -> tuple[gr.Column, gr.HTML, gr.CheckboxGroup, gr.Textbox, gr.Button]:
    with gr.Column(visible=False, elem_classes="rt-note", elem_id="rt-receipt") as note:
        receipt = gr.HTML()
        reasons = gr.CheckboxGroup(list(REASONS), show_label=False, container=False)
        comment = gr.Textbox(placeholder="What should it have said? (optional)", show_label=False, container=False)
        send = gr.Button("Send", size="sm", elem_id="rt-why")
    return note, receipt, reasons, comment, send


def _compare_note() -> tuple[gr.Column, gr.Button, gr.Button, gr.Button]:
    with gr.Column(visible=False, elem_classes="rt-note", elem_id="rt-compare") as note:
        gr.HTML("<p>Which answer was better?</p>")
        with gr.Row():
            first = gr.Button("The one before", size="sm")
            second = gr.Button("This one", size="sm")
            same = gr.Button("No difference", size="sm")
    return note, first, second, same


def _appeal_note() -> tuple[gr.Column, gr.Textbox, gr.Button]:
    with gr.Column(visible=False, elem_classes="rt-note", elem_id="rt-appeal") as note:
        gr.HTML("<p>A safety filter stopped this. If it was wrong, a person will look at it.</p>")
        text = gr.Textbox(placeholder="What did you mean? (optional)", show_label=False, container=False)
        button = gr.Button("Appeal", size="sm")
    return note, text, button


def _badge(model: Model) -> str:
    if not model.is_starter:
        return ""
    return (
        "<details class='rt-pill'><summary>Demo model</summary><div>This is a small model that ships with Ratchet and "
        "knows only a shop that was made up for it. To chat with a real one:"
        "<p><code>./ratchet up --model Qwen/Qwen3-0.6B</code></p></div></details>"
    )


def _message(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def _place(index: int | tuple[int, int] | list[int]) -> int:
    return index if isinstance(index, int) else index[0]
