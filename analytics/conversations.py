"""What is asked of the store about people's own conversations; of those that were deleted nothing is told."""

from __future__ import annotations

from typing import Any

from analytics.store import Store

Row = dict[str, Any]

_MINE = (
    "turn.person = $person AND conversation_id NOT IN (SELECT conversation_id FROM deleted_conversations) "
    "AND conversation_id NOT IN (SELECT conversation_id FROM temporary_conversations)"
)
# A turn's `messages` end with what its person asked.
_QUESTION = "turn.messages->>'$[#-1].content'"
_HITS = f"""
    SELECT conversation_id, arg_max(question, seq) AS hit_question, arg_max_null(answer, seq) AS hit_answer FROM (
        SELECT conversation_id, turn.seq, {_QUESTION} AS question, completion AS answer
        FROM turn LEFT JOIN reply USING (turn_id) WHERE {_MINE}
    ) WHERE contains(lower(question), lower($text)) OR contains(lower(answer), lower($text)) GROUP BY conversation_id
"""
_PAGE = f"""
    WITH mine AS (
        SELECT conversation_id, min(seq) AS first, max(seq) AS last, min("at") AS created, max("at") AS updated,
               count(*) FILTER (sibling_of IS NULL) AS turns
        FROM turn WHERE {_MINE} GROUP BY conversation_id
    ),
    page AS (
        SELECT * FROM mine {{hits}} WHERE $before IS NULL OR last < $before ORDER BY last DESC LIMIT $limit
    )
    SELECT page.*, titles.title, {_QUESTION} AS question
    FROM page JOIN turn ON turn.seq = page.first AND turn.person = $person  -- else everybody's messages are read
    LEFT JOIN titles ON titles.conversation_id = page.conversation_id AND titles.person = $person
    ORDER BY last DESC
"""


def page(store: Store, person: str, limit: int, before: int | None, text: str | None) -> list[Row]:
    """Conversations of a person, newest first: those with a last turn before the event `before`, and with `text`.

    Each with conversation_id, created, updated, turns, title (None if never given), its first `question`, and where
    `text` is given the newest turn that has it as hit_question and hit_answer.
    """
    sql = _PAGE.format(hits="" if text is None else f"JOIN ({_HITS}) USING (conversation_id)")
    wanted = {"person": person, "limit": limit, "before": before, **({} if text is None else {"text": text})}
    return store.rows(sql, wanted)


def last_seq(store: Store, person: str, conversation_id: str) -> int | None:
    """The place of a conversation in the order of its person's, deleted or not; None when it is not theirs."""
    rows = store.rows(
        "SELECT max(seq) AS last FROM turn WHERE person = ? AND conversation_id = ?", (person, conversation_id)
    )
    last: int | None = rows[0]["last"]
    return last


def about(store: Store, person: str, conversation_id: str) -> Row | None:
    """One conversation of a person as `page` tells of it, or None."""
    return one(store, f"{_MINE} AND conversation_id = $id", {"person": person, "id": conversation_id})


def one(store: Store, where: str, wanted: dict[str, object]) -> Row | None:
    """The conversation whose turns fulfil `where`: conversation_id, person, first question, title, times and turns."""
    rows = store.rows(
        f"""
        SELECT mine.*, titles.title, {_QUESTION} AS question FROM (
            SELECT conversation_id, person, min(seq) AS first, min("at") AS created, max("at") AS updated,
                   count(*) FILTER (sibling_of IS NULL) AS turns
            FROM turn WHERE {where} GROUP BY conversation_id, person
        ) AS mine JOIN turn ON turn.seq = mine.first
        LEFT JOIN titles ON titles.conversation_id = mine.conversation_id AND titles.person = mine.person
        """,
        wanted,
    )
    return rows[0] if rows else None


def turns(store: Store, person: str, conversation_id: str, until: int | None = None) -> list[Row]:
    """The turns in order: turn_id, sibling_of, question, completion, finish_reason, vote, stars, not_chosen and at.

    With `until`, only turns that were answered before that event.
    """
    return store.rows(
        f"""
        SELECT turn.turn_id, sibling_of, turn."at", {_QUESTION} AS question, completion, finish_reason, vote, stars,
               turn.turn_id IN (SELECT turn_id FROM not_chosen) AS not_chosen
        FROM turn LEFT JOIN reply USING (turn_id)
        LEFT JOIN (
            SELECT turn_id, arg_max(vote, seq) AS vote, arg_max_null(stars, seq) AS stars FROM feedback
            WHERE person = $person AND vote IS NOT NULL AND source = 'user' GROUP BY turn_id
        ) USING (turn_id)
        WHERE {_MINE} AND conversation_id = $id AND ($until IS NULL OR (turn.seq <= $until AND reply.seq <= $until))
        ORDER BY turn.seq
        """,
        {"person": person, "id": conversation_id, "until": until},
    )


def newest_event(store: Store, person: str, conversation_id: str) -> int:
    """The last event of a conversation: its newest turn or answer."""
    (row,) = store.rows(
        "SELECT max(greatest(turn.seq, coalesce(reply.seq, -1))) AS newest FROM turn LEFT JOIN reply USING (turn_id) "
        "WHERE person = ? AND conversation_id = ?",
        (person, conversation_id),
    )
    return int(row["newest"])


def shares(store: Store, person: str, conversation_id: str) -> list[Row]:
    """The open shares of a conversation, oldest first: share_id and at."""
    return store.rows(
        'SELECT share_id, "at" FROM shares WHERE person = ? AND conversation_id = ? ORDER BY until_seq, "at"',
        (person, conversation_id),
    )


def share(store: Store, share_id: str) -> Row | None:
    """An open share: conversation_id, person, until_seq and at; None when it was revoked or never was."""
    rows = store.rows('SELECT conversation_id, person, until_seq, "at" FROM shares WHERE share_id = ?', (share_id,))
    return rows[0] if rows else None
