"""The laps there were, as people see them: the row in the store, what the lap says of itself, and its result."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import psutil

from analytics import Run, Store
from learner.errors import UnknownRun
from learner.progress import read_json

ALIVE = ("queued", "running")  # the states of a run that has not ended
LATEST = f"SELECT * FROM {Run.table} QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY rowid DESC) = 1"


class Runs:
    """Every run by id; what a run was and is comes from the store and from its folder, nothing is kept in memory."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store, self.home, self.folder = store, home, home / "runs"
        self.folder.mkdir(parents=True, exist_ok=True)

    def new_id(self) -> str:
        """An id that sorts by time and is not in use."""
        stem = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        names = (stem, *(f"{stem}-{number}" for number in range(2, 100)))
        return next(name for name in names if not (self.folder / name).exists())

    def view(self, run_id: str) -> dict[str, Any]:
        """One run: state, phase, progress in [0, 1], reason, eta_s, outcome, stopped_by, adapter, gates, seconds.

        Raises UnknownRun.
        """
        rows = self._store.rows(f"{LATEST} AND run_id = ?", (run_id,))
        if not rows:
            raise UnknownRun(run_id)
        return self._view(rows[0])

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """The newest runs first."""
        rows = self._store.rows(f"SELECT * FROM ({LATEST}) ORDER BY run_id DESC LIMIT ?", (limit,))
        return [self._view(row) for row in rows]

    def last_start(self) -> datetime | None:
        """When the newest lap began, however it ended."""
        began = (
            "state = 'queued' AND trigger NOT IN ('self-review', 'side-by-side')"  # these take nothing to learn from
        )
        rows = self._store.rows(f'SELECT max("at") AS last FROM {Run.table} WHERE {began}')
        return cast("datetime | None", rows[0]["last"])

    def abandon_dead(self) -> list[str]:
        """End what a server that died has left running, mark those runs as abandoned, and return their ids."""
        rows = [row for row in self._store.rows(LATEST) if row["state"] in ALIVE]
        for row in rows:
            _end_group(row)
            told = "The server stopped while this lap was running."
            self._store.append(_followed(row, "abandoned", told))
        return [str(row["run_id"]) for row in rows]

    def _view(self, row: Mapping[str, object]) -> dict[str, Any]:
        folder = Path(str(row["folder"]))
        said = read_json(folder / "progress.json") or {}
        result = read_json(folder / "result.json") or {}
        over = row["state"] not in ALIVE
        detail = cast("Mapping[str, object]", row["detail"])
        return {
            "run_id": row["run_id"],
            "state": row["state"],
            "trigger": row["trigger"],
            "at": row["at"],
            "phase": "done" if over else said.get("phase", "starting"),
            "progress": 1.0 if row["state"] == "succeeded" else said.get("progress", 0.0),
            "reason": row["reason"] if over else said.get("message", "Starting."),
            "eta_s": None if over else said.get("eta_s"),
            "outcome": result.get("outcome"),
            "stopped_by": result.get("stopped_by", []),
            "adapter": detail.get("adapter"),
            "dataset": result.get("dataset"),
            "pairs": result.get("pairs"),
            "judge_pairs": result.get("judge_pairs"),
            "gates": result.get("gates", []),
            "seconds": result.get("seconds"),
        }


def came_to(run: Mapping[str, Any]) -> str:
    """What a run came to: the outcome of its lap where it succeeded, else its state."""
    # A lap may have passed its gates and failed all the same, as when its adapter could not be registered.
    return str((run.get("outcome") if run["state"] == "succeeded" else None) or run["state"])


def _followed(row: Mapping[str, object], state: str, reason: str) -> Run:
    return Run(
        run_id=str(row["run_id"]),
        state=state,  # type: ignore[arg-type]
        trigger=str(row["trigger"]),  # type: ignore[arg-type]
        pid=None,
        folder=str(row["folder"]),
        reason=reason,
        detail={},
    )


def _end_group(row: Mapping[str, object]) -> None:
    """Kill the lap of a run that has no server any more; another program that was given its id is left alone."""
    if row["pid"] is None:
        return
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        process = psutil.Process(int(str(row["pid"])))
        if str(row["folder"]) in process.cmdline():
            os.killpg(process.pid, signal.SIGKILL)
