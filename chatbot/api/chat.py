"""OpenAI's chat completions, with the turn's id, its arm and its weights on every reply."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict

from chatbot.api.common import CallerOf, ServicesOf, answer_to, error_body, identify, set_person, told
from chatbot.errors import BadRequest
from chatbot.permissions import OPERATE, ranks
from chatbot.turn import Begun, Delta, Done, Step, TurnRequest
from learner import BASE

DEFAULT = "default"
router = APIRouter()


class ChatBody(BaseModel):
    """What we read of a request; everything else goes to vLLM as it is."""

    model_config = ConfigDict(extra="allow")

    messages: list[dict[str, Any]]
    model: str = DEFAULT
    stream: bool = False
    stream_options: dict[str, Any] | None = None
    user: str | None = None
    n: int = 1
    conversation_id: str | None = None
    sibling_of: str | None = None


@router.get("/v1/models")
async def models(services: ServicesOf, caller: CallerOf) -> dict[str, object]:
    """The names that `model` can have; all but `default` need an operator."""
    names = [DEFAULT]
    if ranks(caller.role, "operator"):
        names += [BASE, *(name for name, _ in services.learner.registry.live())]
    entries = [{"id": name, "object": "model", "created": 0, "owned_by": "ratchet"} for name in names]
    return {"object": "list", "data": entries}


@router.post("/v1/chat/completions")
async def chat_completions(body: ChatBody, request: Request, services: ServicesOf) -> Response:
    """Answer the last message. `"model": "default"` is routed; naming an adapter needs an operator."""
    caller = identify(request, body.user)
    if body.model != DEFAULT:
        caller.must(OPERATE)
    if body.n != 1:
        raise BadRequest("n must be 1; ask again with sibling_of for another answer.")
    asked = TurnRequest(
        person=caller.person,
        messages=body.messages,
        source="api",
        conversation_id=body.conversation_id,
        parameters=body.model_extra or {},
        adapter=None if body.model == DEFAULT else body.model,
        sibling_of=body.sibling_of,
    )
    steps = services.turns.run(asked)
    begun = await anext(steps)
    assert isinstance(begun, Begun)
    response: Response
    if body.stream:
        first = await anext(steps)  # what the engine refuses can still have its own status
        with_usage = bool((body.stream_options or {}).get("include_usage"))
        response = StreamingResponse(_events(begun, first, steps, with_usage), media_type="text/event-stream")
    else:
        response = JSONResponse(await _whole(begun, steps, request))
    set_person(response, caller)
    return response


async def _whole(begun: Begun, steps: AsyncGenerator[Step, None], request: Request) -> dict[str, object]:
    text, done = [], Done(begun.turn_id, "error", {})
    async with contextlib.aclosing(steps):
        async for step in steps:
            if await request.is_disconnected():
                break  # nobody waits for the rest
            if isinstance(step, Delta):
                text.append(step.text)
            elif isinstance(step, Done):
                done = step
    message = {"role": "assistant", "content": "".join(text)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": done.finish_reason}
    return {**_stamp(begun, "chat.completion"), "choices": [choice], "usage": _usage(done), "ratchet": _route(begun)}


async def _events(
    begun: Begun, first: Step, steps: AsyncGenerator[Step, None], with_usage: bool
) -> AsyncIterator[bytes]:
    stamp = _stamp(begun, "chat.completion.chunk")

    def event(delta: Mapping[str, str], reason: str | None = None, **more: object) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return b"data: " + orjson.dumps({**stamp, "choices": [choice], **more}) + b"\n\n"

    async with contextlib.aclosing(steps):
        yield event({"role": "assistant", "content": ""}, ratchet=_route(begun))
        step: Step | None = first
        try:
            while step is not None:
                if isinstance(step, Delta):
                    yield event({"content": step.text})
                elif isinstance(step, Done):
                    yield event({}, step.finish_reason, ratchet=_route(begun))
                    if with_usage:
                        yield b"data: " + orjson.dumps({**stamp, "choices": [], "usage": _usage(step)}) + b"\n\n"
                step = await anext(steps, None)
        except Exception as error:
            # The status line is gone; the error travels as OpenAI's clients expect it.
            seen = told(error)
            yield b"data: " + orjson.dumps(error_body(str(seen), answer_to(seen))) + b"\n\n"
            return
    yield b"data: [DONE]\n\n"


def _stamp(begun: Begun, kind: str) -> dict[str, object]:
    return {
        "id": begun.turn_id,
        "object": kind,
        "created": int(time.time()),
        "model": begun.route.adapter,
        "system_fingerprint": begun.route.weights_sha256,
    }


def _usage(done: Done) -> dict[str, int]:
    return dict(done.usage) or dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), 0)


def _route(begun: Begun) -> dict[str, object]:
    return {
        "conversation_id": begun.conversation_id,
        "arm": begun.route.arm,
        "adapter": begun.route.adapter,
        "weights_sha256": begun.route.weights_sha256,
        "experiment_id": begun.route.experiment_id,
    }
