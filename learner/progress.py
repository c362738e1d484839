"""What a lap tells the outside: small JSON files, each whole or absent, and a heartbeat."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Self

from analytics.disk import to_disk

Phase = Literal["starting", "curate", "train", "rank", "review", "compare", "gates", "done"]

BEAT_SECONDS = 0.5

# Where each phase begins and ends on the bar.
_SPAN: Mapping[Phase, tuple[float, float]] = {
    "starting": (0.0, 0.05),
    "curate": (0.05, 0.1),
    "train": (0.1, 0.6),
    "rank": (0.6, 0.63),
    "review": (0.63, 0.65),
    "compare": (0.05, 0.99),
    "gates": (0.65, 0.99),
    "done": (1.0, 1.0),
}


def write_json(path: Path, value: Mapping[str, object], *, durable: bool = False) -> None:
    """Replace `path` in one step, so that a reader sees the old content or the new, never half of it.

    With `durable` that holds for a reader after a power cut as well.
    """
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(value, indent=1, sort_keys=True, default=str))
    if durable:
        to_disk(draft)
    draft.replace(path)


def read_json(path: Path) -> dict[str, object] | None:
    """The object in `path`, or None while there is none."""
    try:
        content: dict[str, object] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return content


@dataclass(frozen=True)
class State:
    """Where the lap is: `progress` from 0 to 1 over all phases, `eta_s` the seconds left of the phase, if known."""

    phase: Phase = "starting"
    step: int = 0
    of: int = 0
    progress: float = 0.0
    message: str = "Starting."
    eta_s: float | None = None


class Progress:
    """Writes the state to a file twice a second, and calls `on_beat` as often."""

    def __init__(self, path: Path, on_beat: Callable[[], None]) -> None:
        self._path, self._on_beat = path, on_beat
        self._state, self._begun = State(), time.monotonic()
        self._ends: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._write()

    def at(self, phase: Phase, message: str, step: int = 0, of: int = 0) -> None:
        """Say where the lap is now."""
        if phase != self._state.phase:
            self._begun = time.monotonic()
        low, high = _SPAN[phase]
        share = step / of if of else 0.0
        self._ends = self._begun + (time.monotonic() - self._begun) / share if share else None
        self._state = State(phase, step, of, round(low + (high - low) * share, 4), message)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            self._on_beat()
            self._write()

    def _write(self) -> None:
        left = None if self._ends is None else round(max(0.0, self._ends - time.monotonic()), 1)
        state = replace(self._state, eta_s=left)
        write_json(self._path, {**asdict(state), "at": time.time(), "pid": os.getpid()})
