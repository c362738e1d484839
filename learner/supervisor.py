"""Runs one lap as a child process, within a time limit, and brings home what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analytics import Event, Flag, Run, Store
from learner.dataset.dataset import MANIFEST
from learner.dataset.shelf import SHELF, shelve
from learner.errors import LapRunning
from learner.judges.given import freeze
from learner.lap import Job
from learner.process import ENGINE, child_environment
from learner.progress import read_json
from learner.registry import Registry
from learner.runs import Runs
from learner.settings import LapSettings, RecipeName
from learner.side_by_side import Comparison
from learner.side_by_side import events as side_by_sides
from learner.trust import hold_events

GRACE_SECONDS = 10.0  # between asking a lap to end and ending it
SLACK_SECONDS = 300.0  # for imports, curation and registering, beside training and the gates
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Ended:
    """How a lap ended; `adapter` is the one that passed its gates, if any."""

    run: Run
    adapter: str | None = None


class Supervisor:
    """At most one lap at a time. `model` is a folder or a Hub id, `base` its name, `groups` the split in percent.

    `engine` gives the url, key and model of what a lap may roll out with, or None while there is nothing.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        runs: Runs,
        *,
        model: str,
        base: str,
        settings: LapSettings,
        groups: tuple[int, int, int],
        engine: Callable[[], Mapping[str, str] | None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._store, self._registry, self._runs = store, registry, runs
        self._model, self._base, self._settings, self._groups = model, base, settings, groups
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._current = ""
        self._recipe = settings.recipe  # of the lap that is under way
        self._closing = False
        self._broken_off = ""  # why the lap that is under way is ended

    def start(
        self,
        trigger: str,
        after: Callable[[Ended], None],
        recipe: RecipeName | None = None,
        *,
        review_only: int = 0,
        comparison: Comparison | None = None,
    ) -> str:
        """Start a lap, return its id, and call `after` from the lap's thread when it ended. Raises LapRunning.

        `recipe` stands for that of the settings, in this lap alone. With `review_only` the model reads so many past
        answers again, with a `comparison` two adapters answer the same prompts, and nothing is trained.
        """
        with self._lock:
            if self.running:
                raise LapRunning(self._current)
            self._recipe, self._broken_off = recipe or self._settings.recipe, ""
            self._current = run_id = self._runs.new_id()
            folder = self._runs.folder / run_id
            folder.mkdir(parents=True)
            queued = Run(run_id, "queued", trigger, None, str(folder), "Starting.", {})  # type: ignore[arg-type]
            self._store.append(queued, self._store.audit("run.start", trigger, {"run_id": run_id}))
            self._thread = threading.Thread(
                target=lambda: after(self._lap(queued, review_only, comparison)), name=f"lap {run_id}", daemon=True
            )
            self._thread.start()
            return run_id

    @property
    def running(self) -> bool:
        """Whether a lap is under way."""
        return self._thread is not None and self._thread.is_alive()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the lap that is under way, if there is one."""
        with self._lock:  # a lap that is being started is under way, too
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    @contextlib.contextmanager
    def held_still(self, ends: Callable[[Path], bool], reason: str) -> Iterator[None]:
        """No lap begins while this lasts; the one under way is abandoned for this reason where `ends` says so."""
        with self._lock:
            thread = self._thread
            if thread is not None and thread.is_alive() and ends(self._runs.folder / self._current):
                self._broken_off = reason
                if self._child is not None:
                    _end(self._child)
                thread.join(4 * GRACE_SECONDS)
            yield

    def close(self) -> None:
        """End the lap that is under way; its run is recorded as abandoned."""
        self._closing = True
        if self._child is not None:
            _end(self._child)
        self.join(2 * GRACE_SECONDS)

    def _lap(self, queued: Run, review_only: int, comparison: Comparison | None) -> Ended:
        try:
            return self._judge(queued, self._run_child(queued, review_only, comparison))
        except Exception as error:
            return self._end_as(queued, "failed", f"The lap could not be run: {error}")

    def _run_child(self, queued: Run, review_only: int, comparison: Comparison | None) -> int:
        folder = Path(queued.folder)
        self._store.snapshot(folder / "events")
        freeze(self._runs.home, folder)
        champion = self._registry.state().champion.adapter
        adapter = self._registry.folder(champion)
        Job(
            run_id=queued.run_id,
            model=self._model,
            base=self._base,
            champion_name=champion,
            champion=str(adapter) if adapter else None,
            settings=replace(self._settings, recipe=self._recipe),
            groups=self._groups,
            shelf=str(self._runs.folder.parent / SHELF),
            review_only=review_only,
            comparison=comparison and self._with_folders(comparison),
        ).write(folder)
        limit = 60 * self._settings.train_minutes + self._settings.gate_seconds + SLACK_SECONDS
        with (folder / "log.txt").open("wb") as log:
            self._child = child = subprocess.Popen(
                [sys.executable, "-m", "learner.lap", str(folder)],
                cwd=ROOT,
                env=child_environment(self._settings.train_threads) | self._lent(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._store.append(_follow(queued, "running", "Running.", pid=child.pid))
            if self._closing or self._broken_off:  # `close` came before there was a child to end
                _end(child)
            return child.wait(limit)
        except subprocess.TimeoutExpired:
            _end(child)
            raise TimeoutError(f"it took longer than {limit / 60:.0f} minutes") from None
        finally:
            _end(child)
            self._child = None

    def _with_folders(self, comparison: Comparison) -> Comparison:
        folders = [self._registry.folder(name) for name in (comparison.challenger, comparison.champion)]
        challenger, champion = (str(folder) if folder else None for folder in folders)
        return replace(comparison, challenger_folder=challenger, champion_folder=champion)

    def _lent(self) -> dict[str, str]:
        engine = self._engine()
        return {} if engine is None else {ENGINE: json.dumps(dict(engine))}

    def _judge(self, queued: Run, code: int) -> Ended:
        if self._closing or self._broken_off:
            told = self._broken_off or "The server was stopped while this lap was running."
            return self._end_as(queued, "abandoned", told)
        result = read_json(Path(queued.folder) / "result.json")
        if result is None:
            log = Path(queued.folder) / "log.txt"
            if code == -signal.SIGKILL:
                reason = f"The lap was killed by signal 9, as the system does when memory runs out; its log is {log}."
                return self._end_as(queued, "abandoned", reason)
            return self._end_as(queued, "failed", f"The lap died without a result (exit {code}); its log is {log}.")
        outcome, message = str(result["outcome"]), str(result["message"])
        self._shelve(Path(queued.folder))
        if outcome in ("failed", "not enough data", "reward model", "reviewed", "compared"):
            return self._end_as(queued, "failed" if outcome == "failed" else "succeeded", message)
        return self._register(queued, message, passed=outcome == "passed")

    def _shelve(self, folder: Path) -> None:
        """Keep the dataset of a lap beside the others, so that it can be named, compared and built again."""
        if (read_json(folder / MANIFEST) or {}).get("id"):
            shelve(folder, self._runs.folder.parent / SHELF)

    def _register(self, queued: Run, message: str, *, passed: bool) -> Ended:
        dataset = (read_json(Path(queued.folder) / MANIFEST) or {}).get("id")

        def end(adapter: str) -> Run:
            return _follow(queued, "succeeded", message, detail={"adapter": adapter, "dataset": dataset})

        # In one append: a crash between the two would leave an adapter of a run that is called abandoned.
        adapter = self._registry.register(
            Path(queued.folder),
            run_id=queued.run_id,
            passed=passed,
            reason=message,
            along=lambda adapter: self._end_events(end(adapter)),
        )
        return Ended(end(adapter), adapter if passed else None)

    def _end_as(self, queued: Run, state: str, reason: str) -> Ended:
        run = _follow(queued, state, reason)
        self._store.append(*self._end_events(run))
        return Ended(run)

    def _end_events(self, run: Run) -> list[Event]:
        detail = {"run_id": run.run_id, "state": run.state, "reason": run.reason}
        held = hold_events(read_json(Path(run.folder) / MANIFEST) or {}, run.run_id)
        flags = self._flags(Path(run.folder))
        compared = side_by_sides(Path(run.folder), run.run_id) if run.state == "succeeded" else []
        return [run, *held, *flags, *compared, self._store.audit("run.end", "learner", detail)]

    def _flags(self, folder: Path) -> list[Event]:
        """What a self-review found, for reviewers; nothing of a turn that waits for them already."""
        said: dict[str, Any] = read_json(folder / "self_review.json") or {}
        waiting = {row["turn_id"] for row in self._store.rows("SELECT turn_id FROM review_queue")}
        by_turn: dict[str, list[dict[str, Any]]] = {}
        for one in said.get("findings", ()):
            if one["turn_id"] not in waiting:
                by_turn.setdefault(one["turn_id"], []).append(one)
        return [
            Flag(
                turn_id,
                "self-review",
                None,
                " ".join(f"{one['kind']}: {one['reason']}" for one in found),
                place="answer",
                label=str(found[0]["kind"]),
                score=max(float(one["score"]) for one in found),
            )
            for turn_id, found in by_turn.items()
        ]


def _follow(
    run: Run, state: str, reason: str, *, pid: int | None = None, detail: dict[str, object] | None = None
) -> Run:
    return Run(run.run_id, state, run.trigger, pid, run.folder, reason, detail or {})  # type: ignore[arg-type]


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask the lap's whole process group to end, then end it."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
        until = time.monotonic() + GRACE_SECONDS
        while child.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        if child.returncode is not None and not _group_lives(child.pid):
            return


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
