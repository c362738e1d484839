"""What is asked of the store again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from analytics.store import Store

Row = dict[str, Any]


def satisfaction(store: Store, hours: float) -> list[Row]:
    """Share of thumbs up among the votes of the last `hours`, in at most 60 stretches of time: at, share_up, votes."""
    return store.rows(
        """
        WITH recent AS (SELECT "at", vote FROM votes WHERE "at" > ?),
        stretch AS (
            SELECT greatest(1, (epoch(max("at")) - epoch(min("at"))) / 60) AS seconds, min("at") AS first FROM recent
        )
        SELECT first + to_seconds(seconds * least(59, floor((epoch("at") - epoch(first)) / seconds))) AS "at",
               avg(if(vote > 0, 1.0, 0.0)) AS share_up, count(*) AS votes
        FROM recent, stretch GROUP BY ALL ORDER BY 1
        """,
        (datetime.now(UTC) - timedelta(hours=hours),),
    )


def counts(store: Store) -> dict[str, int]:
    """How many turns, pieces of feedback and people there are."""
    (row,) = store.rows(
        "SELECT (SELECT count(*) FROM turn) AS turns, (SELECT count(*) FROM feedback) AS feedback, "
        "(SELECT count(DISTINCT person) FROM turn) AS people"
    )
    return row


def first_turn(store: Store) -> datetime | None:
    """When the first turn was logged; None while there is none."""
    (row,) = store.rows('SELECT min("at") AS first FROM turn')
    first: datetime | None = row["first"]
    return first


def questions(store: Store, limit: int) -> list[str]:
    """What people asked last, the newest first; nothing of conversations that were deleted."""
    rows = store.rows(
        "SELECT messages->>'$[#-1].content' AS question FROM turn WHERE sibling_of IS NULL "
        "AND turn_id NOT IN (SELECT turn_id FROM deleted_turns) ORDER BY seq DESC LIMIT ?",
        (limit,),
    )
    return [row["question"] for row in rows if row["question"]]


def review_queue(store: Store) -> list[Row]:
    """What waits for a reviewer, the oldest first: the turn, why, reason, at, claimed_by, until."""
    return store.rows(
        "SELECT review_queue.*, turn.conversation_id, turn.messages FROM review_queue JOIN turn USING (turn_id) "
        'ORDER BY review_queue."at"'
    )


def flags_waiting(store: Store) -> dict[str, list[Row]]:
    """What filters found in the turns that wait, by turn."""
    rows = store.rows(
        "SELECT flag.* FROM flag JOIN review_queue USING (turn_id) WHERE flag.filter_id IS NOT NULL ORDER BY flag.seq"
    )
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["turn_id"], []).append(row)
    return found


def remarks_found(store: Store, turn_id: str) -> list[Row]:
    """What filters found in what people wrote about a turn, beside its message and its answer."""
    return store.rows(
        "SELECT * FROM flag WHERE turn_id = ? AND filter_id IS NOT NULL AND place NOT IN ('message', 'answer') "
        "ORDER BY seq",
        (turn_id,),
    )


def conversation(store: Store, conversation_id: str) -> list[Row]:
    """The turns of a conversation in order, each with its reply; none of one that its person deleted.

    `not_chosen` are those that stood beside the answer with which the chat went on.
    """
    if deleted(store, conversation_id):
        return []
    return store.rows(
        "SELECT *, turn_id IN (SELECT turn_id FROM not_chosen) AS not_chosen FROM turns WHERE conversation_id = ? "
        "ORDER BY seq",
        (conversation_id,),
    )


def deleted(store: Store, conversation_id: str) -> bool:
    """Whether the person of a conversation deleted it."""
    return bool(store.rows("SELECT 1 FROM deleted_conversations WHERE conversation_id = ?", (conversation_id,)))


def turn(store: Store, turn_id: str) -> Row | None:
    """One turn with its reply, or None."""
    rows = store.rows("SELECT * FROM turns WHERE turn_id = ?", (turn_id,))
    return rows[0] if rows else None


def turn_before(store: Store, person: str, conversation_id: str, turn_id: str) -> str | None:
    """The id of the turn before another one in a conversation of a person; None for the first."""
    rows = store.rows(
        "SELECT turn_id FROM turn WHERE person = $person AND conversation_id = $id AND turn_id <> $turn_id "
        "AND seq < coalesce((SELECT seq FROM turn WHERE turn_id = $turn_id), 9223372036854775807) "
        "ORDER BY seq DESC LIMIT 1",
        {"person": person, "id": conversation_id, "turn_id": turn_id},
    )
    return str(rows[0]["turn_id"]) if rows else None


def consent(store: Store, person: str, conversation_id: str | None = None) -> bool | None:
    """Whether a conversation of a person may be learned from, or without one, those that have no answer of their own.

    None when the person was never asked.
    """
    (row,) = store.rows(
        """
        SELECT CASE WHEN any_value(temporary) THEN false WHEN any_value(own) IS NULL THEN any_value(general)
                    ELSE any_value(own) AND coalesce(any_value(general) OR any_value(last) < any_value(own_last), true)
               END AS given
        FROM (
            SELECT arg_max(given, seq) FILTER (conversation_id IS NULL) AS general,
                   max(seq) FILTER (conversation_id IS NULL) AS last,
                   arg_max(given, seq) FILTER (conversation_id = $id) AS own,
                   max(seq) FILTER (conversation_id = $id) AS own_last,
                   EXISTS (SELECT 1 FROM temporary_conversations WHERE conversation_id = $id AND person = $person)
                       AS temporary
            FROM consent WHERE person = $person
        )
        """,
        {"person": person, "id": conversation_id},
    )
    return None if row["given"] is None else bool(row["given"])


def temporary(store: Store, conversation_id: str) -> bool:
    """Whether a conversation is a temporary one."""
    return bool(store.rows("SELECT 1 FROM temporary_conversations WHERE conversation_id = ?", (conversation_id,)))


def new_usable_feedback(store: Store, since: datetime | None) -> int:
    """How much feedback came after `since` from people who agreed and who may teach, corrections included.

    As in pairs.sql, what was said of an answer that was blocked, cancelled, failed or deleted is of no use; nor are
    surveys and critiques, which nothing learns from.
    """
    (row,) = store.rows(
        """
        WITH answered AS (
            SELECT turn_id FROM reply WHERE finish_reason IN ('stop', 'length')
            AND turn_id NOT IN (SELECT turn_id FROM deleted_turns)
        )
        SELECT (SELECT count(*) FROM learn_feedback JOIN answered USING (turn_id)
                WHERE ($since IS NULL OR "at" > $since) AND (vote IS NOT NULL OR rewrite IS NOT NULL
                OR preferred_over IS NOT NULL OR comment IS NOT NULL OR json_array_length(reasons) > 0))
             + (SELECT count(*) FROM review JOIN turn USING (turn_id) JOIN answered USING (turn_id)
                JOIN turn_consents AS agreed USING (turn_id)
                WHERE agreed.given AND action = 'decide' AND correction IS NOT NULL
                AND ($since IS NULL OR review."at" > $since)) AS new
        """,
        {"since": since},
    )
    return int(row["new"])


def claim(store: Store, turn_id: str) -> tuple[str | None, float]:
    """Who holds a turn and until when, in seconds since 1970; (None, 0.0) when nobody does."""
    rows = store.rows(
        "SELECT action, reviewer, until FROM review WHERE turn_id = ? ORDER BY seq DESC LIMIT 1", (turn_id,)
    )
    if not rows or rows[0]["action"] != "claim":
        return None, 0.0
    return str(rows[0]["reviewer"]), float(rows[0]["until"] or 0.0)


def implicit_counts(store: Store) -> list[Row]:
    """How many weak signals each adapter's answers got: adapter, kind, origin, signals, and on how many answers."""
    return store.rows(
        "SELECT adapter, kind, origin, count(*) AS signals, count(DISTINCT turn_id) AS answers "
        "FROM implicit JOIN turn USING (turn_id) GROUP BY ALL ORDER BY ALL"
    )
