"""Locks by name, which are there only while somebody holds or awaits them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Hashable, Iterator


class KeyedLocks:
    """Whoever is `alone` with a key is so in this process; other keys are not held up."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._locks: dict[Hashable, tuple[threading.Lock, int]] = {}

    @contextlib.contextmanager
    def alone(self, key: Hashable) -> Iterator[None]:
        """Wait for everybody else with this key."""
        with self._gate:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._gate:
                lock, users = self._locks[key]
                if users > 1:
                    self._locks[key] = lock, users - 1
                else:
                    del self._locks[key]
