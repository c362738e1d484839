"""One HTTP client for all guard models, with connections that are kept, whichever loop asks.

Messages are screened in the server's loop, in threads, and in loops of a single call, and a client belongs to one loop:
so it has a loop and a thread of its own, which a first question starts.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
from collections.abc import Mapping
from functools import cache

import aiohttp

LAST_RESORT_SECONDS = 60.0  # for callers without a limit of their own
IDLE_SECONDS = 2.5  # vLLM hangs up after five, and a request that is sent at that moment would be lost
LONGEST_REPLY = 1_000_000  # bytes


class Line:
    """Posts, and hands the answer back to the loop that asked; who gives up takes the request back."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._session: aiohttp.ClientSession | None = None
        threading.Thread(target=self._loop.run_forever, name="guards", daemon=True).start()
        atexit.register(self._hang_up)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """The status and the body of the answer. Raises aiohttp.ClientError, TimeoutError."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._post(url, body, headers), self._loop))

    def _hang_up(self) -> None:
        if self._session is not None:
            with contextlib.suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self._session.close(), self._loop).result(1.0)

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
            timeout = aiohttp.ClientTimeout(total=LAST_RESORT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=connector)
        async with self._session.post(url, data=body, headers=headers) as response:
            told = bytearray()
            async for part in response.content.iter_any():
                told += part
                if len(told) > LONGEST_REPLY:
                    raise aiohttp.ClientPayloadError(f"more than {LONGEST_REPLY} bytes")
            return response.status, bytes(told)


@cache
def line() -> Line:
    """The process's one."""
    return Line()
