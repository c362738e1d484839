"""Figures that are asked for again and again are kept for a moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

KEPT_SECONDS, MOST_KEPT = 20.0, 16
Made = TypeVar("Made")


class Kept:
    """Makes what is asked for, one at a time, unless it was made a moment ago."""

    def __init__(self, seconds: float = KEPT_SECONDS) -> None:
        self._seconds = seconds
        self._made: dict[Hashable, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` makes, or made under this key."""
        with self._lock:
            until, made = self._made.pop(key, (0.0, None))
            if time.monotonic() >= until:
                made, until = make(), time.monotonic() + self._seconds
            self._made[key] = until, made
            while len(self._made) > MOST_KEPT:
                self._made.pop(next(iter(self._made)))
            return cast("Made", made)

    def forget(self) -> None:
        """Make everything anew."""
        with self._lock:
            self._made.clear()
