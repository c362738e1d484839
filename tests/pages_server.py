"""The real pages, API and store on a real port, with an engine of canned words: fast, and the same every time.

To look at the pages without a model: PYTHONPATH=. .venv/bin/python tests/pages_server.py PORT [HOME]
"""

import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import uvicorn
from fastapi import FastAPI

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from analytics import Account, Store
from analytics.columns import tables
from chatbot.accounts import SESSION_COOKIE
from chatbot.app import create_app
from chatbot.engine_stream import Piece
from chatbot.model import Model
from chatbot.services import Services, assemble, open_registry
from chatbot.settings import Settings
from learner.starter import MODEL_DIR
from safety.scorer import KeptScorer

ANSWERS = (
    "Delivery takes two to four days. You get a link to follow your parcel.",
    "Your parcel is with you within four days, and the link in the email shows where it is.",
)
LONG = "One, two, three, and so it goes on until somebody says stop. " * 20
START_SECONDS = 60.0


class CannedEngine:
    """Has the doors of `chatbot.engine.Engine`; gives the same message one answer after the other, word by word."""

    def __init__(self, pause: float = 0.02) -> None:
        self.ready, self.trouble, self.pause = True, "", pause
        self.asked: dict[str, int] = {}

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def stop(self) -> None: ...

    async def requests(self) -> dict[str, float]:
        return {}

    def address(self) -> None: ...

    def load(self, name: str, folder: Path) -> None: ...

    def unload(self, name: str) -> None: ...

    def rate(self, name: str, rows: object) -> list[float]: ...

    async def stream(self, served_name, messages, parameters) -> AsyncIterator[Piece]:
        said = messages[-1]["content"]
        times = self.asked.get(said, 0)
        self.asked[said] = times + 1
        text = LONG if said.startswith("Count ") else ANSWERS[times % len(ANSWERS)]
        words = f"{text} {said.partition('Say ')[2]}".strip().split(" ")
        for at, word in enumerate(words):
            await asyncio.sleep(self.pause)
            yield Piece(word if at == 0 else f" {word}")
        yield Piece(finish_reason="stop", usage={"prompt_tokens": 9, "completion_tokens": len(words)})


@dataclass(frozen=True)
class Running:
    """A server that answers at `url`."""

    url: str
    services: Services
    app: FastAPI

    def forget(self) -> None:
        """Empty the store but for accounts and audit, and let the engine begin with its first answer again."""
        for table in set(tables(private=False)) - {"audit"}:  # a chain without its beginning is an alarm
            self.rows(f"DELETE FROM {table}")
        self.services.engine.asked.clear()

    def rows(self, sql: str, *parameters: object) -> list[dict]:
        return self.services.store.rows(sql, parameters)

    def end_the_hour(self) -> None:
        """Have Gradio take every page's connection for broken, and what it keeps for pages for two hours old."""
        holders = [route.app.state_holder for route in self.app.routes if hasattr(route.app, "state_holder")]
        for session in [session for holder in holders for session in holder.session_data.values()]:
            session.is_closed = True
            for key, (longest, since) in session._state_ttl.items():
                session._state_ttl[key] = longest, since - timedelta(hours=2)
        for holder in holders:
            holder.delete_all_expired_state()

    def account(self, role: str) -> Account:
        """Somebody new with this role."""
        people = self.services.accounts.people
        return people.add(people.free_name(role), role, "test")

    def link(self, page: str) -> str:
        """A one-time link for somebody who may see the page."""
        accounts = self.services.accounts
        account = self.account({"review": "reviewer", "operate": "operator"}[page])
        return f"{self.url}/join?token={accounts.links.for_account(account.account_id, 'test')}"

    def cookie(self, role: str) -> dict[str, str]:
        """The cookie of somebody new with this role, for a browser."""
        secret = self.services.accounts.sessions.begin(self.account(role).account_id)
        return {"name": SESSION_COOKIE, "value": secret, "url": self.url}


def services(home: Path, scorer: KeptScorer | None = None, **given: object) -> Services:
    """What `chatbot.services.build` puts together, around the canned engine; texts are scored in this process."""
    home.mkdir(parents=True, exist_ok=True)
    quiet = {"learn_every_hours": 0.0, "learn_after_feedback": 0, "review_sample": 0.0, "holdback_share": 0.0}
    flags = {"home": str(home), **quiet, "merge": "off", **given}
    settings = Settings.load(flags, environ={})
    store, engine = Store.open(home / "store.duckdb"), CannedEngine()
    model = Model("starter", MODEL_DIR, "0" * 64)
    registry = open_registry(settings, store, model)
    return assemble(settings, model, store, registry, engine, scorer)


@contextmanager
def running(home: Path, port: int = 0, scorer: KeptScorer | None = None, **given: object) -> Iterator[Running]:
    """Serve from a thread of this process, so that a test can look into the store."""
    from chatbot.pages import mount

    built, made = services(home, scorer, **given), Future()

    async def serve() -> None:
        # Gradio makes a loop for every lock where none runs, and never closes one: so its pages are made in here.
        app = create_app(built, mount)
        config = uvicorn.Config(app, port=port, log_level="warning", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        made.set_result((app, server))
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="pages")
    thread.start()
    app, server = made.result(START_SECONDS)
    try:
        until = time.monotonic() + START_SECONDS
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        assert server.started, "the server did not start"
        yield Running(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", built, app)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


if __name__ == "__main__":
    with running(Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()), int(sys.argv[1])) as served:
        print(served.url, served.link("review"), served.link("operate"), sep="\n", flush=True)  # noqa: T201
        threading.Event().wait()
