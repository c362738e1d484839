"""How often somebody may fail to sign in."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from chatbot.errors import TooMany

WINDOW_SECONDS = 60.0
MOST_OF_ACCOUNT, MOST_OF_ADDRESS = 5, 20
MOST_KEYS = 10_000  # names and addresses that are remembered


class Attempts:
    """Counts the failures of the last minute, by account and by address. May be used from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._times: dict[tuple[str, str], deque[float]] = {}
        self._lock = threading.Lock()

    def begin(self, account: str, address: str) -> None:
        """Count an attempt as failed until `succeed` says otherwise. Raises TooMany, with when to try again."""
        now = self.clock()
        with self._lock:
            self._forget(now)
            for key, most in _keys(account, address):
                failed = self._times.get(key)
                if failed is not None and len(failed) >= most:
                    wait = max(1, math.ceil(failed[0] + WINDOW_SECONDS - now))
                    raise TooMany(f"Too many attempts to sign in; try again in {wait} s.", wait)
            for key, _ in _keys(account, address):
                self._times.setdefault(key, deque()).append(now)

    def succeed(self, account: str, address: str) -> None:
        """Take the attempt back."""
        with self._lock:
            for key, _ in _keys(account, address):
                if self._times.get(key):
                    self._times[key].pop()

    def used_up(self, account: str, address: str) -> bool:
        """Whether the next attempt would be refused."""
        with self._lock:
            return any(len(self._times.get(key, ())) >= most for key, most in _keys(account, address))

    def _forget(self, now: float) -> None:
        for key, failed in list(self._times.items()):
            while failed and failed[0] <= now - WINDOW_SECONDS:
                failed.popleft()
            if not failed:
                del self._times[key]
        while len(self._times) > MOST_KEYS:
            del self._times[next(iter(self._times))]


def _keys(account: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
    return (("account", account), MOST_OF_ACCOUNT), (("address", address), MOST_OF_ADDRESS)
