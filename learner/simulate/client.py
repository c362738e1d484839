"""What a browser or a script would send: the server's public API and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

PERSON_COOKIE = "ratchet_person"
BUSY = (429, 503)
TRIES = 40


class DemoError(Exception):
    """The server could not be used; the message says what it answered."""


class Conflict(DemoError):
    """The server is at something that excludes what it was asked for."""


@dataclass(frozen=True)
class Answer:
    """An answer with the id that feedback names, and the weights that gave it."""

    response_id: str
    text: str
    arm: str
    adapter: str
    weights_sha256: str


class Client:
    """A connection to one server. `key` is an operator's; people need none."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url.rstrip("/"), key
        # Idle connections end here before the server ends them: one that it closes just as it is used is an error.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2)
        # Everybody brings their own cookie, so the session must not keep one for all.
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=120)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def chat(self, cookie: str, messages: Sequence[dict[str, str]], sibling_of: str = "") -> tuple[Answer, str]:
        """Ask the default model as a person; returns the answer and the person's cookie."""
        body: dict[str, object] = {"model": "default", "messages": list(messages)}
        if sibling_of:
            body["sibling_of"] = sibling_of
        told, cookie = await self._as_person("/v1/chat/completions", body, cookie)
        stamp = told["ratchet"]
        text = told["choices"][0]["message"]["content"] or ""
        return Answer(told["id"], text, stamp["arm"], stamp["adapter"], stamp["weights_sha256"]), cookie

    async def feedback(self, cookie: str, response_id: str, **given: object) -> dict[str, Any]:
        """Rate, rewrite or compare, agreeing that it may be learned from; returns the receipt."""
        body = {"response_id": response_id, "consent_to_train": True, **given}
        return (await self._as_person("/v1/feedback", body, cookie))[0]

    async def ready(self) -> bool:
        """Whether a first answer can be had."""
        try:
            async with self._session.get(f"{self.url}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def operate(
        self, method: str, path: str, body: dict[str, object] | None = None, *, key: str = ""
    ) -> dict[str, Any]:
        """Call the API with the operator's key, or with another `key`. Raises Conflict, DemoError."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        async with self._session.request(method, self.url + path, json=body, headers=headers) as response:
            told: dict[str, Any] = await response.json(content_type=None)
            if response.status >= 400:
                kind = Conflict if response.status == 409 else DemoError
                raise kind(f"{method} {path} was refused: {_reason(told)}")
            return told

    async def _as_person(self, path: str, body: dict[str, object], cookie: str) -> tuple[dict[str, Any], str]:
        headers = {"Cookie": f"{PERSON_COOKIE}={cookie}"} if cookie else {}
        for attempt in range(TRIES):
            async with self._session.post(self.url + path, json=body, headers=headers) as response:
                if response.status in BUSY:
                    await asyncio.sleep(0.05 * (attempt + 1))
                    continue
                told: dict[str, Any] = await response.json(content_type=None)
                if response.status >= 400:
                    raise DemoError(f"{path} was refused: {_reason(told)}")
                given = response.cookies.get(PERSON_COOKIE)
                return told, given.value if given else cookie
        raise DemoError(f"{path}: the server was busy for too long.")


def _reason(told: dict[str, Any]) -> str:
    error = told.get("error")
    return str(error.get("message")) if isinstance(error, dict) else str(told)
