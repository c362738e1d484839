"""Conversations as people see them: the answers on show, and what the engine is sent next."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from analytics import Store, queries

Message = dict[str, str]
SPOKEN = ("stop", "length", "cancelled")
MESSAGE_TOKENS = 8  # for what a chat template puts around a message
_LETTERS = re.compile(r"[A-Za-z ]{2}")


def shown(store: Store, conversation_id: str) -> list[dict[str, Any]]:
    """The turns on show, in order; none of a conversation that its person deleted."""
    return on_show(queries.conversation(store, conversation_id))


def on_show(turns: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of answers to the same message, the newest, where the first one stood. `turns` are all, in order.

    Of two that stood side by side only the one with which the chat went on counts.
    """
    latest: dict[str, dict[str, Any]] = {}
    roots: dict[str, str] = {}
    for turn in turns:
        sibling: str | None = turn["sibling_of"]
        root: str = turn["turn_id"] if sibling is None else roots.get(sibling, sibling)
        roots[turn["turn_id"]] = root
        if not turn["not_chosen"] or root not in latest:
            latest[root] = turn
    return list(latest.values())


def next_messages(store: Store, conversation_id: str | None, text: str, tokens: int) -> list[Message]:
    """What the engine is sent when somebody says `text` next, in about `tokens` at most.

    What was stopped by a filter is left out, and so is the oldest of a conversation that has grown too long.
    """
    past = shown(store, conversation_id) if conversation_id else []
    return fitting([*_said(past), {"role": "user", "content": text}], tokens)


def fitting(messages: list[Message], tokens: int) -> list[Message]:
    """The messages without the oldest questions and answers, so that they take about `tokens` at most.

    A system message that leads and the last question stay, whatever they take.
    """
    head = [message for message in messages[:1] if message["role"] == "system"]
    begin = len(messages) - 1
    left = tokens - _tokens(head) - _tokens(messages[begin:])
    while begin - 2 >= len(head) and (left := left - _tokens(messages[begin - 2 : begin])) >= 0:
        begin -= 2
    return [*head, *messages[begin:]]


def sibling_messages(store: Store, turn_id: str) -> list[Message]:
    """What the engine was sent for a turn, to ask it once more."""
    turn = store.asked(turn_id)
    return [dict(message) for message in turn.messages] if turn else []


def answer(store: Store, turn_id: str) -> str:
    """What was answered in a turn; empty when nothing was."""
    turn = queries.turn(store, turn_id)
    return str((turn and turn["completion"]) or "")


def _tokens(messages: list[Message]) -> int:
    """An estimate that is rather too high: the server has no tokenizer, and no two models have the same.

    Two Latin letters or spaces count as one token, which is twice what English takes, and all else a token per byte.
    """
    return sum(MESSAGE_TOKENS + len(_LETTERS.sub(".", message["content"]).encode()) for message in messages)


def _said(turns: list[dict[str, Any]]) -> list[Message]:
    messages: list[Message] = []
    for turn in turns:
        if turn["finish_reason"] in SPOKEN and turn["completion"]:
            messages.append(turn["messages"][-1])
            messages.append({"role": "assistant", "content": turn["completion"]})
    return messages
