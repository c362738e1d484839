"""OpenAI's chat completions, with the turn's id, its arm and its weights on every reply."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from chatbot.api import chunks
from chatbot.api.choices import MOST_CHOICES, Choices
from chatbot.api.common import Asking, CallerOf, ServicesOf, budgets, identify, set_person
from chatbot.api.event_stream import EventStream
from chatbot.errors import BadRequest, UnknownModel
from chatbot.permissions import OPERATE
from chatbot.services import Services
from chatbot.turn import TurnRequest
from learner import BASE

DEFAULT = "default"
STREAMED = "OpenAI's `chat.completion`, or with `stream` its chunks as server-sent events that end with `[DONE]`."
router = APIRouter(tags=["OpenAI"])


class StreamOptions(BaseModel):
    """How a stream is to be sent."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool = Field(False, description="Send the number of tokens in a last chunk.")


class ChatBody(BaseModel):
    """A request in OpenAI's form. Fields that are not listed here go to vLLM as they are (`min_tokens`, `top_k`, …)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {"model": DEFAULT, "messages": [{"role": "user", "content": "How long is delivery?"}]}
        },
    )

    messages: Annotated[
        list[dict[str, Any]],
        Field(description="The conversation: each with `role` and `content`; the last is the user's, or a tool's."),
    ]
    model: str = Field(DEFAULT, description="`default` is routed; to name an adapter needs an operator.")
    stream: bool = Field(False, description="Send the answer piece by piece, as server-sent events.")
    stream_options: StreamOptions | None = None
    n: int = Field(1, ge=1, le=MOST_CHOICES, description="How many answers; each can be rated by its own id.")
    user: str | None = Field(None, description="Names the person, where the key has the scope `act-for-users`.")
    conversation_id: str | None = Field(
        None, description="The conversation that this goes on with, if it is kept here."
    )
    temporary: bool = Field(
        False, description="Begin a temporary conversation: it is in no list, not learned from, and erased before long."
    )
    sibling_of: str | None = Field(None, description="The id of an answer to the same message, to get another one.")
    compare: bool = Field(
        False,
        description="With `n` 2: both arms of the running experiment, to be shown side by side, if this person may be "
        "asked; then `ratchet.compares` is true, and the verdict goes to `/v1/comparisons`.",
    )


@router.get("/v1/models", summary="List the models")
async def models(services: ServicesOf, caller: CallerOf) -> dict[str, object]:
    """The names that `model` can have; all but `default` need an operator."""
    return {"object": "list", "data": [_entry(name) for name in _names(services, caller.may(OPERATE))]}


@router.get("/v1/models/{model:path}", summary="Describe a model")
async def model(model: str, services: ServicesOf, caller: CallerOf) -> dict[str, object]:
    """One of the names that `model` can have."""
    if model not in _names(services, caller.may(OPERATE)):
        raise UnknownModel(f"There is no model {model!r}; ask for {DEFAULT!r}.")
    return _entry(model)


@router.post(
    "/v1/chat/completions",
    summary="Answer a message",
    response_model=None,
    responses={200: {"description": STREAMED, "content": {"application/json": {}, "text/event-stream": {}}}},
)
async def chat_completions(body: ChatBody, request: Request, services: ServicesOf, caller: Asking) -> Response:
    """Answer the last message, as a whole or piece by piece.

    The id of the reply is what feedback names. `ratchet` in the reply tells the conversation, the arm, the adapter and
    the weights that answered.
    """
    if body.user is not None:
        caller = identify(request, body.user)
    if body.model != DEFAULT:
        caller.must(OPERATE)
    spending = budgets(services, caller)
    spending.admit()
    experiment_id = await asyncio.to_thread(_compares, body, services, caller.person) if body.compare else None
    asked, both_arms = _asked(body, caller.person, request), experiment_id is not None
    choices = Choices(services.turns, asked, body.n, spending.charge, both_arms=both_arms)
    begun = await choices.begin()
    if experiment_id is not None:
        showing = partial(services.both_arms.showing, caller.person, experiment_id, *choices.begun)
        begun = choices.begun[0] = replace(begun, compares=await asyncio.to_thread(showing))
    response: Response
    if body.stream:
        first = await choices.first()  # what the engine refuses can still have its own status
        with_usage = body.stream_options is not None and body.stream_options.include_usage
        events = chunks.events(begun, first, choices, with_usage)
        response = EventStream(events)
    else:
        response = JSONResponse(await _unless_left(chunks.whole(begun, choices), choices, request))
    set_person(response, caller)
    return response


def _compares(body: ChatBody, services: Services, person: str) -> str | None:
    """The experiment whose arms the person is to compare now, as they ask; None where they are not to."""
    if body.n != 2:
        raise BadRequest("compare shows two answers side by side, so n must be 2.")
    wanted = body.model == DEFAULT and body.sibling_of is None
    return services.both_arms.compares(person) if wanted else None


def _asked(body: ChatBody, person: str, request: Request) -> TurnRequest:
    given = {**body.model_extra} if body.model_extra else {}
    if given.get("functions") is not None or given.get("function_call") is not None:
        raise BadRequest("functions and function_call are of the past; send tools and tool_choice.")
    return TurnRequest(
        person=person,
        messages=body.messages,
        source="api",
        conversation_id=body.conversation_id,
        parameters=given,
        adapter=None if body.model == DEFAULT else body.model,
        sibling_of=body.sibling_of,
        temporary=body.temporary,
        trace=request.headers if "traceparent" in request.headers else {},
        accept_language=request.headers.get("accept-language", ""),
    )


async def _unless_left(
    answer: Coroutine[Any, Any, dict[str, object]], choices: Choices, request: Request
) -> dict[str, object]:
    """The whole answer, or as much as there is when nobody waits for the rest any more."""
    async with contextlib.aclosing(choices):
        working = asyncio.ensure_future(answer)
        leaving = asyncio.ensure_future(request.receive())  # the body has been read: next comes the end
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return await working if working.done() else {}
        finally:
            for task in (working, leaving):
                task.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)


def _names(services: Services, all_of_them: bool) -> list[str]:
    return [DEFAULT, *([BASE, *(name for name, _ in services.learner.registry.live())] if all_of_them else ())]


def _entry(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "ratchet"}
