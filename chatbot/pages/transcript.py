"""The parts of the review page as HTML and labels: the queue's lines, and the conversation around a turn."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chatbot.judgements import Finding
from chatbot.pages import marks
from chatbot.reviews import ReviewItem

LABEL_CHARACTERS = 42
VOTES: Mapping[int | None, str] = {1: " · thumb up", -1: " · thumb down"}
KEYS = (
    ("j k", "next, previous"), ("c", "claim"), ("r", "release"), ("1 2 5", "filter right, wrong, other category"),
    ("f", "next finding"), ("m", "what filters missed"), ("3 4", "answer right, wrong"),
    ("e", "write the better answer"), ("Esc", "leave it"), ("s", "save"),
)  # fmt: skip
EMPTY = (
    "<div class='rt-card'><h3>Nothing waits</h3>"
    "<p class='rt-soft'>Flagged, down-voted and appealed answers come here, and a sample of all others.</p></div>"
)


def label(item: ReviewItem, reviewer: str) -> str:
    """A line of the queue, as `reviewer` sees it."""
    question = textwrap.shorten(item.question, LABEL_CHARACTERS, placeholder=" …")
    held = "" if item.claimed_by is None else " · yours" if item.claimed_by == reviewer else " · claimed by another"
    found = "".join(f"\n{one.category} {one.score:.2f} by {one.filter}" for one in item.findings[:1])
    teaches = f"\n{item.priority.reason}" if item.priority and item.priority.reason else ""
    return f"{question}\n{', '.join(item.why)} · {age(item.at)}{held}{found}{teaches}"


def age(at: datetime) -> str:
    """How long ago something happened, in a few words."""
    minutes = int((datetime.now(UTC) - at).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days ago"


def conversation(
    turns: Sequence[Mapping[str, Any]],
    turn_id: str,
    why: Sequence[str],
    reason: str | None,
    found: Sequence[Finding] = (),
) -> str:
    """The conversation with the turn that waits, why it waits, and what filters found in it."""
    said = f": {html.escape(reason)}" if reason else ""
    chips = f"<div>{''.join(map(_chip, found))}</div>" if found else ""
    parts = [f"<div class='rt-why'><b>{html.escape(', '.join(why))}</b>{said}{chips}</div>"]
    for turn in turns:
        here = " rt-here" if turn["turn_id"] == turn_id else ""
        ended = turn["finish_reason"] or "interrupted"
        asked, answered, marked = _said(turn) if here else _unmarked(turn)
        parts.append(f"<div class='rt-said rt-user'>{asked}</div>")
        parts.append(f"<div class='rt-said rt-bot{here}'>{answered}</div>{marked}")
        parts.append(
            f"<div class='rt-mark'>{html.escape(turn['adapter'])} · {ended}{VOTES.get(turn['vote'], '')}</div>"
        )
        parts += [_noted(note) for note in turn["notes"]]
    return f"<div class='rt-card rt-talk'>{''.join(parts)}</div>"


def _unmarked(turn: Mapping[str, Any]) -> tuple[str, str, str]:
    question, answer = turn["messages"][-1]["content"], turn["completion"] or "(interrupted)"
    return html.escape(question), html.escape(answer), ""


def _said(turn: Mapping[str, Any]) -> tuple[str, str, str]:
    """Question and answer with what the filters found in them highlighted, and a line for each finding."""
    question, answer = turn["messages"][-1]["content"], turn["completion"] or ""
    of_question, of_answer = turn["verdicts"] or [], turn["reply_verdicts"] or []
    # Of what was stopped another text stands there, in which the places are none.
    kept = turn["finish_reason"] != "content_filter"
    lines = marks.lines(question, of_question, "question") + marks.lines(answer * kept, of_answer, "answer")
    asked = marks.marked(question, of_question)
    return asked, marks.marked(answer, of_answer if kept else []) or "(interrupted)", lines


def _chip(one: Finding) -> str:
    score = f"{one.score:.2f}, from {one.threshold:.2f} on" if one.threshold else f"{one.score:.2f}"
    what = f"{one.filter} · {one.category} · {one.place}"
    return f"<span class='rt-chip rt-{one.decision}'>{html.escape(what)} <i>{score}: {one.decision}</i></span>"


def _noted(note: Mapping[str, Any]) -> str:
    return f"<div class='rt-mark'>A reviewer noted, {age(note['at'])}: {html.escape(note['note'])}</div>"


def keys() -> str:
    """What the keyboard does."""
    return "<div class='rt-keys'>" + "".join(f"<span><kbd>{key}</kbd>{what}</span>" for key, what in KEYS) + "</div>"
