"""The chat page: ask, stop, regenerate, rate, rewrite, compare."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import gradio as gr

from chatbot import conversations
from chatbot.both_arms import Choice
from chatbot.pages.answers import INTERRUPTED, TWO, Answers
from chatbot.pages.layout import TEMPORARY, ChatLayout, badge, earlier_answer, lay_out, offered, side_by_side
from chatbot.pages.look import QUIET, bar
from chatbot.pages.ratings import Ratings
from chatbot.pages.talk import History, Tab, Talk, message
from chatbot.services import Services

Updates = tuple[Any, ...]
NOTHING_SAID: tuple[list[str], str] = ([], "")
NOTES = 6  # of `ChatLayout.notes`
HIDDEN, SHOWN = gr.update(visible=False), gr.update(visible=True)


def page(services: Services) -> gr.Blocks:
    """Build the page."""
    answers, ratings = Answers(services), Ratings(services)
    with gr.Blocks(title="Ratchet") as blocks:
        bar(blocks, services.accounts, "Chat", badge(services.model))
        parts = lay_out(services.model)
        _hear_opening(blocks, parts, answers, ratings)
        streams = _hear_asking(parts, answers)
        _hear_ending(parts, streams, services, ratings)
        _hear_rating(parts, ratings)
        _hear_copying(parts, ratings)
        _hear_comparing(parts, ratings)
        _hear_choosing(parts, ratings)
        _hear_appealing(parts, ratings)
        _hear_consent(parts, ratings)
    return blocks


def _hear_opening(blocks: gr.Blocks, parts: ChatLayout, answers: Answers, ratings: Ratings) -> None:
    def open_page(stored: str | None, tab: Tab, request: gr.Request) -> Updates:
        history, talk = answers.open(stored, request)
        if not history:
            return gr.skip(), ratings.consent(tab.talk, request)  # somebody quick may have asked already
        tab.talk = talk
        return gr.update(value=history, feedback_value=talk.thumbs()), ratings.consent(talk, request)

    blocks.load(open_page, [parts.stored, parts.tab], [parts.chat, parts.learning], **QUIET)


def _hear_asking(parts: ChatLayout, answers: Answers) -> list[Any]:
    """Five ways to ask. The wish is kept first, so that the page shows it at once; returns the events that grant it."""
    box, send, _ = parts.composer

    def typed(text: str, history: History, tab: Tab) -> Updates:
        return _wish(tab.talk, text, len(history) + 1, left="")

    def example(data: gr.SelectData, text: str, history: History, tab: Tab) -> Updates:
        return _wish(tab.talk, data.value["text"], len(history) + 1, left=text)

    def again(data: gr.RetryData, text: str, history: History, tab: Tab) -> Updates:
        return _wish(tab.talk, str(data.value), _place(data.index) + 1, left=text)

    def offer(text: str, history: History, tab: Tab) -> Updates:
        return _wish(tab.talk, history[-2]["content"], len(history) - 1, left=text)

    streams = []
    for event, handler in (
        (box.submit, typed),
        (send.click, typed),
        (parts.chat.example_select, example),
        (parts.chat.retry, again),
        (parts.offer.yes.click, offer),
    ):
        wished = event(handler, [box, parts.chat, parts.tab], [box, parts.chat, *_turned(parts)], **QUIET)
        streams.append(wished.then(answers.give, [parts.chat, parts.tab], [parts.chat, parts.stored], **QUIET))
    return streams


def _hear_ending(parts: ChatLayout, streams: list[Any], services: Services, ratings: Ratings) -> None:
    """What follows an answer: its end, its stop, and a new conversation in the middle of it."""

    def rest(history: History, tab: Tab) -> Updates:
        talk = tab.talk
        if talk.answering is not None:
            return gr.skip()  # type: ignore[no-any-return]
        unanswered = bool(history) and history[-1]["role"] == "user"
        broken = bool(history) and history[-1]["content"] == TWO
        said = history[:-1] if broken else history
        shown = [*said, message("assistant", INTERRUPTED)] if unanswered or broken else gr.skip()
        earlier = earlier_answer(conversations.answer(services.store, talk.earlier)) if talk.earlier else ""
        asks = gr.update(visible=talk.earlier is not None), gr.update(visible=talk.blocked is not None)
        offers = gr.update(visible=talk.offered is not None), offered(talk.offered or "")
        pair = side_by_side(talk.pair.left.text, talk.pair.right.text) if talk.pair else ""
        return shown, SHOWN, HIDDEN, earlier, *asks, *offers, gr.update(visible=talk.pair is not None), pair

    def stop_it(history: History, tab: Tab) -> Updates:
        tab.talk.answering = None
        return rest(history, tab)

    def start_over(tab: Tab, request: gr.Request, temporary: bool = False) -> Updates:
        tab.talk = Talk(temporary=temporary)
        told = TEMPORARY[temporary], ratings.consent(tab.talk, request)
        return gr.update(value=[], feedback_value=[]), None, *told, SHOWN, HIDDEN, *(HIDDEN,) * NOTES

    def start_temporary(tab: Tab, request: gr.Request) -> Updates:
        return start_over(tab, request, temporary=not tab.talk.temporary)

    _, send, stop = parts.composer
    asks = [parts.compare.earlier, parts.compare.note, parts.appeal.note, parts.offer.note, parts.offer.text]
    asks += [parts.pair.note, parts.pair.answers]
    known, rested = [parts.chat, parts.tab], [parts.chat, send, stop, *asks]
    for stream in streams:
        stream.then(rest, known, rested, **QUIET)
    stop.click(stop_it, known, rested, cancels=streams, **QUIET)
    fresh = [parts.chat, parts.stored, parts.temporary, parts.learning, *_turned(parts)]
    parts.new.click(start_over, [parts.tab], fresh, cancels=streams, **QUIET)
    parts.temporary.click(start_temporary, [parts.tab], fresh, cancels=streams, **QUIET)


def _hear_rating(parts: ChatLayout, ratings: Ratings) -> None:
    receipt = _receipt(parts)

    def like(data: gr.LikeData, tab: Tab, request: gr.Request) -> Updates:
        # A thumb that is pressed again comes as an empty text: it is taken back.
        vote = 0 if data.liked == "" else 1 if data.liked else -1
        told = ratings.rate(_place(data.index), vote, tab.talk, request)
        asks = ratings.must_ask(tab.talk, request)
        return gr.update(feedback_value=tab.talk.thumbs()), *_told(told, asks, asks_why=vote < 0)

    def explain(reasons: list[str], comment: str, tab: Tab, request: gr.Request) -> Updates:
        told, again = ratings.explain(reasons, comment, tab.talk, request)
        said = (reasons, comment) if again else NOTHING_SAID
        return _told(told, ratings.must_ask(tab.talk, request), asks_why=again, said=said)

    def edit(data: gr.EditData, history: History, tab: Tab, request: gr.Request) -> Updates:
        # What the model said stays on show; the browser has put the rewrite there already.
        place = _place(data.index)
        history[place] = {**history[place], "content": data.previous_value}
        told = ratings.rewrite(place, str(data.value), tab.talk, request)
        return history, *_told(told, ratings.must_ask(tab.talk, request))

    parts.chat.like(like, [parts.tab], [parts.chat, *receipt], **QUIET)
    parts.chat.edit(edit, [parts.chat, parts.tab], [parts.chat, *receipt], **QUIET)
    for event in (parts.receipt.send.click, parts.receipt.comment.submit):
        event(explain, [parts.receipt.reasons, parts.receipt.comment, parts.tab], receipt, **QUIET)


def _hear_copying(parts: ChatLayout, ratings: Ratings) -> None:
    def copied(data: gr.CopyData, tab: Tab, request: gr.Request) -> None:
        ratings.copied(str(data.value), tab.talk, request)

    parts.chat.copy(copied, [parts.tab], None, **QUIET)


def _hear_comparing(parts: ChatLayout, ratings: Ratings) -> None:
    def prefer(newer_is_better: bool, talk: Talk, request: gr.Request) -> Updates:
        told = ratings.compare(newer_is_better, talk, request)
        return *_told(told, ratings.must_ask(talk, request)), HIDDEN

    def first(tab: Tab, request: gr.Request) -> Updates:
        return prefer(False, tab.talk, request)

    def second(tab: Tab, request: gr.Request) -> Updates:
        return prefer(True, tab.talk, request)

    out = [*_receipt(parts), parts.compare.note]
    parts.compare.first.click(first, [parts.tab], out, **QUIET)
    parts.compare.second.click(second, [parts.tab], out, **QUIET)
    parts.compare.same.click(lambda: HIDDEN, None, [parts.compare.note], **QUIET)
    parts.offer.no.click(lambda: HIDDEN, None, [parts.offer.note], **QUIET)


def _hear_choosing(parts: ChatLayout, ratings: Ratings) -> None:
    def choosing(choice: Choice) -> Callable[[History, Tab, gr.Request], Updates]:
        def choose(history: History, tab: Tab, request: gr.Request) -> Updates:
            told, text = ratings.choose(choice, tab.talk, request)
            shown = [*history[:-1], message("assistant", text)] if text is not None and history else gr.skip()
            return (
                shown,
                *_told(told, ratings.must_ask(tab.talk, request)),
                gr.update(visible=tab.talk.pair is not None),
            )

        return choose

    out = [parts.chat, *_receipt(parts), parts.pair.note]
    buttons: tuple[tuple[gr.Button, Choice], ...] = (
        (parts.pair.left, "left"),
        (parts.pair.right, "right"),
        (parts.pair.tie, "tie"),
        (parts.pair.both_bad, "both_bad"),
    )
    for button, choice in buttons:
        button.click(choosing(choice), [parts.chat, parts.tab], out, **QUIET)


def _hear_appealing(parts: ChatLayout, ratings: Ratings) -> None:
    def appeal(comment: str, tab: Tab, request: gr.Request) -> Updates:
        told = ratings.appeal(comment, tab.talk, request)
        left = tab.talk.blocked is not None
        return *_told(told, asks_consent=False), comment if left else "", gr.update(visible=left)

    out = [*_receipt(parts), parts.appeal.comment, parts.appeal.note]
    for event in (parts.appeal.send.click, parts.appeal.comment.submit):
        event(appeal, [parts.appeal.comment, parts.tab], out, **QUIET)


def _hear_consent(parts: ChatLayout, ratings: Ratings) -> None:
    def yes(tab: Tab, request: gr.Request) -> Updates:
        return ratings.agree(True, tab.talk, request), HIDDEN

    def no(tab: Tab, request: gr.Request) -> Updates:
        return ratings.agree(False, tab.talk, request), HIDDEN

    def turn(tab: Tab, request: gr.Request) -> Updates:
        if tab.talk.temporary:
            return gr.skip()  # type: ignore[no-any-return]
        return ratings.turn_consent(tab.talk, request), HIDDEN

    for button, handler in ((parts.consent.yes, yes), (parts.consent.no, no), (parts.learning, turn)):
        button.click(handler, [parts.tab], [parts.learning, parts.consent.note], **QUIET)


def _turned(parts: ChatLayout) -> list[Any]:
    """What changes when an answer begins: the buttons change places, and the notes go."""
    return [parts.composer.send, parts.composer.stop, *parts.notes]


def _wish(talk: Talk, text: str, place: int, left: str) -> Updates:
    """Updates for the box, where `left` stays, for the thumbs in the chat, and for what `_turned` lists."""
    if not talk.ask(text, place):
        return gr.skip()  # type: ignore[no-any-return]
    return left, gr.update(feedback_value=talk.thumbs()), HIDDEN, SHOWN, *(HIDDEN,) * NOTES


def _receipt(parts: ChatLayout) -> list[Any]:
    """What changes when something was kept: the receipt, the question why, and the question for consent."""
    return [*parts.receipt, parts.consent.note]


def _told(
    text: str, asks_consent: bool, *, asks_why: bool = False, said: tuple[list[str], str] = NOTHING_SAID
) -> Updates:
    """Updates for what `_receipt` lists; `said` are the reasons and the comment that the question why begins with."""
    return (
        SHOWN,
        f"<p>{html.escape(text)}</p>",
        gr.update(visible=asks_why, value=said[0]),
        gr.update(visible=asks_why, value=said[1]),
        gr.update(visible=asks_why),
        gr.update(visible=asks_consent),
    )


def _place(index: int | tuple[int, int] | list[int]) -> int:
    return index if isinstance(index, int) else index[0]
