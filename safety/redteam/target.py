"""The server under attack, over HTTP alone: what it answers, and what its filters say of a prompt.

Every request names the red team in a header, every conversation in its id, and every turn is asked as a person of its
own who refused that anything be learned from. At the end it deletes its conversations, so that no reviewer finds them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from safety.api_client import ApiClient, message_of
from safety.errors import NotAllowedThere, RedTeamError
from safety.redteam.attack import Message
from safety.redteam.sight import UNSEEN, Sight, seen

PERSON, MARK = "red-team", "X-Ratchet-Red-Team"
TIMEOUT_SECONDS = 120.0
MOST_TEXTS, MOST_LETTERS = 256, 90_000  # that the filters are shown in one request


@dataclass(frozen=True)
class Reply:
    """What came back. `error` says why nothing did; `adapter` is whoever answered, where the server tells."""

    text: str
    finish_reason: str
    response_id: str = ""
    adapter: str = ""
    milliseconds: float = 0.0
    error: str = ""


def check_address(url: str, may_leave: bool) -> str:
    """The address without a slash at its end.

    Raises RedTeamError for what is none, and NotAllowedThere for another machine unless `may_leave`.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RedTeamError(f"{url!r} is no address; it must be one such as http://127.0.0.1:7860.")
    if not (may_leave or _is_this_machine(parts.hostname)):
        raise NotAllowedThere(
            f"{parts.hostname} is another machine. Attack only servers that you may attack; if you may attack this "
            "one, say so with --i-may-test-this-server."
        )
    return url.rstrip("/").removesuffix("/v1")


class Target:
    """At most `concurrency` requests at once and `per_second` of them begun in a second. Use as a context manager."""

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        run_id: str,
        concurrency: int = 4,
        per_second: float = 20.0,
        max_tokens: int = 96,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url, self.run_id, self._max_tokens = url, run_id, max_tokens
        self._client = ApiClient(
            url,
            key,
            failure=RedTeamError,
            concurrency=concurrency,
            timeout_s=TIMEOUT_SECONDS,
            per_second=per_second,
            headers={MARK: run_id, "User-Agent": "ratchet-redteam/1"},
            transport=transport,
        )
        self._conversations: list[str] = []
        self.moderated, self._ours = True, False

    @property
    def requests(self) -> int:
        """How many were sent so far."""
        return self._client.requests

    async def __aenter__(self) -> Self:
        """See that somebody is there, and refuse learning. Raises RedTeamError."""
        try:
            await self._begin()
        except BaseException as error:
            await self._client.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete the conversations, unless something broke, and hang up."""
        try:
            if kind is None and self._ours:
                await asyncio.gather(*map(self._delete, self._conversations))
        finally:
            await self._client.__aexit__(kind, error, trace)

    async def ask(self, messages: Sequence[Message], **more: object) -> Reply:
        """One answer, in a conversation of its own. Raises RedTeamError where the server is gone or lets nobody in."""
        conversation = f"red-team.{self.run_id}.{len(self._conversations) + 1}"
        self._conversations.append(conversation)
        body: dict[str, object] = {
            "model": "default",
            "messages": list(messages),
            "max_tokens": self._max_tokens,
            "user": PERSON,
            "conversation_id": conversation,
            **more,
        }
        began = time.perf_counter()
        response = await self._send("/v1/chat/completions", body)
        if response.status_code != 200:
            return Reply("", "error", error=message_of(response))
        told = response.json()
        choice = told["choices"][0]
        return Reply(
            text=choice["message"].get("content") or "",
            finish_reason=str(choice["finish_reason"]),
            response_id=str(told.get("id", "")),
            adapter=str((told.get("ratchet") or {}).get("adapter") or told.get("model", "")),
            milliseconds=round(1000 * (time.perf_counter() - began), 1),
        )

    async def look(self, prompts: Sequence[Sequence[Message]]) -> list[Sight]:
        """What the filters say of each prompt; where the server tells nobody, that they were not seen."""
        looks = [self._look(part) for part in _parts(prompts)]
        return [sight for sights in await asyncio.gather(*looks) for sight in sights]

    async def _look(self, prompts: Sequence[Sequence[Message]]) -> list[Sight]:
        if not self.moderated:
            return [UNSEEN] * len(prompts)
        texts = [[message["content"] for message in messages if message["content"]] for messages in prompts]
        response = await self._send("/v1/moderations", {"input": [text for several in texts for text in several]})
        if response.status_code == 404:
            self.moderated = False
            return [UNSEEN] * len(prompts)
        if response.status_code != 200:
            raise RedTeamError(f"{self.url} does not show its filters: {message_of(response)}")
        results = iter(response.json()["results"])
        return [seen([next(results) for _ in several]) for several in texts]

    async def _begin(self) -> None:
        response = await self._send("/v1/models")
        if response.status_code != 200:
            raise RedTeamError(f"{self.url} does not serve anything that can be attacked: {message_of(response)}")
        # A key that may not speak for others is a person of its own, whose consent is none of our business.
        me = await self._send("/v1/me")
        self._ours = me.status_code == 200
        scopes = me.json()["scopes"] if self._ours else []
        if self._ours and (scopes is None or {"act-for-users", "feedback"} <= set(scopes)):
            await self._send("/v1/consent", {"given": False, "user": PERSON})

    async def _delete(self, conversation: str) -> None:
        with contextlib.suppress(httpx.HTTPError):
            # At once or nearly: it is no attack, and people wait for the end.
            path, user = f"/v1/conversations/{conversation}", {"user": PERSON}
            await self._client.once("DELETE", path, paced=False, params=user)

    async def _send(self, path: str, body: Mapping[str, object] | None = None) -> httpx.Response:
        """Send it, again where the server asks to wait. Raises RedTeamError."""
        response = await self._client.send(path, body)
        if response.status_code in (401, 403):
            raise RedTeamError(f"{self.url} lets nobody in: {message_of(response)} Give a key with --key.")
        return response


def _parts(prompts: Sequence[Sequence[Message]]) -> list[list[Sequence[Message]]]:
    """The prompts in as many requests as they need."""
    parts: list[list[Sequence[Message]]] = []
    texts = letters = 0
    for messages in prompts:
        texts += len(messages)
        letters += sum(len(message["content"]) for message in messages)
        if not parts or texts > MOST_TEXTS or letters > MOST_LETTERS:
            parts.append([])
            texts, letters = len(messages), sum(len(message["content"]) for message in messages)
        parts[-1].append(messages)
    return parts


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
