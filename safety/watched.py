"""One filter in its place: with a time limit, and a breaker that keeps one that always fails from being waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from safety.filter import Context, Filter, PatternFilter
from safety.normalise import Normalised
from safety.policy import OnFailure
from safety.rules import Rules
from safety.verdict import ALLOWED, Decision, Span, Verdict, sterner
from safety.views import View

WARM_UP = "Hello, my name is A n n. How do I w-r-i-t-e to you, by m4il?"
BREAK_AFTER = 5  # failures in a row
BREAK_SECONDS = 30.0
LONGEST_QUICK = 8000  # characters; longer texts are looked at in a thread, whatever the filter says


@dataclass
class _Breaker:
    failures: int = 0
    open_until: float = 0.0

    def open(self) -> bool:
        return time.monotonic() < self.open_until

    def note(self, failed: bool) -> None:
        self.failures = self.failures + 1 if failed else 0
        if self.failures >= BREAK_AFTER:
            self.open_until = time.monotonic() + BREAK_SECONDS


class Watched:
    """Asks one filter. `input_failure` says what happens to a message from a person when that failed."""

    def __init__(
        self, filter_: Filter, pool: ThreadPoolExecutor, *, timeout_s: float, input_failure: OnFailure, shadow: bool
    ) -> None:
        self._filter, self._pool, self._timeout = filter_, pool, timeout_s
        self._input_failure, self.shadow = Decision(input_failure), shadow
        self._breaker = _Breaker()
        self._takes_little = bool(getattr(filter_, "quick", False))
        self._rules: Rules | None = getattr(filter_, "rules", None)
        self._async: Callable[[str, Context], Awaitable[Verdict]] | None = getattr(filter_, "check_async", None)
        self.informed = bool(getattr(filter_, "informed", False))
        self.decodes = bool(getattr(filter_, "decodes", False))
        self.pattern = filter_ if isinstance(filter_, PatternFilter) else None

    @property
    def id(self) -> str:
        """Its name in the policy."""
        return self._filter.id

    @property
    def version(self) -> str:
        """Of the filter."""
        return self._filter.version

    def applies(self, role: str) -> bool:
        """Whether it looks at texts of this role."""
        return self._rules is None or self._rules.applies(role)

    def holds_back(self, role: str) -> bool:
        """Whether texts of this role wait for it."""
        return not self.shadow and (self._rules is None or self._rules.holds_back(role))

    def warm(self) -> None:
        """Have a filter that takes little compile its patterns, so that nobody's first message waits for it."""
        for role in ("input", "output"):
            if self._takes_little and self.applies(role):
                with suppress(Exception):  # it will be told when somebody's text is screened
                    self._filter.check(WARM_UP, Context(role))

    def passes(self, text: Normalised, context: Context) -> int | None:
        """Up to where it lets a text that goes on pass, which is almost always; None when it is to be asked."""
        if self._breaker.failures or not self._quick(text):
            return None
        try:
            verdict, certain = self._found(text, context, False)
        except Exception:
            return None
        return certain if verdict.decision is Decision.ALLOW else None

    async def ask(
        self,
        text: Normalised,
        context: Context,
        *,
        ended: bool = True,
        own_loop: bool = False,
        views: Sequence[View] = (),
        plain: bool = True,
    ) -> tuple[Verdict, int]:
        """What it says, and up to where it is certain if the text goes on; spans are places in the text as it came.

        If it decodes it is asked about the text's `views` as well, and the strictest counts; or only about them, if the
        text in `plain` letters was shown to it before.
        On a loop that lives for this call alone, `own_loop`, no filter keeps anything: it is asked in a thread.
        """
        began = time.perf_counter()
        verdict, certain = Verdict(self._on_failure(context), "the filter failed", failed=True), text[1][-1]
        if not self._breaker.open():
            failed = True
            try:
                if self._quick(text) and plain and not (views and self.decodes):
                    verdict, certain = self._found(text, context, ended)
                else:
                    async with asyncio.timeout(self._timeout):
                        if plain:
                            verdict, certain = await self._find(text, context, ended, own_loop)
                        else:
                            verdict = ALLOWED
                        verdict = await self._in_views(verdict, views, text, context, own_loop)
                failed = False
            except Exception:
                failed = True
            self._breaker.note(failed)
        took = round(1000 * (time.perf_counter() - began), 3)
        return verdict.told_by(self._filter.id, self._filter.version, took, self.shadow), certain

    async def _find(self, text: Normalised, context: Context, ended: bool, own_loop: bool) -> tuple[Verdict, int]:
        if self._quick(text):
            return self._found(text, context, ended)
        if self._async is not None and not own_loop:
            return _in_place(await self._async(text[0], context), text), text[1][-1]
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._found, text, context, ended)

    async def _in_views(
        self, verdict: Verdict, views: Sequence[View], text: Normalised, context: Context, own_loop: bool
    ) -> Verdict:
        """The verdict, or a stricter one on a view, until one blocks; with the highest scores of all."""
        for view in views if self.decodes else ():
            if verdict.decision is Decision.BLOCK:
                break
            plain = view.text, [*range(len(view.text) + 1)]
            said, _ = await self._find(plain, replace(context, view=view.kind), True, own_loop)
            places = dict.fromkeys(Span(*view.span(start, end), *label) for start, end, *label in said.spans)
            verdict = sterner(verdict, _in_place(replace(said, spans=tuple(places)), text))
        return verdict

    def _found(self, text: Normalised, context: Context, ended: bool) -> tuple[Verdict, int]:
        plain, places = text
        said = self._filter.check(plain, context)
        certain = len(plain) if ended or self.pattern is None else self.pattern.undecided(plain, context)
        if said.spans and not ended:
            certain = min([certain, *(span[0] for span in said.spans if span[1] == len(plain))])
        return _in_place(said, text), places[certain]

    def _quick(self, text: Normalised) -> bool:
        return self._takes_little and len(text[0]) <= LONGEST_QUICK

    def _on_failure(self, context: Context) -> Decision:
        return self._input_failure if context.role == "input" else Decision.BLOCK


def _in_place(verdict: Verdict, text: Normalised) -> Verdict:
    """The verdict with its spans as places in the text as it came."""
    if not verdict.spans:
        return verdict
    places = text[1]
    spans = tuple(
        Span(places[start], places[end - 1] + 1, *label) for start, end, *label in verdict.spans if end > start
    )
    return replace(verdict, spans=spans)
