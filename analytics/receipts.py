"""What is asked of the store about one receipt."""

from __future__ import annotations

from typing import Any

from analytics.store import Store

Row = dict[str, Any]


def feedback(store: Store, receipt: str) -> Row | None:
    """The feedback that got this receipt, or None."""
    rows = store.rows("SELECT * FROM feedback WHERE feedback_id = ? AND source = 'user'", (receipt,))
    return rows[0] if rows else None


def appeal(store: Store, receipt: str) -> Row | None:
    """The appeal that got this receipt, or None."""
    rows = store.rows("SELECT * FROM flag WHERE receipt = ? AND \"by\" = 'appeal'", (receipt,))
    return rows[0] if rows else None


def decision(store: Store, turn_id: str, since: int) -> Row | None:
    """The first decision of a reviewer on a turn after the event `since`, or None."""
    rows = store.rows(
        "SELECT * FROM review WHERE turn_id = ? AND action = 'decide' AND seq > ? ORDER BY seq LIMIT 1",
        (turn_id, since),
    )
    return rows[0] if rows else None


def answers_beside(store: Store, turn_id: str) -> list[str]:
    """The turns of the same person and conversation with the same messages: other answers to what was asked."""
    rows = store.rows(
        """
        SELECT other.turn_id FROM turn JOIN turn AS other ON other.conversation_id = turn.conversation_id
        AND other.person = turn.person AND other.messages::VARCHAR = turn.messages::VARCHAR
        WHERE turn.turn_id = ? AND other.turn_id <> turn.turn_id ORDER BY other.seq
        """,
        (turn_id,),
    )
    return [str(row["turn_id"]) for row in rows]


def reply(store: Store, turn_id: str) -> Row | None:
    """The text of an answer and why it ended, or None while there is none."""
    rows = store.rows("SELECT completion, finish_reason FROM reply WHERE turn_id = ?", (turn_id,))
    return rows[0] if rows else None


def experiment_state(store: Store, experiment_id: str) -> str | None:
    """How it stands with an experiment."""
    rows = store.rows(
        "SELECT state FROM experiment WHERE experiment_id = ? ORDER BY seq DESC LIMIT 1", (experiment_id,)
    )
    return str(rows[0]["state"]) if rows else None
