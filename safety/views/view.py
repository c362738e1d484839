"""A text as it reads once something in it was decoded or put together, and the way back to where that stood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

AROUND = 160  # characters before and after what was decoded that are read with it


class Found(NamedTuple):
    """From `start` up to `end` stands what reads as `plain`."""

    start: int
    end: int
    plain: str


class _Run(NamedTuple):
    """From `at` on in the view stands what is from `start` up to `end` in the text, letter for letter if `copied`."""

    at: int
    start: int
    end: int
    copied: bool


class View(NamedTuple):
    """`kind` says how it was hidden. Get one from `replaced`."""

    kind: str
    text: str
    runs: Sequence[_Run]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A range of the view as a range of the text: of what was decoded the whole, of the rest its letters."""
        ends = [*(run.at for run in self.runs[1:]), len(self.text)]
        met = [run for run, stop in zip(self.runs, ends, strict=True) if run.at < end and start < stop]
        if not met:
            return self.runs[0].start, self.runs[-1].end
        first, last = met[0], met[-1]
        begin = first.start + max(0, start - first.at) if first.copied else first.start
        return begin, min(last.end, last.start + end - last.at) if last.copied else last.end

    def within(self, outer: View) -> View:
        """A view of a view's text as a view of the text itself."""
        runs = [_Run(run.at, *outer.span(run.start, max(run.end, run.start + 1)), False) for run in self.runs]
        return View(f"{outer.kind}, {self.kind}", self.text, runs)


def replaced(kind: str, text: str, found: Iterable[Found], around: int = AROUND) -> View | None:
    """The text with each of `found` in plain, which must be in order and apart; of the rest what is near to one."""
    runs: list[_Run] = []
    parts: list[str] = []
    at = done = 0

    def put(part: str, start: int, end: int, copied: bool) -> None:
        nonlocal at
        if part:
            runs.append(_Run(at, start, end, copied))
            parts.append(part)
            at += len(part)

    for start, end, plain in found:
        if start - done > 2 * around:
            if runs:
                put(text[done : done + around], done, done + around, True)
                put("\n", done + around, start - around, False)
            done = start - around
        put(text[done:start], done, start, True)
        put(plain, start, end, False)
        done = end
    if not runs:
        return None
    put(text[done : done + around], done, min(len(text), done + around), True)
    return View(kind, "".join(parts), runs)
