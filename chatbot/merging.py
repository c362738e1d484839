"""Merges the champion in the background, and puts an engine without LoRA in front of everybody outside experiments.

idle ──> waiting ──> merging ──> starting ──> testing ──> serving
            │           └───────────┴────────────┴──> failed         until there is another champion
            └──> impossible                                          looked at again every minute

A promotion or a rollback needs none of this: it changes the routing, and with it the engine, at once. What follows here
is that the old champion's engine is drained and ended, and the new champion's is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from chatbot.engines import Engines, Merged, OtherEngine
from chatbot.errors import EngineDown
from learner import Arm, Gap, Merge, MergeFailed, Merges, RoutingState, gap

State = Literal["off", "idle", "waiting", "merging", "starting", "testing", "serving", "impossible", "failed"]
LOOK_SECONDS = 0.2
ROOM_SECONDS = 60.0  # between two looks at the memory where it was too little
MERGE_SECONDS = 3600.0
STARTS = 3  # that may fail in a row; a second engine that has no room must not take it from the first
# By how much served log-probabilities may differ from those of transformers, in nats: at a token, and on average.
TOLERANCES = {"float32": Gap(0.05, 0.005), "bfloat16": Gap(0.5, 0.05)}
log = logging.getLogger(__name__)


class Champions(Protocol):
    """What is needed of the registry."""

    def state(self) -> RoutingState:
        """What is live."""
        ...

    def folder(self, adapter: str) -> Path | None:
        """The adapter's folder; None for the base."""
        ...


@dataclass(frozen=True)
class Serving:
    """Where it stands, for the page, the status and the log; `detail` has figures of what is served."""

    state: State
    told: str
    adapter: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def to_values(self) -> dict[str, Any]:
        """As JSON."""
        engine = "merged" if self.state == "serving" else "arms"
        return {"state": self.state, "engine": engine, "told": self.told, "adapter": self.adapter, **self.detail}


