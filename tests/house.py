"""A whole server without an engine, in this process, and the people who call on it."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI

from analytics import Account
from chatbot.accounts import Roster
from chatbot.app import create_app
from chatbot.pages.mount import mount_plain
from chatbot.services import Services
from tests.pages_server import services

PASSWORD = "correct horse battery staple"
HERE, ELSEWHERE = "127.0.0.1", "192.0.2.7"


@dataclass
class Visitor:
    """Somebody with a browser: it keeps cookies, and fills the hidden fields of forms."""

    client: httpx.AsyncClient

    async def get(self, path: str, **more: object) -> httpx.Response:
        return await self.client.get(path, **more)

    async def post(self, path: str, **more: object) -> httpx.Response:
        return await self.client.post(path, **more)

    async def fill(self, page: str, action: str, **fields: object) -> httpx.Response:
        """Open `page` and send its form for `action`; what is not given stays as it is."""
        shown = (await self.get(page)).text
        form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', shown, re.DOTALL)
        assert form is not None, shown
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
        return await self.post(action, data={**hidden, **fields})

    async def sign_in(self, name: str, password: str = PASSWORD, next_: str = "/account") -> httpx.Response:
        return await self.fill(f"/sign-in?next={next_}", "/sign-in", name=name, password=password)


@dataclass
class House:
    """The server, and the ways into it."""

    services: Services
    app: FastAPI

    @property
    def roster(self) -> Roster:
        return Roster(self.services.accounts, "http://127.0.0.1", "test")

    def account(self, name: str, role: str = "user", password: str | None = None) -> Account:
        return self.services.accounts.people.add(name, role, "test", password=password)

    def key(self, account: Account, *scopes: str, **more: object) -> str:
        return self.services.accounts.api_keys.add(account.account_id, "a key", scopes, "test", **more)[0]

    @asynccontextmanager
    async def visitor(
        self, account: Account | None = None, *, key: str = "", host: str = HERE, url: str = "http://127.0.0.1"
    ) -> AsyncIterator[Visitor]:
        """Somebody new from `host`, signed in to the account or with a key where those are given."""
        transport = httpx.ASGITransport(self.app, client=(host, 1), raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with httpx.AsyncClient(transport=transport, base_url=url, headers=headers) as client:
            if account is not None:
                client.cookies.set("ratchet_session", self.services.accounts.sessions.begin(account.account_id))
            yield Visitor(client)


@contextmanager
def furnished(folder: Path) -> Iterator[Callable[..., House]]:
    """Makes houses by settings, and closes them."""
    built: list[Services] = []

    def furnish(**settings: object) -> House:
        built.append(services(folder / f"house-{len(built)}", **settings))
        return House(built[-1], create_app(built[-1], mount_plain))

    yield furnish
    for one in built:
        one.learner.close()
        one.screen.close()
        one.store.close()
