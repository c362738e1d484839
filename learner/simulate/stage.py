"""The play itself: people talk, the learner trains, the experiment decides, new people are asked."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from learner.runs import ALIVE
from learner.simulate.client import Client, Conflict, DemoError
from learner.simulate.crowd import Crowd, Seen
from learner.simulate.plan import Plan

Act = Literal["starting", "before", "gathering", "learning", "experiment", "after", "done"]
GLANCE_SECONDS = 0.5
STARTUP_SECONDS = 300.0
START_SECONDS = 60.0  # from the end of a lap that passed to the start of its experiment
LAST_LOOK_SECONDS = 15.0


@dataclass
class Story:
    """What has happened so far, for the screen and the plot; times are of `time.monotonic()`."""

    began: float = field(default_factory=time.monotonic)
    act: Act = "starting"
    acts: list[tuple[float, Act]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    note: str = ""
    progress: float = 0.0
    experiment: dict[str, Any] = field(default_factory=dict)

    def enter(self, act: Act, note: str = "") -> None:
        """Begin the next act."""
        self.act, self.note, self.progress = act, note, 0.0
        self.acts.append((time.monotonic(), act))


@dataclass(frozen=True)
class Outcome:
    """How it ended; `promoted` names the adapter, `stopped_by` the gates or the experiment that said no."""

    promoted: str | None
    stopped_by: str | None
    satisfaction_before: float
    satisfaction_after: float
    interval: tuple[float, float] | None
    users: int
    seconds: float
    turns: int
    weights_sha256: str
    reason: str


class Stage:
    """Plays one lap with `crowd` against the server behind `client`."""

    def __init__(self, client: Client, crowd: Crowd, plan: Plan, story: Story, seed: int) -> None:
        self._client, self._crowd, self._plan, self.story, self._seed = client, crowd, plan, story, seed

    async def play(self, null: bool) -> Outcome:
        """Play to the end. `null` sends a byte copy of the champion through the experiment instead of learning."""
        if (running := await self._running()) is not None:
            raise DemoError(
                f"The experiment {running['experiment_id']} is running on this server, and only one runs at a time; "
                "wait for its end or stop it on the operate page, then start the demo."
            )
        before = await self._examine("before", self._seed)
        if null:
            told = await self._client.operate("POST", "/v1/experiments", {"null": True})
            stopped_by, reason, promoted = await self._experiment(str(told["experiment_id"]), self._plan.null)
        else:
            self.story.enter("gathering", "People chat, rate, rewrite and compare.")
            await self._crowd.talk(self._plan.gather, self._plan.gather_turns)
            stopped_by, reason, promoted = await self._learn()
        after = await self._examine("after", self._seed + 1)
        self.story.enter("done")
        return await self._outcome(before, after, promoted, stopped_by, reason)

    async def wait_until_ready(self, check: Callable[[], None]) -> None:
        """Wait for the server's first answer; `check` raises when it will never come."""
        self.story.enter("starting", "The server starts.")
        until = time.monotonic() + STARTUP_SECONDS
        while not await self._client.ready():
            check()
            if time.monotonic() > until:
                raise DemoError(f"The server was not ready after {STARTUP_SECONDS:.0f} s.")
            await asyncio.sleep(GLANCE_SECONDS)

    async def _examine(self, act: Act, seed: int) -> list[Seen]:
        self.story.enter(act, "New people ask questions that nobody has asked before.")
        return await self._crowd.examine(self._plan.examine, seed)

    async def _learn(self) -> tuple[str | None, str, str | None]:
        self.story.enter("learning", "The lap starts.")
        while True:
            # A server that learns by itself may have gone through a lap while people still talked.
            if (running := await self._running()) is not None:
                return await self._experiment(str(running["experiment_id"]))
            run_id, own = await self._lap()
            run = await self._ended(run_id)
            if run["state"] == "succeeded" and run["outcome"] == "passed":
                return await self._experiment(await self._started(str(run["adapter"])))
            if own:  # a lap that began before has not seen all that people said, so what it came to does not count
                break
        if run["state"] != "succeeded":
            raise DemoError(f"The lap {run['state']}: {run['reason']}")
        return ", ".join(run["stopped_by"]) or str(run["outcome"]), str(run["reason"]), None

    async def _lap(self) -> tuple[str, bool]:
        """The lap to follow, and whether it was started here: while one is running the server starts no other."""
        while True:
            try:
                return str((await self._client.operate("POST", "/v1/runs"))["run_id"]), True
            except Conflict:
                runs = (await self._client.operate("GET", "/v1/status"))["runs"]
            alive = (str(run["run_id"]) for run in runs if run["state"] in ALIVE)
            if (run_id := next(alive, None)) is not None:
                return run_id, False
            await asyncio.sleep(GLANCE_SECONDS)  # it has ended in between

    async def _ended(self, run_id: str) -> dict[str, Any]:
        while True:
            run = await self._client.operate("GET", f"/v1/runs/{run_id}")
            self.story.note, self.story.progress = str(run["reason"]), float(run["progress"])
            if run["state"] not in ALIVE:
                return run
            await asyncio.sleep(GLANCE_SECONDS)

    async def _running(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = (await self._client.operate("GET", "/v1/status"))["experiment"]
        return found if found and found["state"] == "running" else None

    async def _started(self, adapter: str) -> str:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            found = (await self._client.operate("GET", "/v1/status"))["experiment"]
            if found and found["challenger"] == adapter:
                return str(found["experiment_id"])
            if found and found["state"] == "running":
                raise DemoError(
                    f"{adapter} passed its gates, but the experiment {found['experiment_id']} is running; "
                    "wait for its end or stop it on the operate page, then start the demo again."
                )
            await asyncio.sleep(GLANCE_SECONDS)
        raise DemoError(f"{adapter} passed its gates, but its experiment did not start.")

    async def _experiment(self, experiment_id: str, newcomers: int | None = None) -> tuple[str | None, str, str | None]:
        self.story.enter("experiment", "Both arms are served; everybody keeps theirs.")
        watch = asyncio.create_task(self._watch(experiment_id))
        await self._crowd.judge(newcomers or self._plan.experiment, self._plan.experiment_turns, watch.done)
        try:
            found = await asyncio.wait_for(watch, LAST_LOOK_SECONDS)
        except TimeoutError:
            reason = "Everybody was asked, and nothing was proven."
            with contextlib.suppress(Conflict):  # it has ended in between
                await self._client.operate("POST", "/v1/experiments/stop", {"reason": reason})
            found = await self._found()
        if found["state"] == "won":
            return None, str(found["reason"]), str(found["challenger"])
        return "experiment", str(found["reason"]), None

    async def _watch(self, experiment_id: str) -> dict[str, Any]:
        while True:
            found = await self._found()
            if found["experiment_id"] != experiment_id:
                raise DemoError(
                    f"The experiment {experiment_id} has ended and {found['experiment_id']} has begun in its place; "
                    "the demo cannot say what came of it, `./ratchet status` can."
                )
            if found["state"] != "running":
                return found
            await asyncio.sleep(GLANCE_SECONDS)

    async def _found(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self._client.operate("GET", "/v1/status"))["experiment"]
        self.story.experiment = found
        self.story.note = str(found["reason"])
        return found

    async def _outcome(
        self, before: list[Seen], after: list[Seen], promoted: str | None, stopped_by: str | None, reason: str
    ) -> Outcome:
        state = await self._client.operate("GET", "/v1/status")
        served = {(seen.adapter, seen.weights_sha256) for seen in after}
        if len(served) != 1:
            raise DemoError(f"After the decision new people met more than one model: {sorted(served)}.")
        adapter, digest = served.pop()
        if promoted is not None and not promoted == adapter == state["champion"]:
            raise DemoError(f"{promoted} was promoted, but new people were answered by {adapter}.")
        interval = self.story.experiment.get("interval")
        return Outcome(
            promoted=promoted,
            stopped_by=stopped_by,
            satisfaction_before=_mean(before),
            satisfaction_after=_mean(after),
            interval=(interval[0], interval[1]) if interval else None,
            users=sum(1 for person in self._crowd.people if person.cookie),
            seconds=round(time.monotonic() - self.story.began, 1),
            turns=len(self.story.seen),
            weights_sha256=digest,
            reason=reason,
        )


def _mean(seen: list[Seen]) -> float:
    return sum(one.satisfaction for one in seen) / len(seen)
