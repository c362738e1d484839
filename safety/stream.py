"""Screens an answer while it is being written: nothing is shown before what it may belong to is decided."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from safety.errors import StreamEnded
from safety.verdict import Context, Decision, Edit, Verdict, edited

CARRIED = 160  # characters of what was shown that are looked at again, for what is told by what comes before
MOST_HELD = 2000  # characters; an answer of which more stays undecided is stopped
LONGEST_PIECE = 256  # characters that are looked at together


@dataclass(frozen=True)
class Glance:
    """What the filters say about a text that may go on: what they have found, and up to where it is `decided`.

    `blocked` is what stops it, and `doubtful` says that something would, if it did not go on.
    """

    verdicts: tuple[Verdict, ...]
    edits: tuple[Edit, ...]
    decided: int
    blocked: Verdict | None = None
    doubtful: bool = False


_UNDECIDED = Verdict(Decision.BLOCK, "undecided", 1.0, 1.0, (), "stream", "1", 0.0)
Look = Callable[[str, Context, bool], Awaitable[Glance]]


class StreamScreen:
    """Feed it the pieces; what it returns may be shown. After a block it returns nothing more.

    However an answer is cut into pieces, the same of it is shown in the end. `look` is given the text, where it comes
    from, and whether it has ended.
    """

    def __init__(self, look: Look, context: Context) -> None:
        self._look, self._context = look, context
        self._past, self._held = "", ""  # both as they came
        self._ended = False
        self.blocked: Verdict | None = None
        self.verdicts: list[Verdict] = []

    async def feed(self, piece: str) -> str:
        """Take the next piece, and return what may be shown by now, which may be nothing yet. Raises StreamEnded."""
        if self._ended:
            raise StreamEnded("This answer has ended; nothing can be added to it.")
        shown = ""
        for start in range(0, len(piece), LONGEST_PIECE):
            shown += await self._take(piece[start : start + LONGEST_PIECE])
        return shown

    async def finish(self) -> str:
        """The answer is over: return the rest of what may be shown."""
        self._ended = True
        if self.blocked is not None:
            return ""
        return self._release(await self._look(self._past + self._held, self._context, True))

    async def _take(self, piece: str) -> str:
        if self.blocked is not None:
            return ""
        glance = await self._look(self._past + self._held + piece, self._context, False)
        if len(piece) > 1 and (glance.blocked is not None or glance.doubtful or self._too_much(glance, piece)):
            # Letter by letter, so that what stands before the place of the block is shown, and no more than that.
            return "".join([await self._take(letter) for letter in piece])
        self._held += piece
        return self._release(glance)

    def _too_much(self, glance: Glance, piece: str) -> bool:
        return len(self._past) + len(self._held) + len(piece) - glance.decided > MOST_HELD

    def _release(self, glance: Glance) -> str:
        """Show what is held up to where all is decided."""
        past = len(self._past)
        self._note(glance.verdicts)
        self.blocked = glance.blocked
        edits = [Edit(max(0, start - past), end - past, text) for start, end, text in glance.edits if end > past]
        edge = max(0, glance.decided - past)
        edge = next((edit.start for edit in edits if edit.start < edge < edit.end), edge)
        if self.blocked is None and len(self._held) - edge > MOST_HELD:
            self._stop(glance.verdicts)
        if self.blocked is not None:
            return ""
        head = edited(self._held[:edge], [edit for edit in edits if edit.end <= edge])
        self._past, self._held = (self._past + self._held[:edge])[-CARRIED:], self._held[edge:]
        return head

    def _stop(self, verdicts: tuple[Verdict, ...]) -> None:
        """Too much stays undecided, as a secret that does not end."""
        known = next((v for v in verdicts if v.decision is Decision.TRANSFORM), _UNDECIDED)
        self.blocked = replace(known, decision=Decision.BLOCK)
        self.verdicts.append(self.blocked)

    def _note(self, verdicts: tuple[Verdict, ...]) -> None:
        """Keep each kind of finding once; a stream is looked at many times."""
        known = {(verdict.filter_id, verdict.decision, verdict.category) for verdict in self.verdicts}
        self.verdicts += [v for v in verdicts if (v.filter_id, v.decision, v.category) not in known]
