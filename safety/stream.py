"""Screens an answer while it is being written: nothing is shown before what it may belong to has been looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from safety.errors import StreamEnded
from safety.verdict import Context, Decision, Span, Verdict

HELD = 64  # characters at the end that wait for more: no pattern of the filters that transform is longer
CARRIED = 400  # characters of what was shown that are looked at again, so that a pattern across the seam is seen
PIECE = 16  # characters that are worth a look
MOST_HELD = 2000  # characters; more without any edge between words is stopped


class _Screening(Protocol):
    @property
    def decision(self) -> Decision: ...
    @property
    def text(self) -> str: ...
    @property
    def verdicts(self) -> tuple[Verdict, ...]: ...


Check = Callable[[str, Context], Awaitable[_Screening]]


class StreamScreen:
    """Feed it the pieces; what it returns may be shown. After a block it returns nothing more."""

    def __init__(self, check: Check, context: Context) -> None:
        self._check, self._context = check, context
        self._held, self._shown = "", ""
        self._ended = False
        self.blocked: Verdict | None = None
        self.verdicts: list[Verdict] = []

    async def feed(self, piece: str) -> str:
        """Take the next piece, and return what may be shown by now, which may be nothing yet. Raises StreamEnded."""
        if self._ended:
            raise StreamEnded("This answer has ended; nothing can be added to it.")
        self._held += piece
        edge = _edge(self._held)
        if edge < PIECE and len(self._held) <= MOST_HELD:
            return ""
        return await self._release(edge or len(self._held))

    async def finish(self) -> str:
        """The answer is over: return the rest of what may be shown."""
        self._ended = True
        return await self._release(len(self._held))

    async def _release(self, edge: int) -> str:
        if self.blocked is not None or not self._held:
            return ""
        screened = await self._check(self._shown[-CARRIED:] + self._held, self._context)
        self._note(screened.verdicts)
        if screened.decision is Decision.BLOCK:
            self.blocked = screened.verdicts[-1]
            return ""
        spans = [span for v in screened.verdicts if v.decision is Decision.TRANSFORM for span in v.spans]
        edge = _before(spans, edge, len(self._shown[-CARRIED:]))
        head, self._held = self._held[:edge], self._held[edge:]
        if spans:
            head = (await self._check(head, self._context)).text
        self._shown += head
        return head

    def _note(self, verdicts: tuple[Verdict, ...]) -> None:
        """Keep each kind of finding once; a stream is looked at many times."""
        known = {(verdict.filter_id, verdict.decision, verdict.category) for verdict in self.verdicts}
        self.verdicts += [v for v in verdicts if (v.filter_id, v.decision, v.category) not in known]


def _before(spans: Sequence[Span], edge: int, carried: int) -> int:
    """Move the edge out of a span that it would cut, since half a card number is not recognised."""
    for start, end in spans:
        if start < carried + edge < end:
            edge = max(0, start - carried)
    return edge


def _edge(text: str) -> int:
    """Where the last word begins of what need not wait any longer; 0 when everything must."""
    limit = len(text) - HELD
    if limit <= 0:
        return 0
    return max(text.rfind(" ", 0, limit), text.rfind("\n", 0, limit)) + 1
