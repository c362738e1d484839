"""The filters in their order, on a whole text. A filter that fails or is too slow counts against the text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from safety.filters.cards import Cards
from safety.filters.keys import Keys
from safety.filters.terms import Terms
from safety.normalise import Normalised, normalise
from safety.stream import Glance, StreamScreen
from safety.verdict import Context, Decision, Edit, Filter, Finding, Verdict, edited, merged

OnFailure = Literal["block", "review"]
BREAK_AFTER = 5  # failures in a row
BREAK_SECONDS = 30.0

BLOCKED_INPUT = (
    "I can't help with that message: it was stopped by a safety filter. If you think that is wrong, you can appeal and "
    "a person will look at it."
)
BLOCKED_OUTPUT = (
    "The rest of this answer was stopped by a safety filter. If you think that is wrong, you can appeal and a person "
    "will look at it."
)


@dataclass(frozen=True)
class Screening:
    """The strictest decision, the text without what is taken out, and what each filter said.

    The spans of `verdicts` and of `edits` are places in the text as it came.
    """

    decision: Decision
    text: str
    verdicts: tuple[Verdict, ...]
    edits: tuple[Edit, ...] = ()


@dataclass
class _Breaker:
    """Keeps a filter that always fails from being waited for; it counts as failed all the same."""

    failures: int = 0
    open_until: float = 0.0

    def open(self) -> bool:
        return time.monotonic() < self.open_until

    def note(self, failed: bool) -> None:
        self.failures = self.failures + 1 if failed else 0
        if self.failures >= BREAK_AFTER:
            self.open_until = time.monotonic() + BREAK_SECONDS


class Screen:
    """`timeout_s` is for each filter; `input_failure` says what happens to a message whose screening failed."""

    def __init__(
        self, filters: Sequence[Filter], *, timeout_s: float = 1.0, input_failure: OnFailure = "block"
    ) -> None:
        self._filters, self._timeout, self._input_failure = filters, timeout_s, Decision(input_failure)
        self._breakers = {filter_.id: _Breaker() for filter_ in filters}
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="screen")

    async def check(self, text: str, context: Context) -> Screening:
        """Show `text` to every filter until one blocks."""
        glance = await self._look(text, context, ended=True)
        return Screening(_strictest(glance.verdicts), edited(text, glance.edits), glance.verdicts, glance.edits)

    def check_in_thread(self, text: str, context: Context) -> Screening:
        """`check` for a thread that has no event loop. Raises RuntimeError in one that runs a loop."""
        return asyncio.run(self.check(text, context))

    def stream(self, context: Context) -> StreamScreen:
        """A screen for an answer that arrives in pieces."""
        return StreamScreen(self._look, context)

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _look(self, text: str, context: Context, ended: bool) -> Glance:
        """Show `text` to every filter until one blocks; what is found at the end of one that goes on is open."""
        verdicts: list[Verdict] = []
        edits: list[Edit] = []
        normalised, decided, doubtful = normalise(text), len(text), False
        for filter_ in self._filters:
            if not ended and filter_.quick and (certain := self._passes(filter_, normalised, context)) is not None:
                decided = min(decided, certain)
                continue
            verdict, certain = await self._ask(filter_, normalised, context, ended)
            decided = min(decided, certain)
            open_ = bool(verdict.spans) and min(start for start, _ in verdict.spans) >= certain
            if open_ and not ended:
                doubtful |= verdict.decision is Decision.BLOCK
                continue
            verdicts.append(verdict)
            if verdict.decision is Decision.BLOCK:
                return Glance(tuple(verdicts), merged(edits), decided, blocked=verdict)
            if verdict.decision is Decision.TRANSFORM:
                edits += [Edit(*span, filter_.replacement(verdict.category)) for span in verdict.spans]
        return Glance(tuple(verdicts), merged(edits), decided, doubtful=doubtful)

    def _passes(self, filter_: Filter, text: Normalised, context: Context) -> int | None:
        """Up to where the filter lets a text that goes on pass, which is almost always; None when it is to be asked."""
        if self._breakers[filter_.id].failures:
            return None
        try:
            finding, certain = _finding(filter_, text, context, False)
        except Exception:
            return None
        return certain if finding.decision is Decision.ALLOW else None

    async def _ask(self, filter_: Filter, text: Normalised, context: Context, ended: bool) -> tuple[Verdict, int]:
        """What the filter says, and up to where it is certain."""
        began, breaker = time.perf_counter(), self._breakers[filter_.id]
        finding, certain, failed = Finding(self._on_failure(context), "the filter failed"), text[1][-1], True
        if not breaker.open():
            try:
                finding, certain = await self._find(filter_, text, context, ended)
                failed = False
            except Exception:
                failed = True
            breaker.note(failed)
        milliseconds = 1000 * (time.perf_counter() - began)
        verdict = Verdict(
            decision=finding.decision,
            category=finding.category,
            score=finding.score,
            threshold=filter_.threshold,
            spans=finding.spans,
            filter_id=filter_.id,
            filter_version=filter_.version,
            latency_ms=round(milliseconds, 3),
            failed=failed,
        )
        return verdict, certain

    async def _find(self, filter_: Filter, text: Normalised, context: Context, ended: bool) -> tuple[Finding, int]:
        if filter_.quick:
            return _finding(filter_, text, context, ended)
        asked = asyncio.get_running_loop().run_in_executor(self._pool, _finding, filter_, text, context, ended)
        return await asyncio.wait_for(asked, self._timeout)

    def _on_failure(self, context: Context) -> Decision:
        return self._input_failure if context.role == "input" else Decision.BLOCK


def default_screen(input_failure: OnFailure = "block") -> Screen:
    """The filters that ship with Ratchet."""
    return Screen([Cards(), Keys(), Terms()], input_failure=input_failure)


def _finding(filter_: Filter, text: Normalised, context: Context, ended: bool) -> tuple[Finding, int]:
    """Show the filter the normalised text, and bring its spans, and up to where it is certain, back to the text."""
    plain, places = text
    found = filter_.check(plain, context)
    certain = len(plain) if ended else filter_.undecided(plain, context)
    if not found.spans:
        return found, places[certain]
    if not ended:
        certain = min([certain, *(start for start, end in found.spans if end == len(plain))])
    spans = tuple((places[start], places[end - 1] + 1) for start, end in found.spans if end > start)
    return Finding(found.decision, found.category, found.score, spans), places[certain]


def _strictest(verdicts: Sequence[Verdict]) -> Decision:
    order = (Decision.BLOCK, Decision.REVIEW, Decision.TRANSFORM, Decision.ALLOW)
    return min((verdict.decision for verdict in verdicts), key=order.index, default=Decision.ALLOW)
