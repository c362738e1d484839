"""A client of the API without a port, as one person or another."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator

import httpx

from chatbot.accounts import PERSON_COOKIE
from chatbot.app import create_app
from chatbot.permissions import scopes_of
from chatbot.services import Services

MESSAGES = [{"role": "user", "content": "How long is delivery?"}]


@contextlib.asynccontextmanager
async def api(house: Services, person: str | None = None, host: str = "127.0.0.1", **headers: str) -> AsyncIterator:
    """Somebody at a browser of their own: a newcomer, or `person` by a cookie that the server signed."""
    transport = httpx.ASGITransport(create_app(house), client=(host, 1))
    cookies = {} if person is None else {PERSON_COOKIE: house.accounts.guest_cookie(person)}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", cookies=cookies, headers=headers
    ) as client:
        yield client


def key_of(house: Services, role: str) -> dict[str, str]:
    """The headers of a key of somebody new with this role."""
    accounts = house.accounts
    owner = accounts.people.add(accounts.people.free_name(role), role, "test")
    key, _ = accounts.api_keys.add(owner.account_id, "key", scopes_of(role), "test")
    return {"Authorization": f"Bearer {key}"}


async def asked(client: httpx.AsyncClient, text: str = "How long is delivery?", **more: object) -> dict:
    """Ask, and return the chat completion."""
    sent = {"messages": [{"role": "user", "content": text}], **more}
    response = await client.post("/v1/chat/completions", json=sent)
    assert response.status_code == 200, response.text
    return response.json()


def as_json(body: object) -> dict:
    """What to send of a body that httpx would not write, such as one with half of a surrogate pair."""
    return {"content": json.dumps(body).encode(), "headers": {"Content-Type": "application/json"}}
