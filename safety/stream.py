"""Screens an answer while it is being written: nothing is shown before what it may belong to is decided."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from safety.edits import Edit, edited, edits_of, merged
from safety.errors import StreamEnded
from safety.filter import Context
from safety.verdict import Decision, Span, Verdict, highest
from safety.windows import Window, Windows

CARRIED = 96  # characters of what was shown that patterns see again: no filter looks back further than 48
MOST_HELD = 2000  # characters; an answer of which more stays undecided is stopped
LONGEST_PIECE = 256  # characters that are looked at together
STEP = 32  # characters of a piece in which something may stop the answer, before it is looked at letter by letter


@dataclass(frozen=True)
class Glance:
    """What the filters of patterns say about a text that may go on, and up to where it is `decided`.

    `blocked` is what stops it, and `doubtful` says that something would, if it did not go on.
    """

    verdicts: tuple[Verdict, ...]
    edits: tuple[Edit, ...]
    decided: int
    blocked: Verdict | None = None
    doubtful: bool = False


class Looks(Protocol):
    """The filters, as a stream needs them. Spans are places in the text that they were shown."""

    @property
    def windowed(self) -> bool:
        """Whether an answer waits for filters that read windows."""
        ...

    async def glance(self, text: str, context: Context, ended: bool) -> Glance:
        """Look for patterns in a text that may go on."""
        ...

    async def window(self, text: str, context: Context) -> Sequence[Verdict]:
        """Read a window."""
        ...

    async def late(self, text: str, context: Context) -> Sequence[Verdict]:
        """Read the whole answer, once it is shown."""
        ...


class _Read(NamedTuple):
    """What came of a window; places are in the whole answer."""

    end: int
    known: int
    blocked: Verdict | None


class StreamScreen:
    """Feed it the pieces; what it returns may be shown. After a block it returns nothing more.

    However an answer is cut into pieces, the same of it is shown in the end. `blocked` is what stopped it, `verdicts`
    are what was found, with places in the whole answer as the model wrote it.
    """

    def __init__(self, looks: Looks, context: Context) -> None:
        self._looks, self._context = looks, context
        self._past, self._held = "", ""  # both as they came
        self._waiting = ""  # comes after _held, and nobody has looked at it yet
        self._at = 0  # where _past begins in the whole
        self._pieces: list[str] = []
        self._windows = Windows() if looks.windowed else None
        self._cleared = 0  # up to here of the whole, what reads windows lets pass
        self._edits: list[Edit] = []  # of windows, in the whole
        self._ended = False
        self._noted: dict[tuple[str, Decision, str], Verdict] = {}
        self.blocked: Verdict | None = None

    @property
    def verdicts(self) -> list[Verdict]:
        """Each kind of finding once, at its highest score; a stream is looked at many times."""
        return list(self._noted.values())

    def note(self, verdicts: Sequence[Verdict]) -> None:
        """Keep what was found elsewhere in the answer as well, such as in its tool calls."""
        self._note(verdicts, 0)

    async def feed(self, piece: str) -> str:
        """Take the next piece, and return what may be shown by now, which may be nothing yet. Raises StreamEnded."""
        if self._ended:
            raise StreamEnded("This answer has ended; nothing can be added to it.")
        shown = ""
        for start in range(0, len(piece), LONGEST_PIECE):
            if self.blocked is None:
                shown += await self._take(piece[start : start + LONGEST_PIECE])
        return shown

    async def finish(self) -> str:
        """The answer is over: return the rest of what may be shown."""
        self._ended = True
        if self.blocked is not None:
            return ""
        self._held, self._waiting = self._held + self._waiting, ""
        read = await self._read(self._windows.finish() if self._windows is not None else [])
        glance = await self._looks.glance(self._past + self._held, self._context, True)
        shown = self._release(self._and_windows(glance, read), sys.maxsize)
        if self.blocked is None:
            self._note(await self._looks.late("".join(self._pieces), self._context), 0)
        return shown

    async def _take(self, piece: str) -> str:
        self._pieces.append(piece)
        windows = self._windows.take(piece) if self._windows is not None else []
        piece, self._waiting = self._waiting + piece, ""
        if not windows and self._all_shown() and len(piece) < LONGEST_PIECE:
            self._waiting = piece  # whatever the patterns said of it, no more would be shown
            return ""
        return await self._look(piece, await self._read(windows), LONGEST_PIECE)

    def _all_shown(self) -> bool:
        """Whether all is shown up to where the windows let it pass."""
        return self._windows is not None and self._cleared <= self._at + len(self._past)

    async def _look(self, piece: str, read: Sequence[_Read], step: int) -> str:
        """Look at what is new, `step` characters at a time, and show what may be shown by now."""
        shown = ""
        for start in range(0, len(piece), step):
            part = piece[start : start + step]
            glance = await self._looks.glance(self._past + self._held + part, self._context, False)
            known = self._known(read, part)
            stops = glance.blocked is not None or glance.doubtful or any(window.blocked for window in known)
            if not stops and not self._too_much(glance, part, known):
                self._held += part
                shown += self._release(glance, self._clear(known))
            elif step > STEP:
                shown += await self._look(part, read, STEP)
            else:
                # Letter by letter, so that what stands before the place of the block is shown, and no more than that.
                shown += await self._spell(part, read)
            if self.blocked is not None:
                break
        return shown

    def _known(self, read: Sequence[_Read], part: str) -> list[_Read]:
        """The windows whose end is known once `part` has come."""
        seen = self._at + len(self._past) + len(self._held) + len(part)
        return [window for window in read if window.known <= seen]

    async def _spell(self, piece: str, read: Sequence[_Read]) -> str:
        shown = ""
        for letter in piece:
            glance = await self._looks.glance(self._past + self._held + letter, self._context, False)
            known = self._known(read, letter)
            self._held += letter
            shown += self._release(self._and_windows(glance, known), self._clear(known))
            if self.blocked is not None:
                break
        return shown

    async def _read(self, windows: Sequence[Window]) -> list[_Read]:
        """Have the windows read, and note what is found up to the first that is blocked."""
        if len(windows) == 1:
            said = [await self._looks.window(windows[0].text, self._context)]
        else:
            said = await asyncio.gather(*(self._looks.window(window.text, self._context) for window in windows))
        read: list[_Read] = []
        for window, verdicts in zip(windows, said, strict=True):
            self._note(verdicts, window.start)
            self._edits += [edit for verdict in verdicts for edit in edits_of(verdict, window.start)]
            stopping = next((verdict for verdict in verdicts if verdict.decision is Decision.BLOCK), None)
            read.append(_Read(window.end, window.known, stopping))
            if stopping is not None:
                break
        return read

    def _and_windows(self, glance: Glance, read: Sequence[_Read]) -> Glance:
        stopping = next((window.blocked for window in read if window.blocked), None)
        return glance if glance.blocked is not None or stopping is None else replace(glance, blocked=stopping)

    def _clear(self, read: Sequence[_Read]) -> int:
        """Note up to where the windows let the whole pass."""
        self._cleared = self._cleared_by(read)
        return self._cleared

    def _cleared_by(self, read: Sequence[_Read]) -> int:
        if self._windows is None:
            return sys.maxsize
        return max([self._cleared, *(window.end for window in read if window.blocked is None)])

    def _too_much(self, glance: Glance, piece: str, read: Sequence[_Read]) -> bool:
        edge = min(glance.decided, self._cleared_by(read) - self._at)
        return len(self._past) + len(self._held) + len(piece) - edge > MOST_HELD

    def _release(self, glance: Glance, cleared: int) -> str:
        """Show what is held up to where all is decided; `cleared` is a place in the whole."""
        past = len(self._past)
        self._note(glance.verdicts, self._at)
        self.blocked = glance.blocked
        windowed = (edit._replace(start=edit.start - self._at, end=edit.end - self._at) for edit in self._edits)
        found = merged([*glance.edits, *windowed])
        edits = [Edit(max(0, start - past), end - past, text) for start, end, text in found if end > past]
        edge = max(0, min(glance.decided, cleared - self._at) - past)
        edge = next((edit.start for edit in edits if edit.start < edge < edit.end), edge)
        if self.blocked is None and len(self._held) - edge > MOST_HELD:
            self._stop(glance.verdicts)
        if self.blocked is not None:
            return ""
        head = edited(self._held[:edge], [edit for edit in edits if edit.end <= edge])
        self._advance(edge)
        return head

    def _advance(self, edge: int) -> None:
        read = self._past + self._held[:edge]
        self._past, self._held = _from_word(read), self._held[edge:]
        self._at += len(read) - len(self._past)
        self._edits = [edit for edit in self._edits if edit.end > self._at + len(self._past)]

    def _stop(self, verdicts: Sequence[Verdict]) -> None:
        """Too much stays undecided, as a secret that does not end."""
        known = next((v for v in verdicts if v.decision is Decision.TRANSFORM), None)
        stopped = Verdict(Decision.BLOCK, "undecided", 1.0, filter_id="stream", filter_version="1")
        self.blocked = stopped if known is None else replace(known, decision=Decision.BLOCK, spans=())
        self._note([self.blocked], 0)

    def _note(self, verdicts: Sequence[Verdict], offset: int) -> None:
        for verdict in verdicts:
            kind = (verdict.filter_id, verdict.decision, verdict.category)
            known = self._noted.get(kind)
            scores = verdict.scores if known is None else highest(known.scores, verdict.scores)
            if known is None or verdict.score > known.score:
                spans = tuple(Span(start + offset, end + offset, *label) for start, end, *label in verdict.spans)
                self._noted[kind] = replace(verdict, spans=spans, scores=scores)
            elif scores is not known.scores:
                self._noted[kind] = replace(known, scores=scores)


def _from_word(read: str) -> str:
    """The last of what was shown, from the beginning of a word: half a word may look like another."""
    if len(read) <= CARRIED:
        return read
    space = next((place for place in range(len(read) - CARRIED, len(read)) if read[place - 1].isspace()), None)
    return read[-CARRIED:] if space is None else read[space:]
