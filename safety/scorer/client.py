"""The scorer for the server: starts and keeps the process, and asks it from event loops and from threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from safety.errors import ScorerFailed
from safety.filter import Scores
from safety.scorer.cache import Asked, ScoreCache
from safety.scorer.child import Child
from safety.scorer.links import Line, Link, Lost, Scored
from safety.scorer.options import BUNDLED, DETOXIFY, ScorerOptions, ScorerStatus

TRIES = 2  # of a request whose scorer died: it may have been what killed it
CACHE_BYTES = 32 * 2**20
TOO_SLOW = "The scorer did not answer in time."


class ScorerClient:
    """Fulfils `safety.Scorer`. The process is started by `start`, or by the first call.

    When it dies, what it was asked is asked once more of the next one. A call raises ScorerFailed when that dies as
    well, or when there is no answer within `timeout_s`.
    """

    def __init__(self, options: ScorerOptions, *, timeout_s: float = 4.0, cache_bytes: int = CACHE_BYTES) -> None:
        self._options, self._timeout = options, timeout_s
        self._cache = ScoreCache(cache_bytes)
        self._child: Child | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._links: WeakKeyDictionary[asyncio.AbstractEventLoop, Link] = WeakKeyDictionary()
        self._lines: list[Line] = []

    def start(self) -> None:
        """Start the process, if that has not been done; does not wait for it. Raises ScorerFailed after `close`."""
        self._started()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            child, self._child, self._closed = self._child, None, True
            lines, self._lines = self._lines, []
        for line in lines:
            line.close()
        if child is not None:
            child.close()

    def wait(self, seconds: float) -> bool:
        """Wait until it is ready, in a thread; whether it is."""
        return self._started().settled.wait(seconds)

    @property
    def ready(self) -> bool:
        """Whether it answers, and it is known whether Detoxify does."""
        return self._child is not None and self._child.settled.is_set()

    def version(self, model: str) -> str:
        """The weights' name; empty for a model that is not there, or not yet."""
        known = self._child.state.models.get(model) if self._child is not None else None
        return known.version if known is not None else ""

    def status(self) -> ScorerStatus:
        """Which model answers, and how the process does."""
        child = self._child
        model = DETOXIFY if self.version(DETOXIFY) else BUNDLED
        why_not = ""
        if self._options.detoxify and model == BUNDLED:
            why_not = (child.state.why_not if child else "") or "it is being loaded"
        return ScorerStatus(
            model=model,
            version=self.version(model),
            why_not=why_not,
            trouble=child.trouble if child else "The scorer is not started.",
            pid=child.state.pid if child else 0,
            restarts=child.restarts if child else 0,
            waiting=sum(map(len, list(self._links.values()))),
            hits=self._cache.hits,
            misses=self._cache.misses,
        )

    def scores(self, model: str, texts: Sequence[str]) -> Sequence[Scores]:
        """Score each text; blocks. Raises ScorerFailed."""
        asked = self._look(model, texts)
        return asked.filled(self._ask(model, asked.unknown)) if asked.unknown else asked.filled()

    async def scores_async(self, model: str, texts: Sequence[str]) -> Sequence[Scores]:
        """Score each text, on the event loop. Raises ScorerFailed."""
        asked = self._look(model, texts)
        return asked.filled(await self._ask_async(model, asked.unknown)) if asked.unknown else asked.filled()

    def _look(self, model: str, texts: Sequence[str]) -> Asked:
        return Asked(self._cache, model, self.version(model), texts)

    def _started(self) -> Child:
        child = self._child
        if child is None:
            with self._lock:
                if self._closed:
                    raise ScorerFailed("The scorer has been stopped.")
                child = self._child = self._child or Child(self._options)
        return child

    async def _ask_async(self, model: str, texts: Sequence[str]) -> Scored:
        loop, until = asyncio.get_running_loop(), time.monotonic() + self._timeout
        for _ in range(TRIES):
            child = self._started()
            link = self._links.get(loop)
            if link is None or link.lost:
                link = self._links[loop] = Link(child.path)
            left = until - time.monotonic()
            try:
                async with asyncio.timeout(left):
                    return await link.ask(model, texts, left)
            except Lost:
                continue
            except TimeoutError:
                raise ScorerFailed(self._trouble(TOO_SLOW)) from None
        raise ScorerFailed(self._trouble("The scorer died twice of the same texts."))

    def _ask(self, model: str, texts: Sequence[str]) -> Scored:
        until, tries = time.monotonic() + self._timeout, TRIES
        while tries:
            line, fresh = self._line()
            try:
                scored = line.ask(model, texts, until)
            except Lost:
                line.close()
                tries -= fresh  # one that was kept may have been lost long before
                continue
            except TimeoutError:
                line.close()
                raise ScorerFailed(self._trouble(TOO_SLOW)) from None
            except ScorerFailed:
                line.close()
                raise
            self._lines.append(line)
            return scored
        raise ScorerFailed(self._trouble("The scorer died twice of the same texts."))

    def _line(self) -> tuple[Line, bool]:
        """A connection for this thread alone, and whether it is a new one."""
        child = self._started()
        try:
            return self._lines.pop(), False
        except IndexError:
            return Line(child.path), True

    def _trouble(self, otherwise: str) -> str:
        return (self._child.trouble if self._child else "") or otherwise
