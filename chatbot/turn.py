"""One turn: screen, route, ask the engine, screen again, and keep what happened. The page and the API both call it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import orjson

from analytics import Event, Reply, Store, Turn, queries
from chatbot.engine import Piece
from chatbot.errors import BadRequest, NotYours
from chatbot.remarks import flags
from learner import Group, Learner, Route, person_group, route
from safety import BLOCKED_INPUT, BLOCKED_OUTPUT, Context, Decision, Screen, Screening, StreamScreen

ROLES = ("system", "user", "assistant")
LONGEST = 100_000  # characters of all messages together; every one of them is screened and kept


@dataclass(frozen=True)
class TurnRequest:
    """What a person asks: `messages` in OpenAI's form, theirs last; to name an `adapter` is an operator's right."""

    person: str
    messages: Sequence[Mapping[str, str]]
    source: Literal["page", "api"]
    conversation_id: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    adapter: str | None = None
    sibling_of: str | None = None


@dataclass(frozen=True)
class Begun:
    """The turn is kept and the engine is asked."""

    turn_id: str
    conversation_id: str
    route: Route


@dataclass(frozen=True)
class Delta:
    """Text that may be shown."""

    text: str


@dataclass(frozen=True)
class Done:
    """The answer is kept; `usage` is in tokens, empty when nothing was generated."""

    turn_id: str
    finish_reason: str
    usage: Mapping[str, int]


Step = Begun | Delta | Done


@dataclass(frozen=True)
class _Opened:
    """A turn that is kept, with what its answer needs."""

    turn: Turn
    route: Route
    context: Context
    decision: Decision


class _Answer:
    """What has come of a turn so far: `text` is on show, `rest` is shown once all of the answer is durable."""

    def __init__(self, turn_id: str) -> None:
        self.turn_id, self.began = turn_id, time.perf_counter()
        self.text, self.rest, self.finish_reason = "", "", "cancelled"
        self.usage: Mapping[str, int] = {}
        self.ttft_ms: float | None = None
        self.logprob: float | None = None
        self.screening: StreamScreen | None = None

    def take(self, piece: Piece) -> None:
        self.usage = piece.usage or self.usage
        if piece.logprob is not None:
            self.logprob = (self.logprob or 0.0) + piece.logprob

    def show(self, text: str) -> Delta:
        if self.ttft_ms is None:
            self.ttft_ms = self._elapsed()
        self.text += text
        return Delta(text)

    def end(self, rest: str, finish_reason: str) -> None:
        self.rest, self.finish_reason = rest, finish_reason

    def events(self) -> list[Event]:
        verdicts = self.screening.verdicts if self.screening else []
        reply = Reply(
            turn_id=self.turn_id,
            completion=self.text,
            finish_reason=self.finish_reason,  # type: ignore[arg-type]
            prompt_tokens=self.usage.get("prompt_tokens"),
            completion_tokens=self.usage.get("completion_tokens"),
            ttft_ms=self.ttft_ms,
            duration_ms=self._elapsed(),
            logprob=self.logprob,
            verdicts=[verdict.to_values() for verdict in verdicts],
        )
        return [reply, *flags(self.turn_id, verdicts, "answer")]

    def _elapsed(self) -> float:
        return round(1000 * (time.perf_counter() - self.began), 1)


class Streams(Protocol):
    """What a turn needs of an engine."""

    def stream(
        self, served_name: str, messages: Sequence[Mapping[str, str]], parameters: Mapping[str, Any]
    ) -> AsyncGenerator[Piece, None]:
        """Stream an answer."""
        ...


class Turns:
    """Runs turns. `groups` are the percentages of learn, decide and holdout.

    An answer that is asked for again is sampled at `sibling_temperature`: at the model's own it is often the same, and
    that helps nobody; two that hardly differ teach nothing.
    """

    def __init__(
        self,
        store: Store,
        screen: Screen,
        engine: Streams,
        learner: Learner,
        groups: tuple[int, int, int],
        sibling_temperature: float,
    ) -> None:
        self._store, self._screen, self._engine, self._learner = store, screen, engine, learner
        self._groups, self._sibling_temperature = groups, sibling_temperature

    async def run(self, request: TurnRequest) -> AsyncGenerator[Step, None]:
        """Yield Begun, the Deltas, and Done. Closing the generator stops the answer and keeps what was shown.

        Raises BadRequest, NotYours, UnknownAdapter, EngineError and AnalyticsError; a turn in which anything was raised
        after Begun is kept as an error.
        """
        opened = await self._open(request)
        turn_id, answer, kept = opened.turn.turn_id, _Answer(opened.turn.turn_id), False
        try:
            yield Begun(turn_id, opened.turn.conversation_id, opened.route)
            if opened.decision is Decision.BLOCK:
                answer.end(BLOCKED_INPUT, "content_filter")
            else:
                async with contextlib.aclosing(self._answer(answer, opened)) as deltas:
                    async for delta in deltas:
                        yield delta
            last = answer.show(answer.rest) if answer.rest else None
            kept = True
            await self._store.append_async(*answer.events())
        except Exception:
            answer.finish_reason = "error"
            raise
        finally:
            if not kept:
                # Nobody may be left to wait: the reader has gone, or the server stops.
                self._store.submit(*answer.events())
        if last is not None:
            yield last
        yield Done(turn_id, answer.finish_reason, answer.usage)

    async def _open(self, request: TurnRequest) -> _Opened:
        """Check, screen and route the request, and keep the turn."""
        messages = checked(request.messages)
        _check_parameters(request.parameters)
        conversation_id, first_answer = await self._place(request)
        context = Context("input", request.person, conversation_id)
        screened = await self._screened(messages, context)
        group = person_group(request.person, self._groups)
        chosen = await self._route(request, group)
        turn = Turn(
            turn_id=f"chatcmpl-{secrets.token_hex(12)}",
            conversation_id=conversation_id,
            person=request.person,
            person_group=group,
            messages=messages,
            arm=chosen.arm,
            adapter=chosen.adapter,
            weights_sha256=chosen.weights_sha256,
            experiment_id=chosen.experiment_id,
            propensity=chosen.propensity,
            sibling_of=first_answer,
            source=request.source,
            parameters=self._parameters(request),
            verdicts=[verdict.to_values() for verdict in screened.verdicts],
        )
        await self._store.append_async(turn, *flags(turn.turn_id, screened.verdicts))
        return _Opened(turn, chosen, context, screened.decision)

    async def _answer(self, answer: _Answer, opened: _Opened) -> AsyncGenerator[Delta, None]:
        """Show all but the last piece: the screen holds some of the answer back to its end, however short it is."""
        stream = answer.screening = self._screen.stream(replace(opened.context, role="output"))
        wanted: Mapping[str, Any] = opened.turn.parameters
        if opened.route.experiment_id:
            wanted = {**wanted, "logprobs": True}
        reason = "stop"
        # Closing the engine's stream is what stops the generation.
        asked = self._engine.stream(opened.route.served_name, opened.turn.messages, wanted)
        async with contextlib.aclosing(asked) as pieces:
            async for piece in pieces:
                answer.take(piece)
                reason = piece.finish_reason or reason
                if shown := await stream.feed(piece.text) if piece.text else "":
                    yield answer.show(shown)
                if stream.blocked is not None:
                    break
        rest = await stream.finish()
        if stream.blocked is not None:
            rest, reason = rest + ("\n\n" if answer.text or rest else "") + BLOCKED_OUTPUT, "content_filter"
        answer.end(rest, reason)

    async def _screened(self, messages: list[dict[str, str]], context: Context) -> Screening:
        """Screen the messages in place: all of them, for a client may send a past that we have not seen.

        What came of the last one holds, unless one before it is blocked.
        """
        blocked = last = None
        for message in messages:
            spoken = replace(context, role="output") if message["role"] == "assistant" else context
            last = await self._screen.check(message["content"], spoken)
            message["content"] = last.text
            if blocked is None and last.decision is Decision.BLOCK:
                blocked = last
        assert last is not None
        return blocked or last

    async def _place(self, request: TurnRequest) -> tuple[str, str | None]:
        """The id of the conversation, and that of the first answer to the same message where this is one more.

        Somebody else's conversation is refused, and so is a sibling of somebody else's turn.
        """
        if request.sibling_of is not None:
            sibling = await asyncio.to_thread(self._store.asked, request.sibling_of)
            if sibling is None or sibling.person != request.person:
                raise NotYours("sibling_of must be the id of an answer that you got yourself.")
            # All answers to one message name the first, not a chain: so any two of them can be compared.
            return sibling.conversation_id, sibling.sibling_of or request.sibling_of
        if request.conversation_id is None:
            return f"conv-{secrets.token_hex(12)}", None
        owner = await asyncio.to_thread(queries.owner, self._store, request.conversation_id)
        if owner not in (None, request.person):
            raise NotYours("That conversation belongs to somebody else; leave conversation_id out to begin a new one.")
        return request.conversation_id, None

    def _parameters(self, request: TurnRequest) -> dict[str, Any]:
        again = {"temperature": self._sibling_temperature} if request.sibling_of is not None else {}
        return {**again, **request.parameters}

    async def _route(self, request: TurnRequest, group: Group) -> Route:
        state = self._learner.registry.state()
        if request.adapter is None:
            return route(request.person, group, state)
        arm = await asyncio.to_thread(self._learner.hold, request.adapter)
        return Route("champion", arm.adapter, arm.served_name, arm.weights_sha256)


def checked(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The messages as role and text. Raises BadRequest for what is not a conversation that ends with the user."""
    if not messages:
        raise BadRequest("messages is empty; it needs at least one message of the role 'user'.")
    plain = []
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if role not in ROLES:
            raise BadRequest(f"A message has the role {role!r}; it must be one of {', '.join(ROLES)}.")
        # Half of a surrogate pair is no character and cannot be sent on.
        plain.append({"role": role, "content": _text(content).encode("utf-8", "replace").decode()})
    if (length := sum(len(message["content"]) for message in plain)) > LONGEST:
        raise BadRequest(f"The messages are too long: {length} characters, at most {LONGEST} are taken together.")
    if plain[-1]["role"] != "user" or not plain[-1]["content"].strip():
        raise BadRequest("The last message must be the user's, and must not be empty.")
    return plain


def _check_parameters(parameters: Mapping[str, Any]) -> None:
    """Raise BadRequest for what JSON cannot carry, before anything is kept."""
    try:
        orjson.dumps(parameters)  # the engine's request; it refuses whole numbers beyond 64 bits
        json.dumps(parameters, allow_nan=False)  # orjson would make null of numbers that are not finite
    except (TypeError, ValueError) as error:
        raise BadRequest(f"A parameter cannot be sent on as JSON: {error}.") from None


def _text(content: object) -> str:
    parts: list[Any] = content if isinstance(content, list) else [{"text": content}]
    texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    if len(texts) < len(parts):
        raise BadRequest("A message has no text; content must be a string or a list of text parts.")
    return "".join(texts)
