"""A fake engine that says words at a set rate, so that all that is measured is what stands in front of it.

Run as: python -m benchmarks.gateway.upstream PORT MODEL TOKEN_MS STREAM_INTERVAL ANSWERS. It speaks as much of vLLM's
API as a gateway needs. As in the engine the role comes with the first token, and pieces grow up to `STREAM_INTERVAL`.
It has `ANSWERS` different answers, which it gives in turn.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import sys
import time
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import orjson
import uvloop
from aiohttp import web

from chatbot.engine_pieces import UNSCREENED, next_piece

LONGEST = 4096  # tokens
PROMPT_TOKENS = 16  # told as usage, whatever was asked
WORDS = ("the", "sea", "was", "calm", "and", "every", "boat", "came", "home", "before", "dark", "with", "more", "fish")
_STAMP = {"id": "chatcmpl-fake", "created": 0, "model": "fake"}
HEADERS = {"Content-Type": "text/event-stream; charset=utf-8"}


class Piece(NamedTuple):
    """Bytes to send once `tokens` tokens of the answer are due."""

    tokens: int
    data: bytes


def _text(begin: int, end: int, answer: int) -> str:
    if answer == 0:
        return "".join(f" {WORDS[number % len(WORDS)]}" for number in range(begin, end))
    drawn = random.Random(f"{answer} {begin}")
    return "".join(f" {drawn.choice(WORDS)}" for _ in range(begin, end))


def _event(choices: list[dict[str, object]], **more: object) -> bytes:
    chunk = {**_STAMP, "object": "chat.completion.chunk", "choices": choices, **more}
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _delta(delta: dict[str, str], reason: str | None) -> bytes:
    return _event([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}])


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": tokens, "total_tokens": PROMPT_TOKENS + tokens}


@cache
def pieces(
    tokens: int, stream_interval: int, with_usage: bool, answer: int = 0, first: int = UNSCREENED
) -> tuple[Piece, ...]:
    """A streamed answer of `tokens` tokens, the `first` of which come together."""
    return tuple(_pieces(tokens, stream_interval, with_usage, answer, first))


def _pieces(tokens: int, stream_interval: int, with_usage: bool, answer: int, first: int) -> Iterator[Piece]:
    begin = 0
    while begin < tokens:
        end = min(tokens, begin + next_piece(begin, stream_interval, first))
        data = b"" if begin else _delta({"role": "assistant", "content": ""}, None)
        data += _delta({"content": _text(begin, end, answer)}, "length" if end == tokens else None)
        if end == tokens:
            data += (_event([], usage=_usage(tokens)) if with_usage else b"") + b"data: [DONE]\n\n"
        yield Piece(end, data)
        begin = end


def _whole(tokens: int) -> dict[str, object]:
    message = {"role": "assistant", "content": _text(0, tokens, 0)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "length"}
    return {**_STAMP, "object": "chat.completion", "choices": [choice], "usage": _usage(tokens)}


class Upstream:
    """The routes. A token takes `token_seconds`, the first one too."""

    def __init__(
        self, model: str, token_seconds: float, stream_interval: int, answers: int = 1, first: int = UNSCREENED
    ) -> None:
        self._model, self._token_seconds = model, token_seconds
        self._stream_interval, self._first = stream_interval, first
        self._answers = itertools.cycle(range(answers))

    def app(self) -> web.Application:
        """The application to serve."""
        app = web.Application()
        app.router.add_get("/health", self.fine)
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/load_lora_adapter", self.fine)
        app.router.add_post("/v1/unload_lora_adapter", self.fine)
        app.router.add_post("/v1/chat/completions", self.complete)
        return app

    async def fine(self, request: web.Request) -> web.Response:
        """Agree to anything."""
        return web.Response()

    async def models(self, request: web.Request) -> web.Response:
        """The one model that is served."""
        return web.json_response(
            {"object": "list", "data": [{"id": self._model, "object": "model", "owned_by": "fake"}]}
        )

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer with as many tokens as `max_tokens` says."""
        begun = time.perf_counter()
        body = orjson.loads(await request.read())
        tokens = max(1, min(LONGEST, int(body.get("max_tokens") or body.get("max_completion_tokens") or 16)))
        if not body.get("stream"):
            await self._until(begun, tokens)
            return web.json_response(body=orjson.dumps(_whole(tokens)))
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        for due, data in pieces(tokens, self._stream_interval, with_usage, next(self._answers), self._first):
            await self._until(begun, due)
            await response.write(data)
        await response.write_eof()
        return response

    async def _until(self, begun: float, tokens: int) -> None:
        left = begun + tokens * self._token_seconds - time.perf_counter()
        if left > 0:
            await asyncio.sleep(left)


async def serve(port: int, upstream: Upstream) -> None:
    """Serve on loopback until the task is cancelled."""
    runner = web.AppRunner(upstream.app(), access_log=None, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        gc.freeze()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main(port: int, model: str, token_ms: float, stream_interval: int, answers: int, first: int) -> None:
    """Serve until told to stop."""
    uvloop.run(serve(port, Upstream(model, token_ms / 1000, stream_interval, answers, first)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), *map(int, sys.argv[4:7]))
