"""The engine: vLLM as a supervised child on loopback, and the one place that talks to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import aiohttp
import orjson

from chatbot import keeper
from chatbot.engine_flags import command, environment
from chatbot.engine_stream import Events, Piece, load_of, prompt_logps, reason
from chatbot.errors import ContextTooLong, EngineBusy, EngineDown, EngineError, EngineRefused
from chatbot.model import Model
from chatbot.settings import Settings
from learner import BASE, BadAdapter, Canary, Encoded, free_port

START_SECONDS = 900.0
POLL_SECONDS = 0.2
HEALTH_SECONDS = 2.0
IDLE_SECONDS = 2.5
RESTART_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)
LOAD_SECONDS = 60.0
ROOT = Path(__file__).parents[1]
log = logging.getLogger(__name__)

Messages = Sequence[Mapping[str, str]]
Load = Callable[[str, Path], None]
Got = TypeVar("Got")


class Engine:
    """Starts vLLM, watches it, starts it again when it dies, and streams from it.

    After every start `hold_live` is given a function to call for each adapter that must be loaded, by name and folder;
    it raises BadAdapter for one that is refused. `start` and `close` belong to the event loop; `load` and `unload` are
    called from other threads. One of a model that was `merged_from` another takes no adapters.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        home: Path,
        hold_live: Callable[[Load], None] = lambda load: None,
        *,
        merged_from: Model | None = None,
    ) -> None:
        self.model, self._settings, self._hold_live, self._merged_from = model, settings, hold_live, merged_from
        self._log = home / ("merged-engine.log" if merged_from else "engine.log")
        # One that somebody else runs is neither started nor ended here; it is only waited for.
        self._elsewhere = settings.text("engine_url").rstrip("/")
        self._key, self._port = settings.text("engine_key") or secrets.token_urlsafe(32), 0
        self._process: subprocess.Popen[bytes] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False
        self.ready = False
        self.trouble = ""
        self.failures = 0  # starts in a row that came to nothing

    def spawn(self) -> None:
        """Start the process; it takes a while until it answers, so this comes first of all."""
        if self._elsewhere:
            return
        self._port = free_port()
        flags = command(self.model, self._settings, self._port, self._merged_from)
        words = [sys.executable, "-m", "chatbot.keeper", *flags]
        with self._log.open("ab") as log_file:
            self._process = subprocess.Popen(
                words,
                cwd=ROOT,
                env=environment(self._settings, self._key, lora=self._merged_from is None),
                stdin=subprocess.PIPE,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
            )

    async def start(self) -> None:
        """Begin to watch the process; `ready` turns true once it has answered."""
        self._loop = asyncio.get_running_loop()
        headers = {"Authorization": f"Bearer {self._key}"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        # vLLM hangs up after five idle seconds, and a request that is sent at that moment would be lost.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
        self._session = aiohttp.ClientSession(headers=headers, timeout=timeout, connector=connector)
        self._watcher = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """End the process and everything it started."""
        self._closing, self.ready = True, False
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        if self._session is not None:
            await self._session.close()
        await asyncio.to_thread(self.stop)

    def stop(self) -> None:
        """End the process; safe to call at any time, from any thread."""
        process, self._process = self._process, None
        if process is not None:
            keeper.stop(process)

    async def stream(
        self,
        served_name: str,
        messages: Messages,
        parameters: Mapping[str, Any],
        *,
        trace: Mapping[str, str] = MappingProxyType({}),
    ) -> AsyncGenerator[Piece, None]:
        """Stream an answer; `parameters` go to vLLM as they are, and so do the headers `trace`.

        Raises EngineDown, EngineBusy, EngineRefused.
        """
        if not self.ready:
            raise EngineDown(self.trouble or "The model is still waking up; try again in a moment.")
        options = {"stream": True, "stream_options": {"include_usage": True}}
        body = {**parameters, "model": served_name, "messages": list(messages), **options}
        async with self._request("/v1/chat/completions", body, trace) as response:
            events = Events()
            async for chunk in response.content.iter_any():
                if (piece := events.feed(chunk)) is not None:
                    yield piece

    async def alive(self) -> bool:
        """Whether it answers when it is asked now; one that is dying may refuse what is right."""
        return self.ready and await self._healthy()

    async def count(self, text: str) -> int:
        """How many tokens the text has, without those that begin or end one. Raises EngineError."""
        body = {"model": BASE, "prompt": text, "add_special_tokens": False}
        return int((await self._asked("/tokenize", body))["count"])

    async def measured(self, texts: Sequence[Canary]) -> list[Canary]:
        """The same texts with the log-probabilities that this engine finds of their answers. Raises EngineError."""
        found = []
        for text in texts:
            # Of a prompt, for what it would say itself may be another answer.
            body = {"model": BASE, "prompt": text.prompt + text.answer, "max_tokens": 1, "prompt_logprobs": 0}
            (choice,) = (await self._asked("/v1/completions", body))["choices"]
            of_answer = choice["prompt_logprobs"][len(text.prompt) :]
            chosen = [of[str(token)]["logprob"] for token, of in zip(text.answer, of_answer, strict=True)]
            found.append(text._replace(logprobs=chosen))
        return found

    async def requests(self) -> Mapping[str, float]:
        """How many requests the engine has `running` and `waiting`; empty while it does not tell."""
        if not self.ready:
            return {}
        with contextlib.suppress(EngineError):
            async with self._request("/metrics") as response:
                return load_of(await response.text())
        return {}

    def address(self) -> Mapping[str, str] | None:
        """The url, the key and the name of the base, for roll-outs of a lap; None while it starts."""
        return {"url": self._url(""), "key": self._key, "model": BASE} if self.ready else None

    def load(self, name: str, folder: Path) -> None:
        """Load an adapter under `name`; while the engine starts, the start will load it.

        Raises BadAdapter where the engine refuses it, and EngineError.
        """
        if self._awake():
            self._wait_for(self._load(name, folder), LOAD_SECONDS)

    def rate(self, name: str, rows: Sequence[Encoded]) -> list[float]:
        """log p of each token of the rows' completions by what is served under `name`, in nats, row after row.

        Raises EngineDown while it starts, and EngineError.
        """
        if not self._awake():
            raise EngineDown(self.trouble or "The model is still waking up; try again in a moment.")
        return self._wait_for(self._rate(name, rows), LOAD_SECONDS)

    def unload(self, name: str) -> None:
        """Unload an adapter; one that is not loaded is left alone."""
        if self._awake():
            self._wait_for(self._unload(name), LOAD_SECONDS)

    def _awake(self) -> bool:
        if self._closing:
            raise EngineDown("The server is stopping.")
        return self.ready

    def _wait_for(self, coroutine: Coroutine[Any, Any, Got], seconds: float | None = None) -> Got:
        assert self._loop is not None
        assert threading.current_thread() is not threading.main_thread() or not self._loop.is_running()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    async def _load(self, name: str, folder: Path) -> None:
        try:
            await self._post("/v1/load_lora_adapter", {"lora_name": name, "lora_path": str(folder)})
        except EngineRefused as error:
            if "already" in str(error):
                return
            # One that is dying refuses whatever comes.
            if not await self._healthy():
                raise EngineDown("The engine broke off; it is being started again.") from error
            raise BadAdapter(f"The engine refuses {name}: {error}") from error

    async def _rate(self, name: str, rows: Sequence[Encoded]) -> list[float]:
        found: list[float] = []
        for row in rows:
            # vLLM takes nothing of such a prompt from its cache, so these are the weights that are loaded now.
            asked = {"model": name, "prompt": [*row.prompt, *row.completion], "max_tokens": 1, "temperature": 0}
            async with self._request("/v1/completions", {**asked, "prompt_logprobs": 0}) as response:
                told = orjson.loads(await response.read())
            found += prompt_logps(told, row.completion)
        return found

    async def _unload(self, name: str) -> None:
        with contextlib.suppress(EngineRefused):
            await self._post("/v1/unload_lora_adapter", {"lora_name": name})

    async def _watch(self) -> None:
        while True:
            try:
                if self._process is None:
                    self.spawn()
                await self._wake_up()
                self.failures = 0
                await self._until_it_ends()
                self.trouble = "The engine died and is being started again."
            except Exception as error:  # whatever went wrong, the engine is started again
                self.trouble = str(error) or repr(error)
            self.ready = False
            log.warning("%s Its log is %s.", self.trouble, "where it runs" if self._elsewhere else self._log)
            await asyncio.to_thread(self.stop)
            await asyncio.sleep(RESTART_SECONDS[min(self.failures, len(RESTART_SECONDS) - 1)])
            self.failures += 1

    async def _wake_up(self) -> None:
        """Wait until the engine answers, load what is live, and let it say a first word."""
        until = time.monotonic() + START_SECONDS
        while not await self._healthy():
            if not self._elsewhere and (self._process is None or self._process.poll() is not None):
                # For the operator's eyes; `trouble` is told to everybody.
                log.warning("The last lines of %s:\n%s", self._log, _tail(self._log))
                raise EngineDown(f"The engine ended while it started; {self._log.name} in the home says why.")
            if time.monotonic() > until:
                raise EngineDown("The engine did not start in time.")
            self.trouble = f"No vLLM answers at {self._elsewhere}." if self._elsewhere else ""
            await asyncio.sleep(POLL_SECONDS)
        await self._load_live()
        hello = {"model": BASE, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}
        await self._post("/v1/chat/completions", hello)
        self.ready, self.trouble = True, ""
        await self._load_live()  # `load` leaves to the start what goes live before `ready`

    async def _load_live(self) -> None:
        # In a thread, for it reads and writes the store.
        await asyncio.to_thread(self._hold_live, lambda name, folder: self._wait_for(self._load(name, folder)))

    async def _until_it_ends(self) -> None:
        if self._elsewhere:
            while await self._healthy():  # noqa: ASYNC110 - it tells nobody that it ends
                await asyncio.sleep(HEALTH_SECONDS)
            return
        assert self._process is not None
        while self._process.poll() is None:  # noqa: ASYNC110 - a process that ends sets no event
            await asyncio.sleep(POLL_SECONDS)

    async def _healthy(self) -> bool:
        assert self._session is not None
        try:
            async with self._session.get(self._url("/health")) as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def _asked(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401
        async with self._request(path, body) as response:
            return orjson.loads(await response.read())

    async def _post(self, path: str, body: Mapping[str, object]) -> None:
        async with self._request(path, body) as response:
            await response.read()

    @contextlib.asynccontextmanager
    async def _request(
        self,
        path: str,
        body: Mapping[str, object] | None = None,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Post the body, or get what is there where there is none; `more` are headers."""
        assert self._session is not None
        data = None if body is None else orjson.dumps(body)
        method, headers = ("GET", more) if body is None else ("POST", {"Content-Type": "application/json", **more})
        try:
            async with self._session.request(method, self._url(path), data=data, headers=headers) as response:
                if response.status in (429, 503):
                    raise EngineBusy("The model has too much to do right now; try again in a moment.")
                if response.status >= 400:
                    raise _refusal(reason(await response.read()))
                yield response
        except aiohttp.ClientError as error:
            raise EngineDown("The engine broke off; it is being started again.") from error

    def _url(self, path: str) -> str:
        return f"{self._elsewhere or f'http://127.0.0.1:{self._port}'}{path}"


def _refusal(told: str) -> EngineRefused:
    return ContextTooLong(told) if "maximum context length" in told else EngineRefused(told)


def _tail(path: Path, lines: int = 8) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
