"""Asks a guard model over HTTP, and remembers what it said."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
import orjson

from safety.errors import GuardFailed
from safety.guards.base import Exchange, Family
from safety.guards.line import line

MOST_REMEMBERED = 2048


@dataclass
class Client:
    """`url` is that of a server with OpenAI's API, with or without /v1; `key` may be empty."""

    url: str
    model: str
    family: Family
    key: str = ""
    _known: OrderedDict[Exchange, Mapping[str, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def scores(self, exchange: Exchange) -> Mapping[str, float]:
        """What the model says of an exchange, from memory where it was asked before. Raises GuardFailed."""
        with self._lock:
            if (known := self._known.get(exchange)) is not None:
                self._known.move_to_end(exchange)
                return known
        asked = self.family.ask(exchange)
        reply = await self._post(asked.path, {**asked.body, "model": self.model})
        found = self.family.scores(reply, exchange)
        with self._lock:
            self._known[exchange] = found
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return found

    async def _post(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        url = f"{self.url.rstrip('/').removesuffix('/v1')}{path}"
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        try:
            status, told = await line().post(url, orjson.dumps(body), headers)
            if status != 200:
                raise GuardFailed(f"The guard model at {url} answers {status}: {told[:200]!r}")
            reply = orjson.loads(told)
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            raise GuardFailed(f"The guard model at {url} cannot be asked: {error or type(error).__name__}") from error
        if not isinstance(reply, dict):
            raise GuardFailed(f"The guard model at {url} sent no object.")
        return reply
