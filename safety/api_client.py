"""A client of a server with OpenAI's API, for who has a great deal to ask: it keeps a pace, and tries again."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from safety.errors import SafetyError

BUSY = (429, 503)
Given = TypeVar("Given")
Told = TypeVar("Told")
TRIES, LONGEST_WAIT = 6, 60.0  # of a request that the server has no time for; in seconds


class ApiClient:
    """At most `concurrency` requests at once and `per_second` of them begun in a second. Use as a context manager.

    `url` is the server's, without /v1. `failure` is raised where the server does not answer at all.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        failure: type[SafetyError],
        concurrency: int,
        timeout_s: float,
        per_second: float = math.inf,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url, self.requests, self._failure = url, 0, failure
        known = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.AsyncClient(
            base_url=url, headers={**(headers or {}), **known}, timeout=timeout_s, trust_env=False, transport=transport
        )
        self._places, self._spacing, self._next = asyncio.Semaphore(concurrency), 1 / per_second, 0.0

    async def __aenter__(self) -> Self:
        """Connections are made when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._client.aclose()

    async def send(self, path: str, body: Mapping[str, object] | None = None) -> httpx.Response:
        """Post the body, or get what is there where there is none; again where the server asks to wait.

        The last response is returned whatever its status. Raises `failure`.
        """
        method = "GET" if body is None else "POST"
        for attempt in range(TRIES):
            try:
                response = await self.once(method, path, json=body)
            except httpx.HTTPError as error:
                raise self._failure(f"{self.url} does not answer ({error or type(error).__name__}).") from error
            if response.status_code not in BUSY or attempt == TRIES - 1:
                break
            await asyncio.sleep(_wait(response, attempt))
        return response

    async def each(
        self,
        given: Sequence[Given],
        work: Callable[[Self, Given], Awaitable[Told]],
        report: Callable[[int, int], None] = lambda done, of: None,
    ) -> list[Told]:
        """What `work` makes of each, all begun at once; where one fails the others are broken off."""
        done = 0

        async def one(part: Given) -> Told:
            nonlocal done
            told = await work(self, part)
            done += 1
            report(done, len(given))
            return told

        tasks = [asyncio.create_task(one(part)) for part in given]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def once(self, method: str, path: str, *, paced: bool = True, **more: Any) -> httpx.Response:  # noqa: ANN401
        """One request without a second try. Raises httpx.HTTPError."""
        async with self._places:
            if paced:
                await self._turn()
            self.requests += 1
            return await self._client.request(method, path, **more)

    async def _turn(self) -> None:
        """Wait until the next request may begin."""
        now = time.monotonic()
        self._next = max(now, self._next + self._spacing)
        if self._next > now:
            await asyncio.sleep(self._next - now)


def message_of(response: httpx.Response) -> str:
    """Why the server refused, in its own words where they are in OpenAI's shape."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(response.json()["error"]["message"])
    return f"status {response.status_code}"


def _wait(response: httpx.Response, attempt: int) -> float:
    seconds = float(2**attempt)
    with contextlib.suppress(ValueError):  # it may be a date
        seconds = float(response.headers.get("retry-after", seconds))
    return min(seconds, LONGEST_WAIT)
