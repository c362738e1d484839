"""What is put in place of parts of a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from safety.verdict import Decision, Verdict


class Edit(NamedTuple):
    """Put `text` in place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


def edits_of(verdict: Verdict, offset: int = 0) -> list[Edit]:
    """What a TRANSFORM puts in place of its spans: the kind of thing that was there, in brackets."""
    if verdict.decision is not Decision.TRANSFORM:
        return []
    return [Edit(start + offset, end + offset, f"[{label or verdict.category}]") for start, end, label in verdict.spans]


def merged(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """The edits in order; of those that overlap one is made, with the words of the first."""
    apart: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if apart and edit.start < apart[-1].end:
            apart[-1] = apart[-1]._replace(end=max(apart[-1].end, edit.end))
        else:
            apart.append(edit)
    return tuple(apart)


def edited(text: str, edits: Sequence[Edit]) -> str:
    """`text` with each edit made; they must not overlap."""
    for start, end, words in reversed(edits):
        text = text[:start] + words + text[end:]
    return text
