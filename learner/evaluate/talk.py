"""How a row is put to a model, over several turns."""

from __future__ import annotations

from learner.evaluate.row import Row
from learner.evaluate.suite import Generation


def opening(row: Row, generation: Generation) -> list[dict[str, str]]:
    """What the model is sent first: the row's messages, after the suite's system message where they bring none."""
    messages = [dict(message) for message in row.messages]
    if generation.system and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": generation.system})
    return messages


def follow_up(answer: str, then: str) -> list[dict[str, str]]:
    """What is appended for the next turn."""
    return [{"role": "assistant", "content": answer}, {"role": "user", "content": then}]
