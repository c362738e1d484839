"""The rules by which what people said becomes preference pairs, over the store or over a snapshot of it."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

_RULES = Path(__file__).with_name("pairs.sql")
_EVENTS = ("consent", "conversation", "turn", "reply", "feedback", "review")


def pairs_sql(place: Callable[[str], str]) -> str:
    """The query; `place` gives the SQL of where the events of a kind lie. Its parameter `without` is a list of people.

    Its columns are turn_id, person, person_group, prompt (JSON), chosen, rejected, source and seq, oldest first.
    """
    sql = _RULES.read_text(encoding="utf-8")
    for event in _EVENTS:
        sql = sql.replace(f"{{{event}}}", place(event))
    return sql


def rules_sha256() -> str:
    """Names the rules in a manifest."""
    return sha256(_RULES.read_bytes()).hexdigest()
