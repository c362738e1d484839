"""What the filters found in a text, for a reviewer: a line for each finding, and its place in the text."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from safety import CONCERNS, Decision
from safety.edits import Edit, merged

Said = Mapping[str, Any]  # a verdict as it is kept


def marked(text: str, verdicts: Sequence[Said]) -> str:
    """The text as HTML, with what the filters found in it highlighted."""
    places = [Edit(*place, "") for said in _concerns(verdicts) for place in _places(said, verdicts)]
    parts, at = [], 0
    for start, end, _ in merged(places):
        parts.append(f"{html.escape(text[at:start])}<mark>{html.escape(text[start:end])}</mark>")
        at = end
    return "".join([*parts, html.escape(text[at:])])


def lines(text: str, verdicts: Sequence[Said], where: str) -> str:
    """A line of HTML for each finding: filter, category, score, the words that it is about, and its note.

    `where` says which text it is; words are left out where `text` is empty, for it is no longer what they stood in.
    """
    return "".join(_line(said, text, verdicts, where) for said in _concerns(verdicts))


def _line(said: Said, text: str, verdicts: Sequence[Said], where: str) -> str:
    words = dict.fromkeys(text[start:end] for start, end in _places(said, verdicts))
    quoted = "".join(f" <mark>{html.escape(word)}</mark>" for word in words if word)
    score = "failed" if said.get("failed") else f"{said.get('score', 0):.2f}"
    told = f"<b>{html.escape(said['filter_id'])}</b>: {html.escape(said.get('category', ''))} in the {where}, {score}"
    note = f"<div>{html.escape(said['note'])}</div>" if said.get("note") else ""
    return f"<div class='rt-found'>{told}{quoted}{note}</div>"


def _concerns(verdicts: Sequence[Said]) -> list[Said]:
    return [said for said in verdicts if said["decision"] in CONCERNS and not said.get("shadow")]


def _places(said: Said, verdicts: Sequence[Said]) -> list[tuple[int, int]]:
    """Where a finding stands in the text as it is kept, from which other things were taken out."""
    edits = merged(
        Edit(span[0], span[1], f"[{span[2] if len(span) > 2 else one.get('category', '')}]")
        for one in verdicts
        if one["decision"] == Decision.TRANSFORM and not one.get("shadow")
        for span in one.get("spans", ())
    )
    return [(_moved(span[0], edits, end=False), _moved(span[1], edits, end=True)) for span in said.get("spans", ())]


def _moved(place: int, edits: Sequence[Edit], *, end: bool) -> int:
    by = 0
    for edit in edits:
        if edit.start < place < edit.end:
            return edit.start + by + (len(edit.text) if end else 0)
        if edit.end <= place:
            by += len(edit.text) - (edit.end - edit.start)
    return place + by
