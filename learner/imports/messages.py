"""Prompts and answers however files write them: messages, plain texts, and dialogues in one text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Messages = tuple[dict[str, str], ...]
_ROLES: Mapping[str, str] = {
    "system": "system", "user": "user", "assistant": "assistant", "human": "user", "prompter": "user",
    "gpt": "assistant", "bot": "assistant", "ai": "assistant", "model": "assistant", "chatgpt": "assistant",
}  # fmt: skip
_TURN = re.compile(r"(?:^|\n\n)(Human|H|Assistant|A): ?")
_REASONING = re.compile(r"<details type=\"reasoning\".*?</details>\s*", re.DOTALL)


class Unfit(Exception):
    """A row that nothing can be learned from, and why."""


def messages(value: object) -> Messages:
    """A prompt: a list of messages, a dialogue in one text, or a text of the user. Raises Unfit."""
    if isinstance(value, str):
        return dialogue(value) or ({"role": "user", "content": value},)
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, Sequence) or not value:
        raise Unfit("there is no prompt")
    return tuple(_message(part) for part in value)


def answer(value: object) -> str:
    """An answer: a text, or a list with one message of the assistant. Raises Unfit."""
    if isinstance(value, str):
        return value.strip("\n") if dialogue(value) is None else dialogue_end(value)
    found = messages(value)
    if len(found) != 1:
        raise Unfit("an answer has several messages")
    if found[0]["role"] != "assistant":
        raise Unfit("an answer is not by the assistant")
    return found[0]["content"]


def dialogue(text: str) -> Messages | None:
    """The messages of a text like "\\n\\nHuman: ...\\n\\nAssistant: ..."; None where it is no such text.

    The assistant's name at its end, which asks for the answer, is no message.
    """
    if not text.startswith(("\n\nHuman:", "Human:", "\n\nH:")):
        return None
    parts = _TURN.split(text)
    roles, texts = parts[1::2], parts[2::2]
    found = [
        {"role": "user" if role.startswith("H") else "assistant", "content": said.strip()}
        for role, said in zip(roles, texts, strict=True)
    ]
    if found and found[-1]["role"] == "assistant" and not found[-1]["content"]:
        found.pop()
    return tuple(found)


def dialogue_end(text: str) -> str:
    """The last message of a dialogue, which has to be the assistant's. Raises Unfit."""
    found = dialogue(text)
    if not found or found[-1]["role"] != "assistant":
        raise Unfit("a dialogue does not end with the assistant's message")
    return found[-1]["content"]


def split(value: object) -> tuple[Messages, str]:
    """A whole dialogue as its prompt and the assistant's last message. Raises Unfit."""
    found = messages(value)
    if found[-1]["role"] != "assistant":
        raise Unfit("a dialogue does not end with the assistant's message")
    return found[:-1], found[-1]["content"]


def _message(part: object) -> dict[str, str]:
    if not isinstance(part, Mapping):
        raise Unfit("a message is no object with role and content")
    name = str(part.get("role", part.get("from", ""))).lower()
    if name not in _ROLES:
        raise Unfit(
            "a message is of a tool" if name in ("tool", "function") else f"a message has the role {name[:20]!r}"
        )
    if part.get("tool_calls"):
        raise Unfit("a message calls a tool")
    return {"role": _ROLES[name], "content": text_of(part.get("content", part.get("value")))}


def text_of(content: Any) -> str:  # noqa: ANN401
    """The text of a message's content, which may be a list of parts. Raises Unfit."""
    if isinstance(content, str):
        return _REASONING.sub("", content) if "<details" in content else content
    if isinstance(content, Sequence):
        if any(isinstance(part, Mapping) and part.get("type", "text") != "text" for part in content):
            raise Unfit("a message has more than text")
        return "\n".join(str(part["text"] if isinstance(part, Mapping) else part) for part in content)
    raise Unfit("a message has no content")
