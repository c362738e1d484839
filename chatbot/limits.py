"""Budgets of requests and of tokens: how much one person, or one key, may ask for."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from chatbot.errors import TooMany

MOST_KNOWN = 100_000  # people and keys whose use is remembered
DAY, MINUTE = 86_400.0, 60.0


@dataclass(frozen=True)
class Budget:
    """Requests in a minute and tokens in a day, 0 for no limit. All may be used at once, and comes back evenly."""

    requests_per_minute: int = 0
    tokens_per_day: int = 0


NO_LIMIT = Budget()


@dataclass
class _Use:
    """What is used up, as of `at` in seconds; it flows off as time passes (a leaky bucket)."""

    requests: float = 0.0
    tokens: float = 0.0
    at: float = 0.0

    def flow(self, budget: Budget, now: float) -> None:
        passed, self.at = now - self.at, now
        self.requests = max(0.0, self.requests - passed * budget.requests_per_minute / MINUTE)
        self.tokens = max(0.0, self.tokens - passed * budget.tokens_per_day / DAY)


class Limits:
    """Kept in memory: a start of the server gives everybody a fresh budget."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._uses: OrderedDict[str, _Use] = OrderedDict()

    def admit(self, who: str, budget: Budget) -> None:
        """Count one request of `who`. Raises TooMany, and then counts nothing."""
        if budget == NO_LIMIT:
            return
        use = self._use(who, budget)
        if budget.requests_per_minute and use.requests + 1 > budget.requests_per_minute:
            wait = (use.requests + 1 - budget.requests_per_minute) * MINUTE / budget.requests_per_minute
            raise TooMany(f"More than {budget.requests_per_minute} requests in a minute; wait a moment.", wait)
        if budget.tokens_per_day and use.tokens >= budget.tokens_per_day:
            wait = (use.tokens + 1 - budget.tokens_per_day) * DAY / budget.tokens_per_day
            raise TooMany(f"The {budget.tokens_per_day} tokens of a day are used up.", wait)
        use.requests += 1

    def charge(self, who: str, budget: Budget, tokens: int) -> None:
        """Count the tokens of an answer, which are known only once it has ended."""
        if budget.tokens_per_day:
            self._use(who, budget).tokens += tokens

    def _use(self, who: str, budget: Budget) -> _Use:
        use = self._uses.setdefault(who, _Use(at=self._clock()))
        self._uses.move_to_end(who)
        if len(self._uses) > MOST_KNOWN:
            self._uses.popitem(last=False)
        use.flow(budget, self._clock())
        return use
