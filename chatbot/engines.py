"""The two engines: the arms engine, which always runs, and one without LoRA that serves the merged champion.

Whoever is in an experiment is answered by the arms engine, on both arms, so that the arms differ in weights and nothing
else. All others are answered by the merged engine while there is one for the champion they are routed to. A stream
stays on the engine that began it; where that breaks off, it goes on at the arms engine, and nobody is told.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from chatbot.engine_stream import Piece
from chatbot.errors import EngineBusy, EngineDown, EngineError, EngineRefused
from learner import BASE, Arm, Canary, Route

DRAIN_SECONDS = 300.0  # that streams have to end on an engine which is not used for new ones any more
POLL_SECONDS = 0.05
Messages = Sequence[Mapping[str, Any]]
_NOTHING: Mapping[str, str] = MappingProxyType({})
# What holds for an answer as a whole, so that its second half cannot be asked for alone.
_WHOLE = frozenset({"tools", "response_format", "structured_outputs"})
_LIMITS = ("max_tokens", "max_completion_tokens", "min_tokens")


class Streams(Protocol):
    """What a turn needs of an engine."""

    def stream(
        self,
        served_name: str,
        messages: Messages,
        parameters: Mapping[str, Any],
        *,
        trace: Mapping[str, str] = ...,
    ) -> AsyncGenerator[Piece, None]:
        """Stream an answer. Where the turn is traced, `trace` are the headers that say so."""
        ...


class ArmsEngine(Streams, Protocol):
    """What is needed of the arms engine beside streams."""

    async def count(self, text: str) -> int:
        """How many tokens the text has."""
        ...

    async def requests(self) -> Mapping[str, float]:
        """How many requests it has, by their state."""
        ...


class OtherEngine(Streams, Protocol):
    """What is needed of the merged engine."""

    ready: bool
    trouble: str
    failures: int

    async def start(self) -> None:
        """Begin to watch the process, which is started when it does not run."""

    async def close(self) -> None:
        """End it."""

    def stop(self) -> None:
        """End it at once, from any thread."""

    async def alive(self) -> bool:
        """Whether it answers when it is asked now."""
        ...

    async def measured(self, texts: Sequence[Canary]) -> list[Canary]:
        """The same texts with the log-probabilities that it finds of their answers."""
        ...

    async def requests(self) -> Mapping[str, float]:
        """How many requests it has, by their state."""
        ...


class Merged:
    """The engine of the merged champion `arm`, with the arms engine behind it."""

    def __init__(self, arm: Arm, engine: OtherEngine, arms: ArmsEngine) -> None:
        self.arm, self.engine, self._arms = arm, engine, arms
        self.streams = 0  # under way

    async def stream(
        self,
        served_name: str,
        messages: Messages,
        parameters: Mapping[str, Any],
        *,
        trace: Mapping[str, str] = _NOTHING,
    ) -> AsyncGenerator[Piece, None]:
        """Stream an answer of the merged engine; what it leaves unsaid, the arms engine says as `served_name`.

        Raises EngineError.
        """
        said, begun = "", False
        self.streams += 1
        try:
            async with contextlib.aclosing(self.engine.stream(BASE, messages, parameters, trace=trace)) as pieces:
                async for piece in pieces:
                    said, begun = said + piece.text, begun or bool(piece.text or piece.tool_calls)
                    yield piece._replace(engine="merged")
            return
        except EngineError as error:
            if not await self._gone(error) or (begun and not _WHOLE.isdisjoint(parameters)):
                raise
        finally:
            self.streams -= 1
        rest = self._rest(served_name, messages, parameters, said, trace)
        async with contextlib.aclosing(rest) as pieces:
            async for piece in pieces:
                yield piece

    async def drained(self) -> None:
        """Wait until no stream is under way, for `DRAIN_SECONDS` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self.streams and self.engine.ready:  # noqa: ASYNC110 - streams end by themselves
                    await asyncio.sleep(POLL_SECONDS)

    async def _gone(self, error: EngineError) -> bool:
        """Whether the engine failed, and not the request."""
        if isinstance(error, EngineRefused):
            return not await self.engine.alive()
        return isinstance(error, EngineDown | EngineBusy)

    async def _rest(
        self, served_name: str, messages: Messages, parameters: Mapping[str, Any], said: str, trace: Mapping[str, str]
    ) -> AsyncGenerator[Piece, None]:
        """What follows on `said`, by the same weights as base and adapter."""
        asked, wanted, count = [*messages], dict(parameters), 0
        if said:
            count = await self._arms.count(said)
            asked.append({"role": "assistant", "content": said})
            wanted |= {"continue_final_message": True, "add_generation_prompt": False}
            wanted |= {name: max(0, wanted[name] - count) for name in _LIMITS if wanted.get(name) is not None}
        if any(wanted.get(name) == 0 for name in _LIMITS[:2]):
            yield Piece(finish_reason="length")
            return
        traced = {"trace": trace} if trace else {}
        async with contextlib.aclosing(self._arms.stream(served_name, asked, wanted, **traced)) as pieces:
            async for piece in pieces:
                yield piece._replace(usage=_moved(piece.usage, count)) if piece.usage and count else piece


class Engines:
    """Which engine answers whom. `arms` always runs; `merged` comes and goes, and a swap is one assignment."""

    def __init__(self, arms: ArmsEngine) -> None:
        self.arms = arms
        self.merged: Merged | None = None

    def engine_for(self, route: Route) -> Streams:
        """The engine for a turn: the merged one for its very champion, else the arms engine.

        That also has both arms of an experiment and of a rollout, which are compared.
        """
        merged, compared = self.merged, route.experiment_id is not None or route.rollout
        if merged is None or not merged.engine.ready or compared or route.arm != "champion":
            return self.arms
        # A promotion or a rollback changes the route, so it holds at once, whatever the merged engine still does.
        same = (route.adapter, route.weights_sha256) == (merged.arm.adapter, merged.arm.weights_sha256)
        return merged if same else self.arms

    async def requests(self) -> Mapping[str, float]:
        """How many requests both engines have, by their state; empty while neither tells."""
        told = Counter(await self.arms.requests())
        if self.merged is not None:
            told.update(await self.merged.engine.requests())
        return told


def _moved(usage: Mapping[str, int], count: int) -> Mapping[str, int]:
    """Tokens of the first half are of the answer, and were read as a part of the prompt."""
    changed = {"prompt_tokens": -count, "completion_tokens": count}
    return {name: value + changed.get(name, 0) for name, value in usage.items()}