class Merging:
    """`engine` makes the second engine for a merge; `room` says why there can be none, or None.

    `dtype` is the arithmetic of the engines. `start` and `close` belong to the event loop.
    """

    def __init__(
        self,
        champions: Champions,
        engines: Engines,
        merges: Merges,
        *,
        engine: Callable[[Merge], OtherEngine],
        room: Callable[[], str | None],
        dtype: str,
        arms_ready: Callable[[], bool],
        on: bool = True,
    ) -> None:
        self._champions, self._engines, self._merges = champions, engines, merges
        self._engine, self._room, self._arms_ready, self._on = engine, room, arms_ready, on
        self._tolerance = TOLERANCES.get(dtype, TOLERANCES["bfloat16"])
        self._task: asyncio.Task[None] | None = None
        self._running: OtherEngine | None = None
        self._closing = False
        self.serving = Serving("off", "the arms engine, for the setting `merge` is off")

    def start(self) -> None:
        """Begin to follow the champion."""
        if self._on:
            self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop, and end the merged engine."""
        self._closing = True
        if self._task is not None:
            await _ended(self._task)

    def status(self) -> dict[str, Any]:
        """Where it stands, as JSON."""
        return self.serving.to_values()

    def stop(self) -> None:
        """End the merged engine at once; safe at any time, from any thread."""
        if self._running is not None:
            self._running.stop()

    async def _follow(self) -> None:
        while True:
            arm = self._champions.state().champion
            serving = asyncio.create_task(self._serve(arm))
            try:
                while self._champions.state().champion == arm:  # noqa: ASYNC110 - it is free, and needs no hook
                    await asyncio.sleep(LOOK_SECONDS)
            finally:
                await _ended(serving)

    async def _serve(self, arm: Arm) -> None:
        """See the champion through to its engine."""
        try:
            folder = await asyncio.to_thread(self._champions.folder, arm.adapter)
            if folder is None:
                await asyncio.to_thread(self._merges.sweep, self._kept())
                self._at(
                    "idle", f"the arms engine; the champion {arm.adapter} is the base, and nothing is to be merged"
                )
                return
            await self._until_room(arm)
            merge = await self._merged(arm, folder)
            await self._run(arm, merge)
        except Exception as error:  # whatever went wrong, the arms engine has the champion
            self._at("failed", f"the arms engine; {arm.adapter} is not served merged: {error}", arm)
            log.warning("%s is not served merged: %r", arm.adapter, error)

    async def _until_room(self, arm: Arm) -> None:
        self._at("waiting", f"the arms engine; {arm.adapter} will be merged once that answers", arm)
        await _until(self._arms_ready)
        while (why := await asyncio.to_thread(self._room)) is not None:
            if self.serving.state != "impossible":
                log.warning("No merge of %s: %s.", arm.adapter, why)
            self._at("impossible", f"the arms engine; no merge: {why}", arm)
            await asyncio.sleep(ROOM_SECONDS)

    async def _merged(self, arm: Arm, folder: Path) -> Merge:
        """The merge of the champion: the one that is there, or a new one. Raises MergeFailed."""
        merge = await asyncio.to_thread(self._merges.found, arm.adapter, arm.weights_sha256)
        if merge is None:
            self._at("merging", f"the arms engine, while {arm.adapter} is being merged", arm)
            with self._merges.making(arm.adapter, folder, arm.weights_sha256) as child:
                try:
                    async with asyncio.timeout(MERGE_SECONDS):
                        await _until(lambda: child.poll() is not None)
                except TimeoutError:
                    raise MergeFailed(f"it took longer than {MERGE_SECONDS / 60:.0f} minutes") from None
            merge = await asyncio.to_thread(self._merges.finish, arm.adapter, arm.weights_sha256)
        await asyncio.to_thread(self._merges.sweep, self._kept())
        return merge

    def _kept(self) -> set[str]:
        """The merges worth their room on the disk: that of the champion, and that a rollback would come back to."""
        state = self._champions.state()
        return {arm.adapter for arm in (state.champion, state.previous) if arm is not None}

    async def _run(self, arm: Arm, merge: Merge) -> None:
        """Start the engine, and let it serve as often as it is ready and passes its test."""
        self._running = engine = self._engine(merge)
        merged = Merged(arm, engine, self._engines.arms)
        began = time.monotonic()
        try:
            await engine.start()
            while True:
                self._at("starting", f"the arms engine, while the engine of the merged {arm.adapter} starts", arm)
                await _until(lambda: engine.ready or engine.failures >= STARTS)
                if not engine.ready:
                    raise EngineDown(f"its engine does not start: {engine.trouble}")
                try:
                    found = await self._tested(arm, merge, engine)
                except EngineDown:
                    await _until(lambda: not engine.ready)
                    continue
                self._engines.merged = merged
                self._at_serving(arm, merge, found, time.monotonic() - began)
                await _until(lambda: not engine.ready)
                log.warning("The engine of the merged %s broke off; the arms engine answers.", arm.adapter)
        finally:
            self._engines.merged = None
            self._at("waiting", f"the arms engine, while answers of the merged {arm.adapter} come to their end", arm)
            if not self._closing:
                await merged.drained()
            await engine.close()
            self._running = None

    async def _tested(self, arm: Arm, merge: Merge, engine: OtherEngine) -> Gap:
        """Compare what is served with what transformers found of the file. Raises MergeFailed, EngineError."""
        self._at("testing", f"the arms engine, while the engine of the merged {arm.adapter} is tested", arm)
        found = gap(merge.canaries, await engine.measured(merge.canaries))
        if found.largest > self._tolerance.largest or found.mean > self._tolerance.mean:
            raise MergeFailed(
                f"its engine differs from the merged file by {found.largest:.3f} nats at a token and {found.mean:.4f} "
                f"on average, where {self._tolerance.largest} and {self._tolerance.mean} are allowed"
            )
        return found

    def _at_serving(self, arm: Arm, merge: Merge, found: Gap, seconds: float) -> None:
        figures: dict[str, Any] = {
            "merged_sha256": merge.sha256,
            "folder": str(merge.folder),
            "file_gap": merge.manifest["parity"],
            "served_gap": {name: round(value, 9) for name, value in found._asdict().items()},
            "start_seconds": round(seconds, 1),
        }
        told = f"the merged engine, without LoRA: {arm.adapter} in weights {merge.sha256[:12]}"
        self._at("serving", told, arm, figures)

    def _at(self, state: State, told: str, arm: Arm | None = None, detail: dict[str, Any] | None = None) -> None:
        if (state, told) != (self.serving.state, self.serving.told):
            log.info("Served by %s.", told)
        self.serving = Serving(state, told, arm.adapter if arm else None, detail or {})


async def _until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - neither processes nor readiness set an event
        await asyncio.sleep(LOOK_SECONDS)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
