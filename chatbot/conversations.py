"""Conversations as people see them: the answers on show, and what the engine is sent next."""

from __future__ import annotations

from typing import Any

from analytics import Store, queries

Message = dict[str, str]
SPOKEN = ("stop", "length", "cancelled")


def shown(store: Store, conversation_id: str) -> list[dict[str, Any]]:
    """The turns on show, in order: of answers to the same message, the newest."""
    latest: dict[str, dict[str, Any]] = {}
    roots: dict[str, str] = {}
    for turn in queries.conversation(store, conversation_id):
        sibling: str | None = turn["sibling_of"]
        root: str = turn["turn_id"] if sibling is None else roots.get(sibling, sibling)
        roots[turn["turn_id"]] = root
        latest[root] = turn
    return list(latest.values())


def next_messages(store: Store, conversation_id: str | None, text: str) -> list[Message]:
    """What the engine is sent when somebody says `text` next; what was stopped by a filter is left out."""
    past = shown(store, conversation_id) if conversation_id else []
    return [*_said(past), {"role": "user", "content": text}]


def sibling_messages(store: Store, turn_id: str) -> list[Message]:
    """What the engine was sent for a turn, to ask it once more."""
    turn = queries.turn(store, turn_id)
    return list(turn["messages"]) if turn else []


def answer(store: Store, turn_id: str) -> str:
    """What was answered in a turn; empty when nothing was."""
    turn = queries.turn(store, turn_id)
    return str((turn and turn["completion"]) or "")


def _said(turns: list[dict[str, Any]]) -> list[Message]:
    messages: list[Message] = []
    for turn in turns:
        if turn["finish_reason"] in SPOKEN and turn["completion"]:
            messages.append(turn["messages"][-1])
            messages.append({"role": "assistant", "content": turn["completion"]})
    return messages
