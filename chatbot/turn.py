"""One turn: screen, route, ask the engine, screen again, and keep what happened. The page and the API both call it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from analytics import Conversation, Flag, Store, Turn, queries
from chatbot import implicit
from chatbot.answer import STOPPED_AT, Answer, Delta, Stopped
from chatbot.comparing import Comparing
from chatbot.engines import Streams
from chatbot.errors import BadRequest, NotYours, UnknownConversation
from chatbot.messages import Message, check_parameters, checked
from chatbot.metrics import Metrics
from chatbot.remarks import flags
from chatbot.tracing import Tracing, TurnTrace
from learner import Group, Learner, Route, person_group
from safety import Context, Decision, Screen, Screening, Verdict, chance, drawn, told

SAMPLING_SECONDS = 60.0
MESSAGES_TOGETHER = 3  # of a person, that are screened together
TAKEN_OUT = "[stopped by a safety filter]"
CONVERSATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True)
class TurnRequest:
    """What a person asks: `messages` in OpenAI's form, theirs last; to name an `adapter` is an operator's right.

    `temporary` begins a conversation that is in no list, is not learned from and is erased before long.
    `sibling_of` is an answer to the same message. One of several that are asked for at once has a `choice` above 0.
    With `other_arm` it is answered by the arm of the experiment that the person does not have, if they compare.
    `trace` are the headers that tell which trace this is a part of, `accept_language` is the header of that name.
    """

    person: str
    messages: Sequence[Mapping[str, Any]]
    source: Literal["page", "api"]
    conversation_id: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    adapter: str | None = None
    sibling_of: str | None = None
    choice: int = 0
    other_arm: bool = False
    temporary: bool = False
    trace: Mapping[str, str] = field(default_factory=dict)
    accept_language: str = ""


@dataclass(frozen=True)
class Begun:
    """The turn is queued to be kept, and the engine is asked.

    `compares` says that it is one of two answers of both arms of an experiment, which their person is to compare.
    """

    turn_id: str
    conversation_id: str
    route: Route
    compares: bool = False


@dataclass(frozen=True)
class Done:
    """The answer is kept; `usage` is in tokens, empty when nothing was generated, `stopped` is what the screen did.

    `compare` says why its person should be asked for a comparison with another answer, where they should.
    """

    turn_id: str
    finish_reason: str
    usage: Mapping[str, int]
    stopped: Stopped | None = None
    compare: str | None = None


Step = Begun | Delta | Done


@dataclass(frozen=True)
class _Opened:
    """A turn that is being kept, with what its answer needs."""

    turn: Turn
    kept: Future[None]
    route: Route
    context: Context
    screened: Screening
    accept_language: str


class Turns:
    """Runs turns. `groups` are the percentages of learn, decide and holdout.

    An answer that is asked for again is sampled at `sibling_temperature`: at the model's own it is often the same, and
    that helps nobody; two that hardly differ teach nothing. The log-probability of what was sampled is recorded in
    experiments, and for a share `logprob_share` of every minute of all other turns. Of the turns that no filter flags
    at least a share `review_sample` waits for a reviewer as well. `engine_for` chooses the engine by the route; without
    it `engine` answers everybody.
    """

    def __init__(
        self,
        store: Store,
        screen: Screen,
        engine: Streams,
        learner: Learner,
        metrics: Metrics,
        tracing: Tracing,
        *,
        groups: tuple[int, int, int],
        sibling_temperature: float,
        logprob_share: float,
        review_sample: float = 0.0,
        comparing: Comparing | None = None,
        engine_for: Callable[[Route], Streams] | None = None,
    ) -> None:
        self._store, self._screen, self._learner = store, screen, learner
        self._engine_for = engine_for or (lambda route: engine)
        self._metrics, self._tracing, self._groups = metrics, tracing, groups
        self._sibling_temperature, self._logprob_share = sibling_temperature, logprob_share
        self._review_sample, self._comparing = review_sample, comparing

    async def run(self, request: TurnRequest) -> AsyncGenerator[Step, None]:
        """Yield Begun, the Deltas, and, when all of it is durable, Done.

        Closing the generator stops the answer and keeps what was shown.

        Raises BadRequest, NotYours, UnknownAdapter, EngineError and AnalyticsError; a turn in which anything was raised
        after Begun is kept as an error.
        """
        trace = self._tracing.begin(request.trace)
        try:
            opened = await self._open(request)
        except BaseException as error:
            trace.ended(None, error)
            raise
        trace.opened(opened.turn)
        answer = Answer(opened.turn.turn_id, with_tokens=bool(request.parameters.get("logprobs")))
        kept, broken = False, None
        try:
            yield Begun(opened.turn.turn_id, opened.turn.conversation_id, opened.route)
            async with contextlib.aclosing(self._answer(answer, opened, trace)) as deltas:
                async for delta in deltas:
                    yield delta
            kept = True
            await self._store.append_async(*answer.events(), *self._drawn(answer, opened))
            opened.kept.result()  # it was written before
        except Exception as error:
            answer.finish_reason, broken = "error", error
            raise
        finally:
            if not kept:
                # Nobody may be left to wait: the reader has gone, or the server stops.
                self._store.submit(*answer.events(), *self._drawn(answer, opened))
            self._metrics.ended(opened.route.arm, opened.route.adapter, answer)
            self._metrics.screened(opened.screened.verdicts, answer.verdicts)
            trace.ended(answer, broken)
            if not request.choice:
                self._notice(opened.turn, answer.finish_reason)
        compare = await asyncio.to_thread(self._compare, opened.turn) if answer.finish_reason == "stop" else None
        yield Done(answer.turn_id, answer.finish_reason, answer.usage, answer.stopped, compare)

    def _compare(self, turn: Turn) -> str | None:
        return self._comparing.why(turn) if self._comparing is not None else None

    def _notice(self, turn: Turn, finish_reason: str) -> None:
        """Keep what the turn says about the answer before it. Only a complaint takes a look into the store."""
        if implicit.complaint_of(turn) is None:
            implicit.keep(self._store, implicit.seen(turn, finish_reason, turn.sibling_of))
        else:
            noting = partial(implicit.note, self._store, turn, finish_reason=finish_reason)
            asyncio.get_running_loop().run_in_executor(None, noting)

    async def _open(self, request: TurnRequest) -> _Opened:
        """Check, screen and route the request, and queue the turn, which is kept while the engine works."""
        messages = checked(request.messages)
        check_parameters(request.parameters)
        conversation_id, first_answer = await self._place(request)
        context = Context("input", request.person, conversation_id)
        screened = await self._screened(messages, context)
        group = person_group(request.person, self._groups)
        chosen = await self._route(request, group, messages)
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
            cohort=chosen.cohort,
            segment=chosen.segment,
        )
        begun = [Conversation(conversation_id, request.person, "temporary")] if request.temporary else []
        kept = self._store.submit(turn, *begun, *flags(turn.turn_id, screened.verdicts))
        return _Opened(turn, kept, chosen, context, screened, request.accept_language)

    async def _answer(self, answer: Answer, opened: _Opened, trace: TurnTrace) -> AsyncGenerator[Delta, None]:
        """Show the answer as it comes, and note how it ended."""
        if opened.screened.decision is Decision.BLOCK:
            yield answer.stop(*_told("input", opened.screened.decisive, opened))
            return
        context = _of_answer(opened)
        stream = answer.screening = self._screen.stream(context)
        reason = "stop"
        # Closing the engine's stream is what stops the generation.
        traced = {"trace": headers} if (headers := trace.headers()) else {}
        engine = self._engine_for(opened.route)
        asked = engine.stream(opened.route.served_name, opened.turn.messages, self._wanted(opened), **traced)
        async with contextlib.aclosing(asked) as pieces:
            async for piece in pieces:
                answer.take(piece)
                reason = piece.finish_reason or reason
                if shown := await stream.feed(piece.text) if piece.text else "":
                    yield answer.show(shown)
                if stream.blocked is not None:
                    break
        rest = await stream.finish()
        stopped = await self._stopped(answer, context)
        if rest:
            yield answer.show(rest)
        if stopped is not None:
            yield answer.stop(*_told("output", stopped, opened))
            return
        answer.finish_reason = reason
        if answer.tool_calls:
            yield Delta("", (), answer.tool_calls)

    async def _stopped(self, answer: Answer, context: Context) -> Verdict | None:
        """What in the answer the screen did not let pass; tool calls are shown to it as a whole, at the end."""
        assert answer.screening is not None
        for call in answer.tool_calls:
            screened = await self._screen.check(call["function"]["arguments"], context)
            answer.screening.note(screened.verdicts)
            if screened.decision is Decision.BLOCK:
                return screened.decisive
            call["function"]["arguments"] = screened.text
        return answer.screening.blocked

    def _drawn(self, answer: Answer, opened: _Opened) -> list[Flag]:
        """The turn is shown to a reviewer although nothing was found, if it is drawn."""
        verdicts = [*opened.screened.verdicts, *answer.verdicts]
        if flags(answer.turn_id, verdicts):
            return []
        probability = chance(verdicts, self._review_sample)
        if not drawn(answer.turn_id, probability):
            return []
        return [Flag(answer.turn_id, "sample", None, "", probability=probability)]

    def _wanted(self, opened: _Opened) -> Mapping[str, Any]:
        wanted: Mapping[str, Any] = opened.turn.parameters
        # One that asks for them slows all that are answered with it. So the sample is of times, not of turns.
        sampled = time.time() % SAMPLING_SECONDS < self._logprob_share * SAMPLING_SECONDS
        return {**wanted, "logprobs": True} if opened.route.experiment_id or sampled else wanted

    async def _screened(self, messages: list[Message], context: Context) -> Screening:
        """Screen the messages in place: all of them, for a client may send a past that we have not seen.

        What is blocked in the past is taken out of it. What came of the last message holds, unless all that its person
        said of late is blocked together: a sentence can be cut over several messages.
        """
        last = None
        for message in messages:
            spoken = replace(context, role="output") if message["role"] == "assistant" else context
            calls = ((call["function"], "arguments") for call in message.get("tool_calls", ()))
            for place, name in ((message, "content"), *calls):
                last = await self._screen.check(place[name], spoken)
                stopped = last.decision is Decision.BLOCK and message is not messages[-1]
                place[name] = TAKEN_OUT if stopped else last.text
        assert last is not None
        of_user = [message["content"] for message in messages if message["role"] == "user"]
        # What stands in for a message that was blocked would speak of safety filters to the filters.
        said = [text for text in of_user if text != TAKEN_OUT][-MESSAGES_TOGETHER:]
        if last.decision is Decision.BLOCK or len(said) < 2:
            return last
        together = await self._screen.check(" ".join(said), context)
        return together if together.decision is Decision.BLOCK else last

    async def _place(self, request: TurnRequest) -> tuple[str, str | None]:
        """The id of the conversation and that of the first answer, see `_known_place`; a new one needs no look."""
        if request.sibling_of is None and request.conversation_id is None:
            return f"conv-{secrets.token_hex(12)}", None
        return await asyncio.to_thread(self._known_place, request)

    def _known_place(self, request: TurnRequest) -> tuple[str, str | None]:
        """The id of the conversation, and that of the first answer to the same message where this is one more.

        Somebody else's conversation is refused, and so is a sibling of somebody else's turn.
        """
        if request.sibling_of is not None:
            sibling = self._store.asked(request.sibling_of)
            if sibling is None or sibling.person != request.person:
                raise NotYours("sibling_of must be the id of an answer that you got yourself.")
            self._check_kept(sibling.conversation_id)
            if not request.choice:
                self._check_temporary(request, sibling.conversation_id)
            # All answers to one message name the first, not a chain: so any two of them can be compared.
            return sibling.conversation_id, sibling.sibling_of or request.sibling_of
        assert request.conversation_id is not None
        if not CONVERSATION_ID.fullmatch(request.conversation_id):
            raise BadRequest("conversation_id may have 128 letters, digits and any of . _ : - in it.")
        owner = self._store.owner(request.conversation_id)
        if owner not in (None, request.person):
            raise NotYours("That conversation belongs to somebody else; leave conversation_id out to begin a new one.")
        if owner is not None:
            self._check_kept(request.conversation_id)
            self._check_temporary(request, request.conversation_id)
        return request.conversation_id, None

    def _check_temporary(self, request: TurnRequest, conversation_id: str) -> None:
        if request.temporary and not queries.temporary(self._store, conversation_id):
            raise BadRequest("That conversation is no temporary one; leave its ids out to begin one that is.")

    def _check_kept(self, conversation_id: str) -> None:
        if queries.deleted(self._store, conversation_id):
            raise UnknownConversation("That conversation was deleted; leave its ids out to begin a new one.")

    def _parameters(self, request: TurnRequest) -> dict[str, Any]:
        if request.choice:
            # As in vLLM, where several choices of one seed would otherwise all be the same.
            seed = request.parameters.get("seed")
            return {**request.parameters, **({"seed": seed + request.choice} if isinstance(seed, int) else {})}
        again = {"temperature": self._sibling_temperature} if request.sibling_of is not None else {}
        return {**again, **request.parameters}

    async def _route(self, request: TurnRequest, group: Group, messages: Sequence[Message]) -> Route:
        if request.adapter is None:
            return self._learner.assignments.route(request.person, group, messages, other_arm=request.other_arm)
        arm = await asyncio.to_thread(self._learner.hold, request.adapter)
        return Route("champion", arm.adapter, arm.served_name, arm.weights_sha256)


def _of_answer(opened: _Opened) -> Context:
    """What the filters are told about where the answer comes from."""
    said = {message["role"]: message["content"] for message in opened.turn.messages}  # the last of each role
    return replace(opened.context, role="output", prompt=said.get("user", ""), system=said.get("system", ""))


def _told(role: Literal["input", "output"], verdict: Verdict | None, opened: _Opened) -> tuple[Stopped, str]:
    category = verdict.category if verdict else ""
    words = told(role, category, opened.accept_language)
    return Stopped(STOPPED_AT[role], category, words.language), words.text
