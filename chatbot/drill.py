"""The load of a drill: streams that are open while the champion is changed, and new turns right after it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from chatbot.drilled import Flip, Measured
from chatbot.errors import UserError

PROMPT = "Please tell me all that you know about deliveries."
TURNS = 8  # new ones after each change
MOST_NAMES = 200
OPEN_SECONDS, END_SECONDS = 120.0, 600.0


@dataclass
class _Stream:
    """What came of one stream: its adapter, its tokens, and whether it came to its end."""

    adapter: str = ""
    tokens: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    whole: bool = False


class Drill:
    """Drives one drill against the server at `url` with a key that may act for users; each stream is `tokens` long.

    `parameters` make an answer that long, of whatever model. `told` is called with what happens.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        streams: int,
        tokens: int,
        parameters: Mapping[str, Any],
        told: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._url, self._key, self._streams = url, key, streams
        self._tokens = tokens
        self._sent = {
            "max_tokens": tokens,
            "min_tokens": tokens,
            "ignore_eos": True,
            "stream_options": {"include_usage": True},
            **parameters,
        }
        self._told, self._user = told, ""

    async def run(self) -> dict[str, Any]:
        """Begin, promote, roll back, end; returns the drill as the server keeps it. Raises UserError."""
        timeout = aiohttp.ClientTimeout(total=END_SECONDS)
        connector, headers = aiohttp.TCPConnector(limit=0), {"Authorization": f"Bearer {self._key}"}
        async with aiohttp.ClientSession(self._url, headers=headers, timeout=timeout, connector=connector) as session:
            begun = await self._ask(session, "/v1/drills")
            path, copy, champion = f"/v1/drills/{begun['drill_id']}", begun["adapter"], begun["champion"]
            try:
                self._user = await self._somebody(session, champion)
                self._told(f"{self._streams} streams on {champion}, while {copy} is promoted.")
                promotion = await self._flip(session, f"{path}/promote", champion, copy)
                self._told(f"{self._streams} streams on {copy}, while it is rolled back.")
                rollback = await self._flip(session, "/v1/rollback", copy, champion)
            except BaseException:
                # The server goes back by itself as well, only later.
                with contextlib.suppress(Exception):
                    await self._ask(session, f"{path}/end", _nothing().model_dump())
                raise
            measured = Measured(promotion=promotion, rollback=rollback)
            return await self._ask(session, f"{path}/end", measured.model_dump())

    async def _somebody(self, session: aiohttp.ClientSession, champion: str) -> str:
        """A name whose bearer is served by the champion, for some people stay on the one before it."""
        for number in range(MOST_NAMES):
            self._user = f"drill-{number}"
            if await self._begin(session) == champion:
                return self._user
        raise UserError(f"None of {MOST_NAMES} people of the drill is served by {champion}.")

    async def _flip(self, session: aiohttp.ClientSession, order: str, before: str, after: str) -> Flip:
        """Change the champion while streams are open; `before` and `after` are the adapters that have to answer."""
        streams = [_Stream() for _ in range(self._streams)]
        tasks = [asyncio.create_task(self._stream(session, stream, before)) for stream in streams]
        try:
            await asyncio.wait_for(asyncio.gather(*(stream.begun.wait() for stream in streams)), OPEN_SECONDS)
            was_open = sum(not task.done() for task in tasks)
            sent = time.perf_counter()
            seconds = (await self._ask(session, order))["seconds"]
            asked = time.perf_counter() - sent
            first = await self._begin(session)
            turn = time.perf_counter() - sent
            arms = [first, *await asyncio.gather(*(self._begin(session) for _ in range(TURNS - 1)))]
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return Flip(
            flip_ms=1000 * seconds,
            asked_ms=1000 * asked,
            turn_ms=1000 * turn,
            streams=was_open,
            dropped=sum(not stream.whole for stream in streams),
            short=sum(stream.tokens < self._tokens for stream in streams if stream.whole),
            turns=len(arms),
            wrong=sum(arm != after for arm in arms),
        )

    async def _stream(self, session: aiohttp.ClientSession, stream: _Stream, before: str) -> None:
        try:
            async for chunk in self._chunks(session, self._sent):
                stream.tokens = (chunk.get("usage") or {}).get("completion_tokens", stream.tokens)
                stream.adapter = stream.adapter or chunk["ratchet"]["adapter"]
                stream.begun.set()
            stream.whole = stream.adapter == before
        except (aiohttp.ClientError, TimeoutError, ValueError, UserError):
            stream.whole = False
        finally:
            stream.begun.set()

    async def _begin(self, session: aiohttp.ClientSession) -> str:
        """The adapter that answers a new turn, which is left at its first piece."""
        async with contextlib.aclosing(self._chunks(session, {"max_tokens": 1})) as chunks:
            async for chunk in chunks:
                return str(chunk["ratchet"]["adapter"])
        return ""

    async def _chunks(
        self, session: aiohttp.ClientSession, more: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        body = {"messages": [{"role": "user", "content": PROMPT}], "stream": True, "user": self._user, **more}
        async with session.post("/v1/chat/completions", json=body) as response:
            if response.status != 200:
                raise UserError(await _problem(response))
            async for line in response.content:
                text = line.decode().strip()
                if text == "data: [DONE]":
                    return
                if text.startswith("data: "):
                    yield json.loads(text.removeprefix("data: "))
        raise UserError("A stream broke off.")

    async def _ask(
        self, session: aiohttp.ClientSession, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        async with session.post(path, json=body) as response:
            if response.status >= 400:
                raise UserError(await _problem(response))
            answer: dict[str, Any] = await response.json()
            return answer


async def _problem(response: aiohttp.ClientResponse) -> str:
    text = await response.text()
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(text)["error"]["message"])
    return f"{response.status}: {text[:300]}"


def _nothing() -> Measured:
    none = Flip(flip_ms=0, asked_ms=0, turn_ms=0, streams=0, dropped=0, short=0, turns=0, wrong=0)
    return Measured(promotion=none, rollback=none)
