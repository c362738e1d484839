"""The filters in their order, on a whole text. A filter that fails or is too slow counts against the text."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from safety.edits import Edit, edited, edits_of, merged
from safety.filter import Context, Filter, Scorer, Setup
from safety.normalise import Normalised, normalise
from safety.policy import OnFailure, Policy
from safety.registry import build
from safety.stream import Glance, StreamScreen
from safety.verdict import CONCERNS, Decision, Verdict, strictest
from safety.views import View, views
from safety.watched import Watched

THREADS = 8
MOST_KNOWN = 4096  # texts whose screening is kept
LONGEST_KNOWN = 4096  # characters of such a text


@dataclass(frozen=True)
class Screening:
    """The strictest decision, the text without what is taken out, and what each filter said.

    The spans of `verdicts` and of `edits` are places in the text as it came.
    """

    decision: Decision
    text: str
    verdicts: tuple[Verdict, ...]
    edits: tuple[Edit, ...] = ()

    @property
    def decisive(self) -> Verdict | None:
        """The verdict that blocked, or else the first for which a person should look."""
        said = [verdict for verdict in self.verdicts if verdict.decision in CONCERNS and not verdict.shadow]
        return next((verdict for verdict in said if verdict.decision is Decision.BLOCK), said[0] if said else None)


class Screen:
    """`timeout_s` is for each filter that is not in `timeouts_s` by its place; `shadows` are places of filters too."""

    def __init__(
        self,
        filters: Sequence[Filter],
        *,
        timeout_s: float = 1.0,
        timeouts_s: Sequence[float] = (),
        input_failure: OnFailure = "block",
        shadows: Sequence[bool] = (),
    ) -> None:
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="screen")
        limits = [*timeouts_s, *[timeout_s] * (len(filters) - len(timeouts_s))]
        hidden = [*shadows, *[False] * (len(filters) - len(shadows))]
        self._filters = [
            Watched(filter_, self._pool, timeout_s=limit, input_failure=input_failure, shadow=shadow)
            for filter_, limit, shadow in zip(filters, limits, hidden, strict=True)
        ]
        self._known: dict[tuple[str, Context], Screening] = {}
        holding = [one for one in self._filters if one.holds_back("output") and one.applies("output")]
        self._patterns = [one for one in holding if one.pattern is not None]
        self._windowed = [one for one in holding if one.pattern is None]
        self._decoding = [one for one in self._patterns if one.decodes]
        self._late = [one for one in self._filters if one.applies("output") and one not in holding]

    @classmethod
    def from_policy(cls, policy: Policy, scorer: Scorer | None = None) -> Screen:
        """The screen that a policy describes. Raises BadPolicy."""
        setups = [Setup(entry.name, entry.rules, entry.options, scorer) for entry in policy.entries]
        return cls(
            [build(entry.use, setup) for entry, setup in zip(policy.entries, setups, strict=True)],
            timeouts_s=[entry.timeout_s for entry in policy.entries],
            input_failure=policy.input_failure,
            shadows=[entry.shadow for entry in policy.entries],
        )

    @property
    def installed(self) -> Sequence[Watched]:
        """The filters in their order."""
        return self._filters

    async def check(self, text: str, context: Context) -> Screening:
        """Show `text` to every filter until one blocks; shadows see it in any case.

        What was said of the same text in the same context is not asked again: a conversation comes back each turn.
        """
        if context.earlier or len(text) > LONGEST_KNOWN:
            return await self._check(text, context, own_loop=False)
        known = self._known.get((text, context))
        if known is None:
            known = await self._check(text, context, own_loop=False)
            if not any(verdict.failed for verdict in known.verdicts):
                self._known[text, context] = known
                if len(self._known) > MOST_KNOWN:
                    del self._known[next(iter(self._known))]
        return known

    async def _check(self, text: str, context: Context, *, own_loop: bool) -> Screening:
        asked = [one for one in self._filters if one.applies(context.role)]
        verdicts = await self._ask([one for one in asked if not one.shadow], text, context, own_loop)
        verdicts += await self._ask([one for one in asked if one.shadow], text, context, own_loop)
        edits = _edits(verdicts)
        return Screening(strictest(verdicts), edited(text, edits), tuple(verdicts), edits)

    def check_in_thread(self, text: str, context: Context) -> Screening:
        """`check` for a thread that has no event loop. Raises RuntimeError in one that runs a loop."""
        return asyncio.run(self._check(text, context, own_loop=True))

    def stream(self, context: Context) -> StreamScreen:
        """A screen for an answer that arrives in pieces."""
        return StreamScreen(self, context)

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def windowed(self) -> bool:
        """Whether an answer waits for filters that read windows."""
        return bool(self._windowed or self._decoding)

    async def window(self, text: str, context: Context) -> Sequence[Verdict]:
        """Show a window of an answer to the filters that read more than patterns, until one blocks.

        Those of patterns saw its letters before; here they are shown what it says in a code.
        """
        normalised = normalise(text)
        seen = views(normalised[0], text)
        verdicts = await self._ask_views(self._decoding, normalised, seen, context) if seen else []
        if any(verdict.decision is Decision.BLOCK for verdict in verdicts):
            return verdicts
        informed = await self._informed(self._windowed, text, context)
        return [*verdicts, *await self._ask(self._windowed, text, informed, readings=(normalised, seen))]

    async def late(self, text: str, context: Context) -> Sequence[Verdict]:
        """Show a whole answer to those that it did not wait for."""
        return await self._ask(self._late, text, await self._informed(self._late, text, context))

    async def _informed(self, filters: Sequence[Watched], text: str, context: Context) -> Context:
        """With what the patterns say, by this text alone: it must not matter in which pieces an answer comes."""
        if not any(one.informed for one in filters):
            return context
        patterns = [one for one in self._filters if one.pattern is not None and one.applies("output")]
        said = await self._ask([one for one in patterns if not one.shadow and one not in filters], text, context)
        return replace(context, earlier=(*context.earlier, *said))

    async def glance(self, text: str, context: Context, ended: bool) -> Glance:
        """Show `text` to the filters of patterns until one blocks; what is found at its end is open."""
        verdicts: list[Verdict] = []
        normalised, decided, doubtful = normalise(text), len(text), False
        for filter_ in self._patterns:
            if not ended and (certain := filter_.passes(normalised, context)) is not None:
                decided = min(decided, certain)
                continue
            verdict, certain = await filter_.ask(normalised, context, ended=ended)
            decided = min(decided, certain)
            open_ = bool(verdict.spans) and min(span.start for span in verdict.spans) >= certain
            if open_ and not ended:
                doubtful |= verdict.decision is Decision.BLOCK
                continue
            verdicts.append(verdict)
            if verdict.decision is Decision.BLOCK:
                return Glance(tuple(verdicts), _edits(verdicts), decided, blocked=verdict)
        return Glance(tuple(verdicts), _edits(verdicts), decided, doubtful=doubtful)

    async def _ask_views(
        self, filters: Iterable[Watched], text: Normalised, seen: Sequence[View], context: Context
    ) -> list[Verdict]:
        """What the filters find in the views alone."""
        said = [await filter_.ask(text, context, views=seen, plain=False) for filter_ in filters]
        return [verdict for verdict, _ in said if verdict.decision is not Decision.ALLOW]

    async def _ask(
        self,
        filters: Iterable[Watched],
        text: str,
        context: Context,
        own_loop: bool = False,
        readings: tuple[Normalised, Sequence[View]] | None = None,
    ) -> list[Verdict]:
        verdicts: list[Verdict] = []
        normalised = readings[0] if readings else normalise(text)
        seen = readings[1] if readings else views(normalised[0], text)
        for filter_ in filters:
            needless = filter_.pattern is not None or not verdicts
            told = context if needless else replace(context, earlier=(*context.earlier, *verdicts))
            verdict, _ = await filter_.ask(normalised, told, own_loop=own_loop, views=seen)
            verdicts.append(verdict)
            if verdict.decision is Decision.BLOCK and not verdict.shadow:
                break
        return verdicts


def default_screen(scorer: Scorer | None = None) -> Screen:
    """The filters of the bundled policy."""
    return Screen.from_policy(Policy.read(), scorer)


def _edits(verdicts: Iterable[Verdict]) -> tuple[Edit, ...]:
    return merged(edit for verdict in verdicts if not verdict.shadow for edit in edits_of(verdict))
