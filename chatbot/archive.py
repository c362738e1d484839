"""People's own conversations: list, search, read, rename, delete, share.

A conversation that is deleted is gone at once from every list, search, export and share, from the chat page and from
the reviewers' queue, and no run learns from it any more; what a run has learned before, an adapter still knows. Its
rows stay in the store, marked as deleted, until they are erased (`chatbot/erasure.py`).
Votes on its answers go on counting in experiments, where they are numbers without a text.
"""

from __future__ import annotations

import re
import secrets
import textwrap
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics import Conversation, Store
from analytics import conversations as queries
from chatbot.conversations import on_show
from chatbot.errors import BadRequest, UnknownConversation, UnknownShare
from chatbot.remarks import screened
from safety import Screen

LONGEST_TITLE, LONGEST_SEARCH = 200, 200  # characters
MOST = 100  # conversations of one page
_HEADING = 60  # characters of a question that stands for a title
_NO_SHARE = "There is no such link, or it was taken back."
_AROUND = 60  # characters of a snippet before and behind what was searched


@dataclass(frozen=True)
class Heading:
    """A line of the list; `snippet` is the text around what was searched."""

    conversation_id: str
    title: str
    created: datetime
    updated: datetime
    turns: int
    snippet: str | None = None


@dataclass(frozen=True)
class Said:
    """A question and its answer: None with the reason None when it was cut off, `vote` and `stars` if they stand."""

    response_id: str
    at: datetime
    question: str
    answer: str | None
    finish_reason: str | None
    vote: int | None
    stars: int | None


@dataclass(frozen=True)
class Share:
    """A link to the conversation as it was at `at`."""

    share_id: str
    at: datetime


@dataclass(frozen=True)
class Shared:
    """What the holder of a link may see."""

    title: str
    at: datetime
    turns: list[Said]


class Archive:
    """Every call is for the person whose conversations they are; those of others are unknown. Its calls block."""

    def __init__(self, store: Store, screen: Screen) -> None:
        self._store, self._screen = store, screen

    def page(
        self, person: str, limit: int = 20, after: str | None = None, text: str | None = None
    ) -> tuple[list[Heading], bool]:
        """At most `limit` conversations, newest first, and whether there are more: those behind `after`, with `text`.

        Raises BadRequest, and UnknownConversation for an `after` that is not theirs.
        """
        if not 1 <= limit <= MOST:
            raise BadRequest(f"limit is {limit}; it must be from 1 to {MOST}.")
        if text is not None:
            _check_search(text)
        before = None
        if after is not None and (before := queries.last_seq(self._store, person, after)) is None:
            raise _unknown(after)
        rows = queries.page(self._store, person, limit + 1, before, text)
        return [_heading(row, text) for row in rows[:limit]], len(rows) > limit

    def heading(self, person: str, conversation_id: str) -> Heading:
        """One line of the list. Raises UnknownConversation."""
        row = queries.about(self._store, person, conversation_id)
        if row is None:
            raise _unknown(conversation_id)
        return _heading(row, None)

    def turns(self, person: str, conversation_id: str) -> list[Said]:
        """The conversation as it is on show: of answers to the same message the newest."""
        return _said(queries.turns(self._store, person, conversation_id))

    def shares(self, person: str, conversation_id: str) -> list[Share]:
        """The links that are open, oldest first."""
        rows = queries.shares(self._store, person, conversation_id)
        return [Share(row["share_id"], row["at"]) for row in rows]

    def rename(self, person: str, conversation_id: str, title: str) -> Heading:
        """Give a title, screened because a link shows it to others. Raises UnknownConversation, BadRequest."""
        self.heading(person, conversation_id)
        plain = _plain(title)
        if not plain:
            raise BadRequest("The title is empty; give it a word.")
        if len(plain) > LONGEST_TITLE:
            raise BadRequest(f"The title is too long: {len(plain)} characters, at most {LONGEST_TITLE} are kept.")
        first = self._store.asked(queries.turns(self._store, person, conversation_id)[0]["turn_id"])
        assert first is not None
        seen = screened(self._screen, plain, "title", "input", first, person)
        self._store.append(Conversation(conversation_id, person, "rename", title=seen.text), *seen.flags)
        return self.heading(person, conversation_id)

    def delete(self, person: str, conversation_id: str) -> None:
        """Take it from every sight, and from what is learned from. Raises UnknownConversation."""
        self.heading(person, conversation_id)
        self._store.append(Conversation(conversation_id, person, "delete"))

    def share(self, person: str, conversation_id: str) -> Share:
        """Open a link to what was asked and answered up to now. Raises UnknownConversation, BadRequest."""
        self.heading(person, conversation_id)
        until = queries.newest_event(self._store, person, conversation_id)
        if not queries.turns(self._store, person, conversation_id, until):
            raise BadRequest("Nothing was answered here yet, so there is nothing to share.")
        share_id = secrets.token_urlsafe(16)
        shared = Conversation(conversation_id, person, "share", share_id=share_id, until_seq=until)
        self._store.append(shared)
        return next(one for one in self.shares(person, conversation_id) if one.share_id == share_id)

    def revoke(self, person: str, conversation_id: str, share_id: str) -> None:
        """Close a link for good. Raises UnknownConversation, UnknownShare."""
        self.heading(person, conversation_id)
        if share_id not in {share.share_id for share in self.shares(person, conversation_id)}:
            raise UnknownShare("There is no open link of that id to this conversation.")
        self._store.append(Conversation(conversation_id, person, "revoke", share_id=share_id))

    def shared(self, share_id: str) -> Shared:
        """What the link shows, to anybody who has it. Raises UnknownShare."""
        row = queries.share(self._store, share_id)
        if row is None:
            raise UnknownShare(_NO_SHARE)
        person, conversation_id = row["person"], row["conversation_id"]
        turns = queries.turns(self._store, person, conversation_id, row["until_seq"])
        about = queries.about(self._store, person, conversation_id)
        if about is None:  # deleted only just now: the holder of a link must not be told of whom
            raise UnknownShare(_NO_SHARE)
        return Shared(_heading(about, None).title, row["at"], _said(turns))


