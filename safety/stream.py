"""Screens an answer while it is being written: nothing is shown before what it may belong to has been looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

from safety.errors import StreamEnded
from safety.normalise import normalise
from safety.verdict import Context, Decision, Edit, Verdict, edited

PIECE = 16  # characters that are shown together
HELD = 64  # visible characters behind them that are looked at first: longer than what a filter recognises a span by
CARRIED = 400  # characters of what was shown that are looked at again, so that a pattern across the seam is seen
MOST_HELD = 2000  # characters; a span that is longer stops the answer


class _Screening(Protocol):
    @property
    def decision(self) -> Decision: ...
    @property
    def verdicts(self) -> tuple[Verdict, ...]: ...
    @property
    def edits(self) -> Sequence[Edit]: ...


Check = Callable[[str, Context], Awaitable[_Screening]]


class StreamScreen:
    """Feed it the pieces; what it returns may be shown. After a block it returns nothing more.

    It looks at the same places of an answer however the answer is cut into pieces, so what is shown is the same, too.
    """

    def __init__(self, check: Check, context: Context) -> None:
        self._check, self._context = check, context
        self._past, self._held = "", ""  # both as they came
        self._edge = PIECE  # how much of what is held is to be shown next
        self._ended = False
        self.blocked: Verdict | None = None
        self.verdicts: list[Verdict] = []

    async def feed(self, piece: str) -> str:
        """Take the next piece, and return what may be shown by now, which may be nothing yet. Raises StreamEnded."""
        if self._ended:
            raise StreamEnded("This answer has ended; nothing can be added to it.")
        self._held += piece
        shown = ""
        while self.blocked is None and (seen := _seen(self._held, self._edge)) is not None:
            shown += await self._release(seen)
        return shown

    async def finish(self) -> str:
        """The answer is over: return the rest of what may be shown."""
        self._ended = True
        if self.blocked is not None or not self._held:
            return ""
        self._edge = len(self._held)
        return await self._release(len(self._held))

    async def _release(self, seen: int) -> str:
        """Show what is held up to the edge, or less, after a look at what is held up to `seen`."""
        past = len(self._past)
        screened = await self._check(self._past + self._held[:seen], self._context)
        self._note(screened.verdicts)
        if screened.decision is Decision.BLOCK:
            self.blocked = screened.verdicts[-1]
            return ""
        edits = [Edit(max(0, start - past), end - past, text) for start, end, text in screened.edits if end > past]
        cut = next((edit for edit in edits if edit.start < self._edge < edit.end), None)
        if cut is not None and cut.end - cut.start > MOST_HELD:
            endless = next(v for v in screened.verdicts if v.decision is Decision.TRANSFORM)
            self.blocked = replace(endless, decision=Decision.BLOCK)
            self.verdicts.append(self.blocked)
            return ""
        edge = self._edge if cut is None else cut.start
        # What is cut waits for its end: half a card number is not recognised.
        self._edge = PIECE if cut is None else self._edge - edge + PIECE
        head = edited(self._held[:edge], [edit for edit in edits if edit.end <= edge])
        self._past, self._held = (self._past + self._held[:edge])[-CARRIED:], self._held[edge:]
        return head

    def _note(self, verdicts: tuple[Verdict, ...]) -> None:
        """Keep each kind of finding once; a stream is looked at many times."""
        known = {(verdict.filter_id, verdict.decision, verdict.category) for verdict in self.verdicts}
        self.verdicts += [v for v in verdicts if (v.filter_id, v.decision, v.category) not in known]


def _seen(held: str, edge: int) -> int | None:
    """How much of `held` has to be looked at before it is shown up to `edge`; None while it has not come."""
    if held.isascii():
        return edge + HELD if len(held) >= edge + HELD else None
    _, places = normalise(held[edge:])
    return edge + places[HELD - 1] + 1 if len(places) > HELD else None
