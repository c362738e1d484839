"""The highest rate that is held: up in steps until one is not, then in between."""

from __future__ import annotations

FIRST, STEP, CLOSE, HIGHEST, LOWEST = 40.0, 1.6, 1.08, 1000.0, 1.0


class Search:
    """Says what to try `next`, None once it is found, and is `told` whether that was held."""

    def __init__(self) -> None:
        self.held, self._not_held = 0.0, 0.0
        self.next: float | None = FIRST

    def told(self, held: bool) -> None:
        """Take the outcome of `next` in. Every rate above one that is not held is taken as not held."""
        assert self.next is not None
        if held:
            self.held = self.next
        else:
            self._not_held = self.next
        self.next = self._choose()

    def _choose(self) -> float | None:
        if not self._not_held:
            return min(self.held * STEP, HIGHEST) if self.held < HIGHEST else None
        if not self.held:
            return self._not_held / STEP if self._not_held / STEP >= LOWEST else None
        close = self._not_held / self.held <= CLOSE
        return None if close else float((self.held * self._not_held) ** 0.5)
