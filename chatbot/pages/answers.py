"""The chat page's answers: bring a conversation back, answer a message, answer it once more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import gradio as gr

from analytics import queries
from chatbot import conversations
from chatbot.answer import Delta
from chatbot.api.common import OURS
from chatbot.both_arms import Pair
from chatbot.pages.access import person_of
from chatbot.pages.talk import PAIR, History, Tab, Talk, Wish, message
from chatbot.services import Services
from chatbot.turn import Begun, Done, TurnRequest

YIELD_SECONDS = 0.08  # between two updates of a streaming answer; more often only costs
WAKING_SECONDS = 180.0
MOST_TOKENS = 512  # of an answer; half of what the engine takes where that is less
WAKING = "*The model is waking up …*"
TWO = "*Two answers are being written …*"
INTERRUPTED = "*This answer was interrupted.*"

Shown = tuple[History, str | None]


class Answers:
    """One object serves everybody; what belongs to somebody travels in `Talk`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._person_of = partial(person_of, services.accounts)
        longest = services.settings.whole("max_model_len")
        self._most = min(MOST_TOKENS, longest // 2)
        self._room = longest - self._most

    def open(self, stored: str | None, request: gr.Request) -> tuple[History, Talk]:
        """Bring the last conversation of this browser back."""
        talk, history = Talk(), History()
        turns = conversations.shown(self._services.store, stored) if stored else []
        if not turns or turns[0]["person"] != self._person_of(request):
            return history, talk
        talk.conversation_id = stored
        for turn in turns:
            history.append(message("user", turn["messages"][-1]["content"]))
            talk.turns[len(history)], talk.votes[len(history)] = turn["turn_id"], turn["vote"] or 0
            history.append(message("assistant", turn["completion"] or INTERRUPTED))
        return history, talk

    async def give(self, history: History, tab: Tab, request: gr.Request) -> AsyncGenerator[Shown, None]:
        """Grant the wish of the tab's talk, piece by piece: the history to show, and the conversation's id."""
        talk = tab.talk
        wish, talk.wish = talk.wish, None
        if wish is None:
            return
        history = [*talk.settled(history)[: wish.place - 1], message("user", wish.text)]
        said = ""

        def stored() -> str | None:
            return None if talk.temporary else talk.conversation_id

        try:
            yield history, stored()
            if not self._services.engine.ready:
                yield [*history, message("assistant", WAKING)], stored()
                await self._awake()
            async with aclosing(self._pieces(wish, talk, request)) as pieces:
                async for said in pieces:
                    yield [*history, message("assistant", said)], stored()
        except OURS as error:
            said = "" if said == TWO else said
            yield [*history, message("assistant", f"{said}\n\n*{error}*".strip())], stored()
        finally:
            if talk.answering is wish:
                talk.answering = None

    async def _pieces(self, wish: Wish, talk: Talk, request: gr.Request) -> AsyncGenerator[str, None]:
        """The answer as far as it is, again and again; who stops listening stops the answer."""
        said, drawn = "", 0.0
        asked = await self._asked(wish, talk, request)
        both_arms = self._services.both_arms
        if both_arms.active and wish.before is None and not talk.temporary:
            experiment_id = await asyncio.to_thread(both_arms.draws, asked.person)
            if experiment_id is not None:
                yield TWO
                yield await self._two(asked, experiment_id, wish, talk)
                return
        async with aclosing(self._services.turns.run(asked)) as steps:
            async for step in steps:
                if isinstance(step, Begun):
                    talk.conversation_id, talk.turns[wish.place] = step.conversation_id, step.turn_id
                elif isinstance(step, Delta):
                    said = step.text.strip() if step.stops else said + step.text
                    if time.monotonic() - drawn > YIELD_SECONDS:
                        drawn = time.monotonic()
                        yield said
                else:
                    self._done(step, wish, talk)
        yield said

    async def _two(self, asked: TurnRequest, experiment_id: str, wish: Wish, talk: Talk) -> str:
        """Have both arms of an experiment answer; the chat shows that there is a pair, or the person's own answer."""
        found = await self._services.both_arms.both(self._services.turns, asked, experiment_id)
        own = found.own if isinstance(found, Pair) else found
        talk.conversation_id, talk.turns[wish.place] = own.begun.conversation_id, own.begun.turn_id
        self._done(own.done, wish, talk)
        if isinstance(found, Pair):
            talk.pair, talk.offered = found, None
            return PAIR
        return own.text

    async def _asked(self, wish: Wish, talk: Talk, request: gr.Request) -> TurnRequest:
        store = self._services.store
        messages = await (
            asyncio.to_thread(conversations.next_messages, store, talk.conversation_id, wish.text, self._room)
            if wish.before is None
            else asyncio.to_thread(conversations.sibling_messages, store, wish.before)
        )
        return TurnRequest(
            person=self._person_of(request),
            messages=messages,
            source="page",
            conversation_id=await asyncio.to_thread(self._going_on, talk),
            parameters={"max_tokens": self._most},
            sibling_of=wish.before,
            temporary=talk.temporary,
            accept_language=request.headers.get("accept-language", ""),
        )

    def _going_on(self, talk: Talk) -> str | None:
        """The conversation that goes on; a tab that shows one which its person deleted elsewhere begins anew."""
        gone = talk.conversation_id is None or queries.deleted(self._services.store, talk.conversation_id)
        return None if gone else talk.conversation_id

    def _done(self, done: Done, wish: Wish, talk: Talk) -> None:
        if done.finish_reason == "content_filter":
            talk.blocked = done.turn_id
        elif wish.before is not None and conversations.answer(self._services.store, wish.before):
            talk.earlier = wish.before
        talk.offered = done.compare

    async def _awake(self) -> None:
        until = time.monotonic() + WAKING_SECONDS
        while not self._services.engine.ready and time.monotonic() < until:  # noqa: ASYNC110 - readiness is a flag
            await asyncio.sleep(0.3)
