"""What is asked of the store about what somebody said of an answer."""

from __future__ import annotations

from typing import Any

from analytics.store import Store

Row = dict[str, Any]


def answer(store: Store, turn_id: str) -> str | None:
    """The text of an answer as it was shown; None while there is none."""
    rows = store.rows("SELECT completion FROM reply WHERE turn_id = ?", (turn_id,))
    return str(rows[0]["completion"]) if rows else None


def by_key(store: Store, person: str, key: str) -> Row | None:
    """The feedback that a person gave under an idempotency key, or None."""
    rows = store.rows("SELECT * FROM feedback WHERE person = ? AND idempotency_key = ?", (person, key))
    return rows[0] if rows else None


def all_of(store: Store, person: str, turn_id: str) -> list[Row]:
    """All that a person said of an answer, in order."""
    return store.rows(
        "SELECT * FROM feedback WHERE turn_id = ? AND person = ? AND source = 'user' ORDER BY seq", (turn_id, person)
    )