def _said(rows: list[dict[str, Any]]) -> list[Said]:
    return [
        Said(
            response_id=row["turn_id"],
            at=row["at"],
            question=row["question"],
            answer=row["completion"],
            finish_reason=row["finish_reason"],
            vote=row["vote"] or None,
            stars=row["stars"],
        )
        for row in on_show(rows)
    ]


def _heading(row: dict[str, Any], text: str | None) -> Heading:
    return Heading(
        conversation_id=row["conversation_id"],
        title=row["title"] or _short(row["question"]),
        created=row["created"],
        updated=row["updated"],
        turns=row["turns"],
        snippet=None if text is None else _snippet(text, row["hit_question"], row["hit_answer"]),
    )


def _short(question: str) -> str:
    plain = _plain(question)
    cut = textwrap.shorten(plain, _HEADING, placeholder=" …")
    # A first word that is longer than a title would leave nothing.
    return cut if cut != "…" else f"{plain[: _HEADING - 1]}…"


def _plain(text: str) -> str:
    """One line without control characters."""
    spaced = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)
    return " ".join(spaced.split())


def _snippet(text: str, question: str, answer: str | None) -> str:
    wanted = re.compile(re.escape(text), re.IGNORECASE)
    found = ((said, wanted.search(said)) for said in (question, answer or ""))
    # Upper and lower case are not always of the same length, and the store's may differ from Python's in a rare letter.
    said, start, end = next(((said, *hit.span()) for said, hit in found if hit), (question, 0, 0))
    begin, until = max(0, start - _AROUND), end + _AROUND
    return f"{'…' if begin else ''}{_plain(said[begin:until])}{'…' if until < len(said) else ''}"


def _check_search(text: str) -> None:
    if not text.strip():
        raise BadRequest("q is empty; say what to search for, or leave it out.")
    if len(text) > LONGEST_SEARCH:
        raise BadRequest(f"q is too long: {len(text)} characters, at most {LONGEST_SEARCH} are searched for.")


def _unknown(conversation_id: str) -> UnknownConversation:
    return UnknownConversation(f"There is no conversation {conversation_id!r} of yours.")
