"""Answers in OpenAI's form: as a whole, and in chunks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from chatbot.answer import Delta
from chatbot.api.choices import Choices, Numbered, usage_of
from chatbot.api.common import answer_to, error_body, told
from chatbot.turn import Begun, Done

END = b"data: [DONE]\n\n"
Logprobs = Mapping[str, Sequence[Mapping[str, Any]]]


async def whole(begun: Begun, choices: Choices) -> dict[str, object]:
    """The reply that is sent at once."""
    texts = ["" for _ in choices.begun]
    tokens: list[list[Mapping[str, Any]]] = [[] for _ in choices.begun]
    calls: list[Sequence[Mapping[str, Any]]] = [() for _ in choices.begun]
    dones: dict[int, Done] = {}
    async for at, step in choices.steps():
        if isinstance(step, Delta):
            texts[at] += step.text
            tokens[at] += step.tokens
            calls[at] = step.tool_calls or calls[at]
        elif isinstance(step, Done):
            dones[at] = step
    answered = [_choice(at, texts[at], calls[at], tokens[at], dones[at]) for at in sorted(dones)]
    stamp, route = _stamp(begun, "chat.completion"), _route(choices) | _ended(dones.values())
    return {**stamp, "choices": answered, "usage": usage_of(dones), "ratchet": route}


async def events(begun: Begun, first: Numbered, choices: Choices, with_usage: bool) -> AsyncGenerator[bytes, None]:
    """The chunks, as server-sent events. What belongs together is sent together."""
    chunk = Chunk(begun)
    hello = {"role": "assistant", "content": ""}
    opening = b"".join(chunk.event(at, hello, ratchet=_route(choices)) for at in range(len(choices.begun)))
    dones: dict[int, Done] = {}
    async with contextlib.aclosing(choices):
        yield opening + chunk.of(first, dones, choices)
        try:
            async for step in choices.steps():
                if sent := chunk.of(step, dones, choices):
                    yield sent
        except Exception as error:
            # The status line is gone; the error travels as OpenAI's clients expect it.
            seen = told(error)
            yield b"data: " + orjson.dumps(error_body(str(seen), answer_to(seen))) + b"\n\n"
            return
    usage = chunk.bare(choices=[], usage=usage_of(dones)) if with_usage else b""
    yield chunk.last + usage + END


class Chunk:
    """Makes the chunks of one reply. `last` is held back, to be sent together with the end."""

    def __init__(self, begun: Begun) -> None:
        self._stamp, self.last = _stamp(begun, "chat.completion.chunk"), b""

    def of(self, numbered: Numbered, dones: dict[int, Done], choices: Choices) -> bytes:
        """The chunk for a step; nothing for the ends, which are gathered in `last`."""
        at, step = numbered
        if isinstance(step, Delta):
            calls = [{"index": index, **call} for index, call in enumerate(step.tool_calls)]
            delta = {"content": step.text} if step.text or not calls else {"tool_calls": calls}
            return self.event(at, delta, logprobs=_logprobs(step.tokens))
        if isinstance(step, Done):
            dones[at] = step
            self.last += self.event(at, {}, step.finish_reason, ratchet=_route(choices) | _ended([step]))
        return b""

    def event(
        self,
        at: int,
        delta: Mapping[str, object],
        reason: str | None = None,
        logprobs: Logprobs | None = None,
        **more: object,
    ) -> bytes:
        """A chunk with a piece of one choice."""
        choice = {"index": at, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return self.bare(choices=[choice], **more)

    def bare(self, **fields: object) -> bytes:
        """A chunk of these fields."""
        return b"data: " + orjson.dumps({**self._stamp, **fields}) + b"\n\n"


def _choice(
    at: int, text: str, calls: Sequence[Mapping[str, Any]], tokens: Sequence[Mapping[str, Any]], done: Done
) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": text or (None if calls else ""), "refusal": None}
    if calls:
        message["tool_calls"] = calls
    return {"index": at, "message": message, "logprobs": _logprobs(tokens), "finish_reason": done.finish_reason}


def _logprobs(tokens: Sequence[Mapping[str, Any]]) -> Logprobs | None:
    return {"content": tokens} if tokens else None


def _stamp(begun: Begun, kind: str) -> dict[str, object]:
    return {
        "id": begun.turn_id,
        "object": kind,
        "created": int(time.time()),
        "model": "default" if begun.compares else begun.route.adapter,
        "system_fingerprint": None if begun.compares else begun.route.weights_sha256,
    }


def _ended(dones: Collection[Done]) -> dict[str, object]:
    """What the screen stopped, for clients that show it in another way, and why to ask for a comparison."""
    stopped = next((done.stopped for done in dones if done.stopped is not None), None)
    compare = next((done.compare for done in dones if done.compare), None)
    told: dict[str, object] = {} if stopped is None else {"stopped": asdict(stopped)}
    return told if compare is None else {**told, "compare": compare}


def _route(choices: Choices) -> dict[str, object]:
    begun = choices.begun[0]
    told = {
        "conversation_id": begun.conversation_id,
        "response_ids": [choice.turn_id for choice in choices.begun],
    }
    if begun.compares:  # who compares is not told which is which
        return {**told, "compares": True, "experiment_id": begun.route.experiment_id}
    return {
        **told,
        "arm": begun.route.arm,
        "adapter": begun.route.adapter,
        "weights_sha256": begun.route.weights_sha256,
        "experiment_id": begun.route.experiment_id,
    }
